"""When a backup is due: an interval or a cron line, with missed ones made up once."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from agent.texts import Schedule

JITTER_SHARE = 0.1
"""Of an interval: by so much at most each workspace is later than the plan, always the same."""
MOST_JITTER = timedelta(minutes=5)


@dataclass(frozen=True)
class Plan:
    """The schedule of one workspace."""

    schedule: Schedule
    workspace: str
    """Its name, from which the jitter is made: many workspaces do not begin at once."""

    def find_next(self, last: datetime | None, now: datetime) -> datetime:
        """Return when the next backup is due, which may be past: then at once. All times aware.

        `last` is when the last one was tried; one in the future was noted by a wrong clock.
        """
        if last is None:
            return now
        last = min(last, now)
        if isinstance(self.schedule, str):
            return self._find_cron(last)
        pause = timedelta(seconds=self.schedule)
        return last + pause + self.jitter(min(pause * JITTER_SHARE, MOST_JITTER))

    def _find_cron(self, last: datetime) -> datetime:
        from cronsim import CronSim  # noqa: PLC0415 - only who has a cron line pays for it

        # Without a zone cron's hours are those of the clock on the wall. On the day when that is
        # put forward a time may not exist, and an earlier moment stands for it.
        times = CronSim(str(self.schedule), last.astimezone().replace(tzinfo=None))
        moments = (wall.astimezone(UTC) for wall in times)
        return next(moment for moment in moments if moment > last) + self.jitter(MOST_JITTER)

    def jitter(self, longest: timedelta) -> timedelta:
        """Return this workspace's share of a time."""
        number = int.from_bytes(hashlib.sha256(self.workspace.encode()).digest()[:4])
        return longest * (number / 2**32)
