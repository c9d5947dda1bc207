"""One round: the workspace is made ready once, then backed up to each target in turn."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from agent.backup import content, databases, hooks, record
from agent.backup.creation import TAG, Contents, Made, Maker
from agent.errors import Problem
from agent.follow import Limits, Listener
from agent.restic import Restic
from agent.settings import Settings
from agent.system import Facts
from agent.target import Target, name_workspace

DATABASE_SECONDS = 60.0
"""For the copies of all databases together."""
DATABASE_SHARE = 0.3
"""Of a round that must end soon."""


@dataclass(frozen=True)
class Wishes:
    """How a round is to be."""

    tag: str = TAG
    force: bool = False
    hooks: bool = True
    seconds: float | None = None
    """Time for all of it; None: as long as it takes."""


@dataclass(frozen=True)
class Outcome:
    """What became of a round."""

    made: tuple[Made, ...]
    excludes: tuple[str, ...] = ()
    """The user's patterns of what is left out."""
    caches: tuple[Path, ...] = ()
    """Folders that are left out since a CACHEDIR.TAG says that they are caches."""


@dataclass(frozen=True)
class Session:
    """What a round works with."""

    settings: Settings
    facts: Facts
    targets: Sequence[Target]
    wishes: Wishes
    listen: Callable[[Target], Listener] = field(repr=False)
    """Gives, for each target, who is told how restic gets on."""

    def back_up(self) -> Outcome:
        """Make a backup on every target, and keep what became of it in the record.

        The caller holds the lock. Raises OSError when the record cannot be written.
        """
        began = time.monotonic()
        before = self._run_hook("DEV8_BACKUP_PRE", self.settings.backup.before)
        planned = content.find_content(self.settings, self.facts)
        found = content.walk(planned.paths)
        contents = self._add_copies(planned, found, before)
        made = tuple(self._back_up_to(target, contents, limits)
                     for target, limits in self._share_time(began))  # fmt: skip
        after = self._run_hook("DEV8_BACKUP_POST", self.settings.backup.after)
        if after:
            made = tuple(replace(item, missing=(*item.missing, str(after))) for item in made)
        return Outcome(made, planned.wishes, tuple(sorted(found.caches)))

    def _run_hook(self, variable: str, argv: Sequence[str] | None) -> Problem | None:
        if not argv or not self.wishes.hooks:
            return None
        seconds = self.settings.backup.hook_timeout
        folder = self.settings.workspace.folder
        return hooks.run(variable, argv, self.facts.environ, folder, seconds)

    def _add_copies(
        self, planned: content.Content, found: content.Found, hook: Problem | None
    ) -> Contents:
        """Return what goes into the backup, with the copies of databases that are in use."""
        staging = self.facts.state / content.COPIES
        wanted = self.wishes.seconds
        seconds = DATABASE_SECONDS if wanted is None else wanted * DATABASE_SHARE
        try:
            copied = databases.copy_all(found.databases, staging, seconds)
        except OSError as error:
            cause = f"no consistent copies of databases: {staging}: {error.strerror}"
            copied = databases.Copied(failures=(cause,))
        missing = ([str(hook)] if hook else []) + list(copied.failures)
        paths = (*planned.paths, staging) if copied.copies else planned.paths
        return Contents(paths, planned.excludes, tuple(missing))

    def _share_time(self, began: float) -> Iterator[tuple[Target, Limits]]:
        """Yield each target when its turn has come, with its share of the time that is left."""
        for count, target in enumerate(self.targets):
            if self.wishes.seconds is None:
                yield target, Limits()
                continue
            left = max(0.0, began + self.wishes.seconds - time.monotonic())
            yield target, Limits(total=left / (len(self.targets) - count))

    def _back_up_to(self, target: Target, contents: Contents, limits: Limits) -> Made:
        tried = record.format_time(datetime.now(UTC))
        maker = Maker(
            name_workspace(self.settings), contents, self.wishes.tag,
            force=self.wishes.force, listener=self.listen(target), limits=limits,
        )  # fmt: skip
        made = maker.make(Restic(target, self.facts, memory=self.settings.backup.memory))
        if self.wishes.tag == TAG:
            record.note(self.facts, target.name, **find_news(made, tried))
        return made


def find_news(made: Made, tried: str) -> dict[str, object]:
    """Return what a record is to hold of a backup that was begun at this time."""
    snapshot = made.snapshot
    if made.problem or snapshot is None:
        return {"tried": tried, "problem": str(made.problem)}
    known = {
        "tried": tried,
        "seen": tried,
        "problem": "",
        "snapshot": snapshot.id,
        "made": record.format_time(snapshot.time),
        "files": snapshot.files,
        "size": snapshot.size,
        "seconds": round(made.seconds, 1),
        "missing": made.missing,
    }
    return known if made.unchanged else {**known, "added": snapshot.added}
