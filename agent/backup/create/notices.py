"""What a person should know of what was backed up: data that a copy of its files does not save."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from agent.settings.backup import Backup

NOTHING_LEFT = "DEV8_BACKUP_EXCLUDE excludes the whole workspace"
OF_THE_SYSTEM = ("bin", "dev", "etc", "lib", "lib64", "nix", "opt", "proc", "run", "sbin", "sys",
                 "tmp", "usr", "var")  # fmt: skip
"""Folders of / in which nobody keeps the files of a project."""
OF_PROGRAMS = "node_modules", ".venv", "venv"
"""Folders whose links are made by programs, which make them again."""


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


def explain_needs(
    needs: Iterable[tuple[Path, Path]], holds: Callable[[Path], bool]
) -> Iterator[str]:
    """Yield a line if git cannot read something without a folder that no backup holds.

    `needs`: worktrees and repositories, each with such a folder. `holds` tells what goes in.
    """
    left = sorted(need for need in needs if not holds(need[1]))
    if left:
        path, place = left[0]
        more = f" (and {len(left) - 1} more)" if len(left) > 1 else ""
        yield (
            f"{path}{more} is of no use without {place}, which is not in the backup: git keeps "
            "its commits there; move that into the workspace, or clone again without --shared, "
            "--reference or worktrees"
        )


def explain_links(links: Iterable[tuple[Path, Path]], home: Path) -> Iterator[str]:
    """Yield a line if links lead to files that no backup holds.

    `links`: those that lead out of what is backed up, each with where it leads.
    """
    left = sorted(link for link in links if _leads_to_data(*link, home))
    if left:
        path, place = left[0]
        more = f" (and {len(left) - 1} more)" if len(left) > 1 else ""
        way = f"add it with DEV8_BACKUP_HOME=+{place.relative_to(home)}" \
            if place.is_relative_to(home) else "move it into the workspace"  # fmt: skip
        yield f"{path}{more}: only the link is in the backup, not {place}; if you need that: {way}"


def _leads_to_data(path: Path, place: Path, home: Path) -> bool:
    """Tell whether a link leads to a person's own files, by where they are."""
    if not {*path.parts}.isdisjoint(OF_PROGRAMS):
        return False
    if place.is_relative_to(home):
        first = place.relative_to(home).parts[:1]
        return bool(first) and not first[0].startswith(".")  # what programs keep for themselves
    return place.parts[1:2] != () and place.parts[1] not in OF_THE_SYSTEM
