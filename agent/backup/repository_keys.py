"""The passwords that open a repository: restic calls each a key, and any number may be added."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from agent.backup.restic import locks
from agent.backup.restic.client import LOCK_WAIT, Restic
from agent.machine.system import Facts, System
from agent.machine.values import frozen

USER = "recovery"
"""What a key that was added is marked with."""
FILE = "backup-key"
"""In the runtime folder, on tmpfs: a new password on its way to restic."""


@frozen
class Key:
    """A password of a repository, without the password."""

    id: str
    user: str
    host: str
    created: str
    """As restic tells it: in local time."""
    current: bool
    """Whether it is the one that the agent uses."""


def list_keys(restic: Restic) -> list[Key]:
    """Return the keys of a repository. Raises ResticError."""
    doing = f"list the passwords of {restic.target.name}"
    rows = json.loads(restic.check(doing, "key", "list", "--json", "--no-lock").output or "[]")
    return [
        Key(row["id"], row["userName"], row["hostName"], row["created"], row["current"])
        for row in rows
    ]


def add_key(restic: Restic, password: str, host: str) -> Key:
    """Add a password, and return it as a key once the repository has been opened with it.

    `host`: the workspace's name. Raises ResticError, or OSError when there is no place for a file.
    """
    target = restic.target
    with keep_in_file(password, restic.facts) as path:
        restic.check(
            f"add a password to {target.name}", "key", "add", "--new-password-file", str(path),
            "--user", USER, "--host", host, "--retry-lock", LOCK_WAIT,
        )  # fmt: skip
        others = {name: text for name, text in target.environment.items()
                  if not name.startswith("RESTIC_PASSWORD")}  # fmt: skip
        environment = {**others, "RESTIC_PASSWORD_FILE": str(path)}
        with_new = Restic(replace(target, environment=environment), restic.facts)
        return next(key for key in list_keys(with_new) if key.current)


def remove_key(restic: Restic, key: Key) -> None:
    """Make a password worthless; restic refuses that for the one in use. Raises ResticError."""
    locks.check_alone(restic, f"remove a password of {restic.target.name}", "key", "remove", key.id)


@contextmanager
def keep_in_file(password: str, facts: Facts) -> Iterator[Path]:
    """Yield the path of a private file with the password in it, which is gone afterwards."""
    path = facts.runtime / f"{FILE}.{os.getpid()}"
    system = System(facts.environ)
    try:
        system.write_file(path, f"{password}\n".encode(), 0o600)
        yield path
    finally:
        system.remove_file(path)
