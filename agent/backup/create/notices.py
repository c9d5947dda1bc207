"""What a person should know of what was backed up: data that a copy of its files does not save."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from agent.settings.backup import Backup

NOTHING_LEFT = "DEV8_BACKUP_EXCLUDE excludes the whole workspace"


def find_notices(
    servers: Iterable[tuple[str, Path]], backup: Backup, *, emptied: bool = False
) -> Iterator[str]:
    """Yield a line for the database servers whose files are there, if no command dumps anything.

    And one if nothing of the workspace is left by the user's patterns: `emptied`.
    """
    if emptied and backup.exclude:
        yield f"{NOTHING_LEFT}: no file of it is in the backup"
    found = ", ".join(f"{name} ({path})" for name, path in sorted(servers))
    if found and not backup.before:
        yield (
            f"data of {found}: its files are backed up, but a copy from a running server may be "
            "useless; set DEV8_BACKUP_PRE to a command that dumps it (see docs/backups.md)"
        )
