"""Signing: commits and tags are signed with the user's SSH key, once it has made a signature.

The settings lie in a file of their own that git's defaults include, so that one file can be taken
back when the key is gone or does not sign. https://git-scm.com/docs/git-config, gpg.format
"""

from collections.abc import Iterator
from pathlib import Path

from agent.errors import Problem
from agent.gitconfig import SIGNING, quote
from agent.keys import KEY_NAMES, find_folder, mend_private_key
from agent.lines import find_last_line
from agent.plan import File, Resource
from agent.secret import Secret
from agent.settings import Settings
from agent.system import Facts

SIGNERS = "allowed_signers"
"""Beside them: whose signatures `git log --show-signature` takes for good; ssh-keygen(1)."""


def resources(settings: Settings, facts: Facts) -> Iterator[Resource | Problem]:
    """Yield git's settings for signing.

    A problem, and no settings, when the key cannot sign or the user signs with something else.
    """
    if settings.git.signing != "ssh":
        return
    path = find_key(settings, facts)
    if path is None:
        yield Problem(
            "cannot sign commits: the key of SSH_PRIVATE_KEY is not installed",
            "see what is said of SSH_PRIVATE_KEY",
        )
        return
    if problem := find_own_signing(path, facts) or try_to_sign(path, facts):
        yield problem
        return
    signers = facts.defaults / SIGNERS
    public = (
        (facts.read(path.with_name(f"{path.name}.pub")) or b"").decode(errors="replace").strip()
    )
    who = settings.git.user_email or "*"
    yield File(signers, f'{who} namespaces="git" {public}\n'.encode(), adopt=True)
    yield File(facts.defaults / SIGNING, render_config(path, signers).encode(), adopt=True)


def find_key(settings: Settings, facts: Facts) -> Path | None:
    """Return where the ssh step has put the key, or None if it has not."""
    secret = facts.secret(settings.ssh.private_key)
    if not isinstance(secret, Secret):
        return None
    wanted = mend_private_key(secret.reveal())
    paths = (find_folder(facts) / name for name in dict.fromkeys(KEY_NAMES.values()))
    return next((path for path in paths if facts.read(path) == wanted), None)


def find_own_signing(path: Path, facts: Facts) -> Problem | None:
    """Return what the user's own settings of git sign with, if it is not this key.

    A key for OpenPGP would be no use beside our gpg.format, which is below the user's settings.
    """
    # From / so that no repository takes part. Without --includes git leaves out included files.
    asked = ("git", "-C", "/", "config", "--global", "--includes", "-z", "--get-regexp")
    done = facts.run((*asked, r"^(user\.signingkey|gpg\.format)$"))
    ours = {"user.signingkey": str(path), "gpg.format": "ssh"}
    for entry in done.stdout.decode(errors="replace").split("\0")[:-1]:
        name, _, value = entry.partition("\n")
        if value != ours.get(name):
            return Problem(
                f"left the signing of commits to you: your own git configuration sets {name}",
                f"to sign with SSH_PRIVATE_KEY: git config --global --unset-all {name}; "
                "devcopilot configure",
                level="info",
            )
    return None


def try_to_sign(path: Path, facts: Facts) -> Problem | None:
    """Make a signature with the key and throw it away; return what is wrong."""
    if path in facts.pending:
        return None  # it is only planned yet
    argv = ("ssh-keygen", "-Y", "sign", "-n", "git", "-f", str(path))
    done = facts.run(argv, stdin=b"a test signature\n")
    if done.returncode == 0 and b"BEGIN SSH SIGNATURE" in done.stdout:
        return None
    return Problem(
        f"cannot sign commits with {path}: {find_last_line(done.stderr)[:120]}",
        "give a key that can sign without a question, or set DEV8_GIT_SIGNING=off",
    )


def render_config(key: Path, signers: Path) -> str:
    """Return the settings in git's own format."""
    return f"""\
# Written by devcopilot; your own settings in ~/.gitconfig override it.
[gpg]
\tformat = ssh
[gpg "ssh"]
\tallowedSignersFile = {quote(str(signers))}
[user]
\tsigningKey = {quote(str(key))}
[commit]
\tgpgSign = true
[tag]
\tgpgSign = true
"""
