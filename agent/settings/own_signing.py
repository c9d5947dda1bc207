"""What the user's own settings of git want for signatures, and whether it can be had here."""

import os
from collections.abc import Mapping
from pathlib import Path

from agent.machine.errors import Problem
from agent.machine.formats.gitconfig import ask_git, find_unreadable, may_set
from agent.machine.formats.private_keys import KEY_NAMES, find_folder
from agent.machine.secret import Secret
from agent.machine.system import Facts
from agent.settings.everything import Settings

_SWITCHES = ("commit.gpgSign", "tag.gpgSign")
_TRUE = ("true", "yes", "on", "1")
_PROGRAMS = {"openpgp": "gpg", "ssh": "ssh-keygen", "x509": "gpgsm"}
"""By gpg.format; git-config(1)."""
_LITERAL = ("key::", "ssh-", "ecdsa-", "sk-")
"""What the text of a public key begins with, where no path does."""


def find_key(settings: Settings, facts: Facts) -> Path | None:
    """Return where the ssh step has put the key that is to sign, or None if there is none."""
    secret = facts.secret(settings.ssh.private_key)
    if settings.git.signing != "ssh" or not isinstance(secret, Secret):
        return None
    wanted = secret.reveal().encode()
    paths = (find_folder(facts) / name for name in dict.fromkeys(KEY_NAMES.values()))
    return next((path for path in paths if facts.read(path) == wanted), None)


def find_own_signing(path: Path, own: Mapping[str, str]) -> Problem | None:
    """Return what the user's own settings of git sign with, if it is not this key.

    A key for OpenPGP would be no use beside our gpg.format, which is below the user's settings.
    """
    ours = {"user.signingkey": str(path), "gpg.format": "ssh"}
    for name, value in ours.items():
        if own.get(name, value) != value:
            return Problem(
                f"left commit signing to you: your git configuration sets {name}",
                f"to sign with SSH_PRIVATE_KEY: git config --global --unset-all {name}; "
                "devcopilot configure",
                level="info",
            )
    return None


def check_own(settings: Settings, facts: Facts) -> Problem | None:
    """Return why no commit can be signed as the user's own settings want it, as of now."""
    own, path = read_own(facts), find_key(settings, facts)
    return find_broken(own, facts, None if path and find_own_signing(path, own) else path)


def read_own(facts: Facts) -> dict[str, str]:
    """Return what the user's own configuration of git says of signing; names in small letters.

    Of a file that git cannot read the step of git's defaults tells.
    """
    if find_unreadable(facts) or not may_set(facts, (b"sign", b"gpg")):
        return {}
    # Without --includes git leaves out included files.
    pattern = r"^(user\.signingkey|gpg\..*|(commit|tag)\.gpgsign)$"
    found = ask_git(facts, pattern, "--global", "--includes")
    return {} if isinstance(found, Problem) else dict(found)


def find_broken(own: Mapping[str, str], facts: Facts, ours: Path | None) -> Problem | None:
    """Return why each commit or tag will fail for its signature; `ours`: the key that we set.

    A configuration that comes from a laptop names programs and keys of there. What only a session
    can have, such as a forwarded agent, is not missed.
    """
    wanted = next((name for name in _SWITCHES if own.get(name.lower(), "").lower() in _TRUE), None)
    if wanted is None and ours is None:
        return None
    kind = own.get("gpg.format", "ssh" if ours else "openpgp")
    cause = _find_cause(own, facts, kind, ours)
    if cause is None:
        return None
    undo = f"{wanted} false" if wanted else f"--unset-all gpg.{kind}.program"
    return Problem(
        f"cannot sign commits as your git configuration asks: {cause}",
        f"install it here, or run: git config --global {undo}",
    )


def _find_cause(own: Mapping[str, str], facts: Facts, kind: str, ours: Path | None) -> str | None:
    older = own.get("gpg.program") if kind == "openpgp" else None
    program = own.get(f"gpg.{kind}.program") or older or _PROGRAMS.get(kind)
    if program is None:
        return None  # git itself names a kind that it does not know
    if facts.which(expand(program, facts)) is None:
        return f"{program} is not installed here"
    if kind == "ssh" and ours is None:
        return _find_missing_file(own, facts)
    return _find_missing_secret(own, facts) if kind == "openpgp" else None


def expand(path: str, facts: Facts) -> str:
    """Return a path as git reads it in its configuration."""
    return str(facts.home / path[2:]) if path.startswith("~/") else path


def _find_missing_file(own: Mapping[str, str], facts: Facts) -> str | None:
    key = own.get("user.signingkey")
    if not key:
        command = own.get("gpg.ssh.defaultkeycommand")
        return None if command else "it names no key (user.signingKey)"
    path = Path(expand(key, facts))
    if key.startswith(_LITERAL) or not path.is_absolute() or path in facts.pending:
        return None
    return None if os.path.lexists(path) else f"there is no key {path}"


def _find_missing_secret(own: Mapping[str, str], facts: Facts) -> str | None:
    """Look without gpg where there is no key at all: it would make a folder, and start an agent."""
    folder = Path(facts.environ.get("GNUPGHOME") or facts.home / ".gnupg")
    places = ("private-keys-v1.d/*.key", "secring.gpg", "S.gpg-agent")
    if not any(found for place in places for found in folder.glob(place)):
        return f"there is no secret key in {folder}"
    key = own.get("user.signingkey")
    argv = ("gpg", "--batch", "--no-autostart", "--lock-never", "--trust-model", "always")
    if key and facts.run((*argv, "--list-keys", "--", key)).returncode == 2:
        return f"there is no key {key} in {folder}"
    return None
