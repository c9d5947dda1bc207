"""How people read a size, a duration, and a moment."""

import time
from collections.abc import Sequence

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime

_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_SOME = 5


def format_size(size: float) -> str:
    """Return bytes: 1.2 GB."""
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" or size >= 100 else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"


def list_some(names: Sequence[str]) -> str:
    """Return names as a text, a few of them where there are many."""
    more = f" and {len(names) - _SOME} more" if len(names) > _SOME else ""
    return ", ".join(names[:_SOME]) + more


def format_share(share: float) -> str:
    """Return a share of a whole: 40 %."""
    return f"{share * 100:.0f} %"


def format_duration(seconds: float) -> str:
    """Return a duration in its one or two largest units: 5 s, 12 min, 2 h 10 min, 3 d 4 h."""
    if seconds < 1.5 * _MINUTE:
        return f"{max(seconds, 0):.0f} s"
    minutes = round(seconds / _MINUTE)
    if minutes < 90:
        return f"{minutes} min"
    if minutes < _DAY // _MINUTE:
        return f"{minutes // 60} h {minutes % 60} min"
    days, hours = divmod(round(seconds / _HOUR), 24)
    return f"{days} d {hours} h"


def format_age(moment: "datetime") -> str:
    """Return how long ago a moment was, in its largest unit: 3 h ago."""
    seconds = -find_left(moment)
    if seconds < -_MINUTE:
        return "in the future: was the clock wrong?"
    for unit, length in (("d", _DAY), ("h", _HOUR), ("min", _MINUTE)):
        if seconds >= length:
            return f"{seconds / length:.0f} {unit} ago"
    return "just now"


def format_wait(moment: "datetime") -> str:
    """Return in how long a moment comes: in 3 h 5 min."""
    seconds = find_left(moment)
    return f"in {format_duration(seconds)}" if seconds > 1 else "now"


def find_left(moment: "datetime") -> float:
    """Return the seconds until a moment, by the clock on the wall."""
    from datetime import UTC, datetime  # noqa: PLC0415 - see above

    return (moment - datetime.now(UTC)).total_seconds()


def format_moment(moment: "datetime") -> str:
    """Return a moment by the clock on the wall: 2026-11-24 18:00."""
    return moment.astimezone().strftime("%Y-%m-%d %H:%M")


def format_clock(moment: float, now: float) -> str:
    """Return a moment as the local clock shows it, with its date unless that is today: 18:00 UTC.

    Both are seconds since the epoch.
    """
    then = time.localtime(moment)
    is_today = then[:3] == time.localtime(now)[:3]
    return time.strftime("%H:%M %Z" if is_today else "%Y-%m-%d %H:%M %Z", then)
