"""What is done before each run of restic: a look at all that goes in, and consistent copies."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from agent.backup.create import databases, git_repositories
from agent.backup.create.content import Content, find_place
from agent.backup.create.databases import Failure
from agent.backup.create.missing_files import is_gone
from agent.backup.create.mounts import find_mounts
from agent.backup.create.snapshot import Contents
from agent.backup.create.survey import Found, survey
from agent.machine.formats.globs import compile_patterns, escape
from agent.machine.system import Facts

COPIES = "databases"
"""Folder in the state folder."""
DATABASE_SECONDS = 60.0
"""For the copies of all databases together."""
DATABASE_EACH = 20.0
"""For one of them."""
DATABASE_SHARE = 0.3
"""Of a round that must end soon."""


def find_staging(facts: Facts) -> Path:
    """Return where the copies of databases lie, below their absolute paths."""
    return find_place(facts.state / COPIES)


@dataclass
class Preparation:
    """The workspace as the last look saw it, got ready for restic."""

    planned: Content
    staging: Path
    """Where the copies lie."""
    workspace: Path
    seconds: float | None = None
    """Time for the whole round; None: as long as it takes."""
    lacks: tuple[str, ...] = ()
    """What is missing already, each with the cause."""
    mounts: tuple[Path, ...] = field(init=False)
    """What was mounted in it at the first look."""
    found: Found = field(init=False)
    contents: Contents = field(init=False)
    """What goes in, as it was last made ready."""

    def __post_init__(self) -> None:
        self.mounts = find_mounts(self.planned)
        self.found = survey(self.planned)

    def look_again(self) -> tuple[Path, ...]:
        """Look once more, and return what has been moved since the last look and goes in."""
        if self.found.places.are_as_seen():
            return ()
        self.found = survey(self.planned, self.found)
        excluded, caches = compile_patterns(self._excludes), set(self.found.caches)
        return tuple(sorted(
            path for path in self.found.places.find_moved()
            if not excluded(str(path)) and caches.isdisjoint((path, *path.parents))
        ))  # fmt: skip

    def make_ready(self) -> Contents:
        """Return what goes into the backup, with fresh copies of what is in use; keep it, too."""
        paths = self.planned.paths
        missing = [*self.lacks]
        doubtful: tuple[Failure, ...] = ()
        try:
            doubtful, uncopied = self._copy()
            missing += uncopied
            if any(databases.find_copies(self.staging)):
                paths = self.planned.add(self.staging).paths
        except OSError as error:
            what = "no consistent copies of databases and branches"
            missing.append(f"{what}: {self.staging}: {error.strerror}")
        missing += self._find_lacks()
        unreadable = self.found.unreadable
        self.contents = Contents(paths, self._excludes, tuple(missing), doubtful, unreadable)
        return self.contents

    @property
    def _excludes(self) -> tuple[str, ...]:
        return (*self.planned.excludes, *map(escape, self.found.mirrors))

    def _copy(self) -> tuple[tuple[Failure, ...], list[str]]:
        """Copy databases and what names objects of git; return what was not. Raises OSError."""
        if self.seconds is None:
            seconds, each = DATABASE_SECONDS, DATABASE_EACH
        else:
            seconds = each = self.seconds * DATABASE_SHARE
        bases = self.found.databases
        archives = git_repositories.find_places(self.found.repositories, self.staging, bases)
        copied = databases.copy_all(
            bases, self.staging, seconds=seconds, each=each, others=archives.values()
        )
        return copied.failures, git_repositories.copy_all(archives)

    def _find_lacks(self) -> Iterator[str]:
        """Yield what cannot be in it, whatever restic does."""
        for path in self.found.caches:
            if path in self.planned.paths:
                yield f"{path}: all of it, because its CACHEDIR.TAG marks it as a cache"
        for path, cache in self.found.clones:
            if cache not in self.planned.paths:
                whose = "its CACHEDIR.TAG" if path == cache else f"{cache}/CACHEDIR.TAG"
                yield f"{path}: all of it, because {whose} marks it as a cache"
        workspace = Path(os.path.realpath(self.workspace))
        if is_gone(workspace):
            yield f"{workspace}: there is no such folder; check that its volume is mounted"
