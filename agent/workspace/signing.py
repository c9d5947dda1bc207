"""Signing: commits and tags are signed with the user's SSH key, once it has made a signature.

The settings are in a separate file that git's defaults include, so that one file can be taken
back when the key is gone or does not sign. https://git-scm.com/docs/git-config, gpg.format
"""

from collections.abc import Iterator
from pathlib import Path

from agent.machine.errors import Problem
from agent.machine.formats.gitconfig import SIGNING
from agent.machine.formats.lines import find_last_line
from agent.machine.light.escaping import quote
from agent.machine.planning.resources import File, Resource
from agent.machine.system import Facts
from agent.settings.context import Context
from agent.settings.own_signing import find_broken, find_key, find_own_signing, read_own
from agent.settings.step import Step

SIGNERS = "allowed_signers"
"""Beside them: whose signatures `git log --show-signature` takes for good; ssh-keygen(1)."""


def resources(context: Context) -> Iterator[Resource | Problem]:
    """Yield git's settings for signing.

    A problem, and no settings, when the key cannot sign or the user signs with something else.
    """
    settings, facts = context.settings, context.facts
    own = read_own(facts)
    path = find_key(settings, facts)
    asked = settings.git.signing == "ssh"
    left = find_own_signing(path, own) if path else None
    if broken := find_broken(own, facts, None if left else path):
        yield broken
    if asked and path is None:
        yield Problem(
            "cannot sign commits: the key of SSH_PRIVATE_KEY is not installed",
            "see the problem with SSH_PRIVATE_KEY",
        )
    if path is None:
        return
    if problem := left or try_to_sign(path, facts):
        yield problem
        return
    signers = facts.defaults / SIGNERS
    public = (
        (facts.read(path.with_name(f"{path.name}.pub")) or b"").decode(errors="replace").strip()
    )
    who = settings.git.user_email or "*"
    yield File(signers, f'{who} namespaces="git" {public}\n'.encode(), adopt=True)
    yield File(facts.defaults / SIGNING, render_config(path, signers).encode(), adopt=True)


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
        "use a key that can sign without asking, or set DEV8_GIT_SIGNING=off",
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


STEP = Step("signing", resources)
