"""A trial of login keys: what sshd would refuse, although the format of the line is correct."""

import re
from collections.abc import Sequence
from datetime import datetime

from agent.machine.system import Facts

_EXPIRY = re.compile(r'(?:^|,)expiry-time="([0-9]+)(Z?)"', re.IGNORECASE)
_EXPIRY_FORMATS = {8: "%Y%m%d", 12: "%Y%m%d%H%M", 14: "%Y%m%d%H%M%S"}
"""By number of digits; without Z in local time (sshd(8), AUTHORIZED_KEYS FILE FORMAT)."""


def find_refused(entries: Sequence[str], facts: Facts) -> list[str]:
    """Return the lines whose key OpenSSH cannot load, such as a point that is not on its curve.

    One call for all lines; each line alone only if the numbers differ. Nothing is refused when
    ssh-keygen does not run.
    """
    entries = [entry for entry in entries if not entry.startswith("#")]
    loaded = _count_loaded(entries, facts)
    if loaded is None or loaded == len(entries):
        return []
    return [entry for entry in entries if _count_loaded([entry], facts) == 0]


def _count_loaded(entries: Sequence[str], facts: Facts) -> int | None:
    """Return how many keys ssh-keygen finds in these lines; None if it does not run."""
    if not entries:
        return 0
    text = "".join(f"{entry}\n" for entry in entries).encode()
    done = facts.run(("ssh-keygen", "-l", "-f", "/dev/stdin"), stdin=text)
    return None if done.returncode in (124, 127) else done.stdout.count(b"\n")


def has_expired(options: str, now: datetime) -> bool:
    """Tell whether these options of a line say that its key is no longer valid. `now` is aware."""
    found = _EXPIRY.search(options)
    layout = _EXPIRY_FORMATS.get(len(found[1])) if found else None
    if not found or not layout:
        return False
    try:
        end = datetime.strptime(found[1], layout)
    except ValueError:
        return False
    return (end.replace(tzinfo=now.tzinfo) if found[2] else end.astimezone()) < now
