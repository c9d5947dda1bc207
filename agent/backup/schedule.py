"""When a backup is due: an interval or a cron line, with missed ones made up once."""

import hashlib
import os
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path

from agent.backup.target import name_workspace
from agent.machine.system import Facts
from agent.machine.values import frozen
from agent.settings.everything import Settings
from agent.settings.parsers import Schedule

JITTER_SHARE = 0.1
"""Of the time between two backups: by so much at most a workspace is later than the plan."""
MOST_JITTER = timedelta(minutes=5)
SKEW = timedelta(minutes=5)
"""What a clock may be set back without a word about it."""
LOCAL_TIME = Path("/etc/localtime")


@frozen
class Plan:
    """The schedule of one workspace. All moments that come in or go out are aware."""

    schedule: Schedule
    workspace: str
    """Its name, from which its jitter is made: always the same, so that many do not begin at once.
    """
    zone: tzinfo = UTC
    """For a cron line: whose hours those are; see `find_zone`."""

    def is_due(self, last: datetime | None, now: datetime) -> bool:
        """Tell whether a backup is due now; `last` is when one was last tried, if ever."""
        return self.find_next(last, now) <= now

    def find_next(self, last: datetime | None, now: datetime) -> datetime:
        """Return when the next backup is due; what is not later than `now` is due at once.

        However many were missed since `last`, that is one. A `last` far in the future was noted by
        a clock that was wrong, and counts for nothing.
        """
        if last is None or last > now + SKEW:
            return now
        if isinstance(self.schedule, str):
            return self._find_cron(self.schedule, last)
        pause = timedelta(seconds=self.schedule)
        return last + pause + self.find_jitter(pause)

    def find_jitter(self, pause: timedelta) -> timedelta:
        """Return by how much this workspace is later than planned, where runs are `pause` apart."""
        number = int.from_bytes(hashlib.sha256(self.workspace.encode()).digest()[:4])
        return min(pause * JITTER_SHARE, MOST_JITTER) * (number / 2**32)

    def _find_cron(self, line: str, last: datetime) -> datetime:
        """Return the line's next moment after `last`.

        On the days when clocks change it is as with Debian's cron: a time that is skipped runs
        right after the gap, one that comes twice runs once, and lines of every hour or minute go by
        the time that really passes.
        """
        from cronsim import CronSim  # noqa: PLC0415 - only who has a cron line pays for it

        moments = CronSim(line, last.astimezone(self.zone))
        first = next(moments).astimezone(UTC)
        while first <= last:  # within an hour that comes twice
            first = next(moments).astimezone(UTC)
        pause = next(moments).astimezone(UTC) - first
        return first + self.find_jitter(pause)


def find_zone(environ: Mapping[str, str], now: datetime) -> tzinfo:
    """Return the container's time zone: that of TZ or, without one, of /etc/localtime.

    A TZ that names no zone, such as CET-1CEST, stands for what the clock on the wall differs from
    UTC now; an image without any zones for UTC.
    """
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError  # noqa: PLC0415 - as for CronSim

    name = environ.get("TZ", "").removeprefix(":")
    try:
        if name:
            return ZoneInfo(name)
        with LOCAL_TIME.open("rb") as file:
            return ZoneInfo.from_file(file, key=os.path.realpath(LOCAL_TIME))
    except (OSError, ValueError, ZoneInfoNotFoundError):
        return now.astimezone().tzinfo or UTC


def find_plan(settings: Settings, facts: Facts) -> Plan | None:
    """Return when backups are made automatically; None: never."""
    wanted = settings.backup.schedule
    if not wanted:
        return None
    has_hours = isinstance(wanted, str)
    zone = find_zone(facts.environ, facts.clock.now()) if has_hours else UTC
    return Plan(wanted, name_workspace(settings), zone)
