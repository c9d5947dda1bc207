"""Where backups go: the values that targets/ and the backup share, and the key to a repository.

A target is one restic repository. What opens it, is in the environment of the programs that use it,
never in an argument; all of it is for the workspace's user alone.
"""

import hashlib
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import field, replace
from pathlib import Path

from agent.machine.errors import Problem
from agent.machine.hints import find_hint
from agent.machine.light import runtime
from agent.machine.light.files import SECRET
from agent.machine.secret import Secret
from agent.machine.system import Facts
from agent.machine.values import frozen
from agent.settings.backup import Backup
from agent.settings.everything import Settings

PROGRAM = "restic"
"""What keeps the backups."""
PASSWORD = "backup/password"  # noqa: S105 - a file's name, in the state folder
"""The password that was made for a local repository when none was given."""
LIMITED = (sys.executable, "-I", "-m", "agent.backup.password_command")
"""What the user's command for the password is run by."""
HOW_TO_MAKE = (
    "generate one, keep it outside the container, and pass it in: "
    "devcopilot backup key make >FILE; DEV8_BACKUP_PASSWORD_FILE=FILE"
)


@frozen
class Target:
    """One place that backups go to."""

    name: str
    """local, s3 or azure."""
    repository: str
    """As restic's RESTIC_REPOSITORY; it holds no secret."""
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    """What restic needs beside the password, secrets included."""
    options: tuple[str, ...] = ()
    """restic's `-o`: key=value."""
    folder: Path | None = None
    """The folder of a local repository; None: it is behind a network."""
    server: str = ""
    """The URL of the server that it is on; empty: it is on none."""


@frozen
class TargetKind:
    """One way to keep backups."""

    name: str
    variable: str
    """What asks for it, when set."""
    is_configured: Callable[[Backup], bool]
    find: Callable[[Settings, Facts], Target | Problem | None]
    """Return the target, None when none is wanted, or what is wrong. Reads files, changes none."""


@frozen
class Targets:
    """All targets that are wanted."""

    ready: tuple[Target, ...]
    """Those that can be used, with their key in the environment."""
    in_trouble: Mapping[str, Problem]
    """Name -> what keeps another one from being used."""

    def __bool__(self) -> bool:
        return bool(self.ready or self.in_trouble)


def find_targets(kinds: Iterable[TargetKind], settings: Settings, facts: Facts) -> Targets:
    """Return the targets that these settings name."""
    ready: list[Target] = []
    trouble: dict[str, Problem] = {}
    for kind in kinds:
        found = kind.find(settings, facts)
        if isinstance(found, Target):
            found = _unlock(found, settings, facts)
        if isinstance(found, Target):
            ready.append(found)
        elif found:
            trouble[kind.name] = found
    return Targets(tuple(ready), trouble)


def _unlock(target: Target, settings: Settings, facts: Facts) -> Target | Problem:
    """Return the target with the key to it."""
    key = find_key(target, settings, facts)
    if isinstance(key, Problem):
        return key
    return replace(target, environment={**target.environment, **key})


def find_key(target: Target, settings: Settings, facts: Facts) -> dict[str, str] | Problem:
    """Return the variables that hand the repository's password to restic, or what is wrong."""
    given = settings.backup.password
    if given:
        found = facts.secret(given)
        if isinstance(found, Problem):
            return found
        path = given.file or facts.runtime / runtime.SECRETS / given.variable
        return {"RESTIC_PASSWORD_FILE": str(path)}
    if settings.backup.password_command:
        return _find_command_key(settings.backup.password_command, facts)
    if target.folder is None:
        return Problem(f"cannot back up to {target.name}: no password is set", HOW_TO_MAKE)
    path = facts.state / PASSWORD
    try:
        facts.read(path, SECRET)  # restic would wait for a pipe, and take in all of a device
    except OSError as error:
        return Problem(f"cannot read {path}: {error.strerror}", find_hint(error, path))
    return {"RESTIC_PASSWORD_FILE": str(path)}


def _find_command_key(command: tuple[str, ...], facts: Facts) -> dict[str, str] | Problem:
    # restic splits it itself, by quotes alone: no shell is in between.
    words = (*LIMITED, *command)
    return facts.find_missing_program("DEV8_BACKUP_PASSWORD_COMMAND", command) or {
        "RESTIC_PASSWORD_COMMAND": " ".join(map(_quote, words))
    }


def needs_made_password(targets: Iterable[Target], facts: Facts) -> bool:
    """Tell whether a target opens with the password that the agent makes and keeps."""
    path = str(facts.state / PASSWORD)
    return any(target.environment.get("RESTIC_PASSWORD_FILE") == path for target in targets)


def name_workspace(settings: Settings) -> str:
    """Return the workspace's name for folders and for restic: of letters that need no quotes."""
    given = settings.workspace.identifier
    if not given:
        return "workspace"
    if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", given):
        return given
    return hashlib.sha256(given.encode()).hexdigest()[:32]


def reveal(found: Secret | Problem | None) -> str:
    """Return the text of a secret that is known to be good."""
    return found.reveal() if isinstance(found, Secret) else ""


def _quote(word: str) -> str:
    """Return a word as restic's splitter takes it: quotes around, and none of that kind inside.

    https://github.com/restic/restic/blob/v0.18.0/internal/backend/shell_split.go
    """
    return f'"{word}"' if "'" in word else f"'{word}'"
