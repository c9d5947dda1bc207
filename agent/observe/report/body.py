"""The body of a report, as the original's supervisor writes it: Go's encoding/json. Light."""

import json
import time

NEVER = "0001-01-01T00:00:00Z"
"""Go's zero time: there was none."""
_ESCAPED = str.maketrans({each: f"\\u{ord(each):04x}" for each in "<>&\u2028\u2029"})
"""What json.Marshal escapes in addition: https://pkg.go.dev/encoding/json#Marshal"""


def format_moment(nanoseconds: int) -> str:
    """Return nanoseconds since the epoch as RFC 3339 in UTC; texts of these sort by time."""
    seconds, rest = divmod(nanoseconds, 10**9)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(seconds))}.{rest:09d}Z"


def shorten(moment: str) -> str:
    """Return such a moment as Go prints it, without the zeros at its end; never for no moment.

    https://pkg.go.dev/time#pkg-constants (RFC3339Nano)
    """
    return f"{moment.removesuffix('Z').rstrip('0').rstrip('.')}Z" if "." in moment else NEVER


def lengthen(moment: str) -> str:
    """Return a whole second in RFC 3339, or no moment, in the form of `format_moment`."""
    return f"{moment.removesuffix('Z')}.{0:09d}Z" if moment else ""


def encode(identifier: str, snapshot: "dict[str, str | int]", moment: str) -> bytes:
    """Return the body: who reports, what, and when."""
    document = {"environmentId": identifier, "snapshot": snapshot, "timestamp": shorten(moment)}
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    return text.translate(_ESCAPED).encode()


def make_snapshot(ide: str, ssh: str, ide_count: int, ssh_count: int) -> "dict[str, str | int]":
    """Return the part with the last activity of each kind, and the open connections."""
    return {
        "lastIDEActivity": shorten(ide),
        "lastSSHActivity": shorten(ssh),
        "activeIDEConnections": ide_count,
        "activeSSHConnections": ssh_count,
    }
