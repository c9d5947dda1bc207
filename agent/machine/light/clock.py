"""The machine's clocks, and how a time is written and read: RFC 3339.

`datetime` costs PID 1 350 kB, so it is imported by those who deal in it.
https://datatracker.ietf.org/doc/html/rfc3339
"""

import time

from agent.machine.light.expressions import regex
from agent.machine.light.files import SECRET, read_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime, tzinfo

FILE_TICK = 10_000_000
"""Nanoseconds: the kernel's times of files are at most as far behind its clock."""

_GO = regex(r"([^.]+?)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)")
"""Go's RFC3339Nano: https://pkg.go.dev/time#pkg-constants"""


class Clock:
    """The machine's clocks."""

    def now(self) -> "datetime":
        """Return the time of day, aware, in UTC. Somebody may set it at any moment."""
        from datetime import UTC, datetime  # noqa: PLC0415 - see above

        return datetime.now(UTC)

    def uptime(self) -> float:
        """Return the seconds since the machine started, suspensions included: nobody sets it.

        It is the first number of /proc/uptime, where shell scripts can read it, too.
        """
        return float(read_file("/proc/uptime", SECRET).split()[0])


def timestamp(seconds: float, digits: int = 3) -> str:
    """Return seconds since the epoch as RFC 3339 in UTC: texts of one length sort by time.

    `digits` of a second follow, cut and not rounded.
    """
    whole = int(seconds // 1)
    fraction = f".{int((seconds - whole) * 10**digits):0{digits}d}" if digits else ""
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(whole))}{fraction}Z"


def format_time(moment: "datetime") -> str:
    """Return an aware time as RFC 3339 in UTC, whole seconds."""
    return timestamp(moment.timestamp(), digits=0)


def read_time(text: str, zone: "tzinfo | None" = None) -> "datetime":
    """Return the time that a text holds, in UTC, to the microsecond.

    `zone` is meant where the text names none; without one that is no time. Raises ValueError.
    """
    from datetime import UTC, datetime  # noqa: PLC0415 - see above

    found = datetime.fromisoformat(text)
    if found.tzinfo is None and zone is None:
        raise ValueError(f"a time without a zone: {text}")
    try:
        return (found if found.tzinfo else found.replace(tzinfo=zone)).astimezone(UTC)
    except OverflowError as error:
        raise ValueError(str(error)) from error


def parse_time(text: str, zone: "tzinfo | None" = None) -> "datetime | None":
    """Return the time that a text holds, or None; see `read_time`."""
    try:
        return read_time(text, zone)
    except ValueError:
        return None


def read_nanoseconds(text: str) -> int:
    """Return the nanoseconds since the epoch of a time as Go prints it. Raises ValueError."""
    found = _GO.fullmatch(text)
    if not found:
        raise ValueError(f"not a time: {text}")
    seconds = int(read_time(found[1] + found[3]).timestamp())
    return seconds * 10**9 + int((found[2] or "").ljust(9, "0"))
