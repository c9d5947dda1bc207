"""What a person should know of what was backed up: data that a copy of its files does not save."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from agent.backup_group import Backup


def find_notices(servers: Iterable[tuple[str, Path]], backup: Backup) -> Iterator[str]:
    """Yield a line for the database servers whose files lie there, if no command dumps anything."""
    found = ", ".join(f"{name} ({path})" for name, path in sorted(servers))
    if found and not backup.before:
        yield (
            f"data of {found}: its files are backed up, but copied from a running server they may "
            "be of no use; set DEV8_BACKUP_PRE to a command that dumps it (see docs/backups.md)"
        )
