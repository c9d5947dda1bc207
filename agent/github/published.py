"""What is published of a GitHub token, where it lies, and how it reads. Standard library only.

A published token is two files in the runtime folder, named for the host: the token itself, for
git's credential helper and for gh's step, and a record without any secret that says what is known
of it. Both are replaced in one step, so that nobody ever reads half of one.

When a token ends is published in seconds of /proc/uptime, which nobody can set: a wrong clock, one
that is set right later, and a suspended machine change nothing, and a shell script can compare it.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from pathlib import Path

from agent.github.token import Token
from agent.machine import runtime
from agent.machine.files import SETTINGS, read_file
from agent.machine.parsing import parse_json
from agent.machine.secret import Secret
from agent.machine.system import Clock, Facts

_TIME = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(frozen=True)
class Published:
    """A published token as it is read back."""

    host: str
    value: Secret
    ends: float | None = None
    """Seconds of /proc/uptime; None: no end is known."""
    login: str | None = None

    @property
    def fingerprint(self) -> str:
        """Return what tells it from other tokens."""
        return fingerprint(self.value)

    def left(self, clock: Clock) -> float | None:
        """Return the seconds until it ends; None: no end is known."""
        return None if self.ends is None else self.ends - clock.uptime()


@dataclass(frozen=True)
class Record:
    """What is known of the token of one host. Times are RFC 3339 in UTC. It holds no secret."""

    host: str
    login: str | None = None
    kind: str = ""
    """personal, fine-grained, installation, user, oauth, or empty for a form that is not known."""
    source: str = ""
    """The variable that the token came from."""
    grants: str = ""
    """Scopes or permissions, as GitHub lists them."""
    fingerprint: str = ""
    """`fingerprint` of the published token; empty: none is published."""
    rejected: str = ""
    """`fingerprint` of a newer token that GitHub refused while the published one worked."""
    expires: str = ""
    """By this machine's clock as it was then."""
    life: float = 0.0
    """Seconds that the token had when it was published; 0: no end is known."""
    origin: str = ""
    """`find_origin` of the source that gave the token: another origin is another identity."""
    file: str = ""
    """The file that the source reads, if it is one."""
    made: float = 0.0
    """The uptime at which this very token was published."""
    checked: str = ""
    """When GitHub last said that the token is good."""
    refreshed: str = ""
    """When `devcopilot refresh` last ran."""
    problems: Mapping[str, str] = field(default_factory=dict)
    """What is wrong now: by part (see `agent.github.renewal`) the line that says so."""
    said: Sequence[str] | None = None
    """The problems that the last round had to log, so that none is logged twice; None: no round
    has logged any yet."""
    failures: int = 0
    """Tries in a row in which the source had no token."""
    failed_at: float = 0.0
    """The uptime at which it last had none."""
    retry_at: float = 0.0
    """Before this uptime the source is not to be asked again."""
    check_failures: int = 0
    """Checks in a row that got no answer."""
    check_retry_at: float = 0.0
    """Before this uptime GitHub is not to be asked about the token again."""
    refusals: int = 0
    """Tokens in a row that were made anew because GitHub refused the one before."""
    skew: float = 0.0
    """Seconds by which the host's clock is ahead of this machine's."""

    @property
    def problem(self) -> str:
        """Return all that is wrong now as one line; empty: nothing."""
        return "; ".join(self.problems.values())


def token_path(facts: Facts, host: str) -> Path:
    """Return where a host's token is published.

    Line 1 is the token, 2 the uptime at which it ends, 3 its login, 4 its fingerprint, 5 the file
    that it was read from, which is never newer than this one unless it has changed. Each may be
    empty; without a token there is only line 5: the host has a source, and who needs a token asks.
    """
    return facts.runtime / runtime.TOKENS / host


def record_path(facts: Facts, host: str) -> Path:
    """Return where the record beside the token lies."""
    return facts.runtime / runtime.TOKENS / f"{host}.json"


def find_hosts(facts: Facts) -> Iterator[str]:
    """Yield the hosts of which something is published."""
    folder = facts.runtime / runtime.TOKENS
    pending = [path for path, content in facts.pending.items() if content and path.parent == folder]
    try:
        present = list(folder.iterdir())
    except FileNotFoundError:
        present = []
    for name in sorted({path.name for path in (*present, *pending)}):
        if name.endswith(".json"):
            yield name.removesuffix(".json")


def encode_token(token: Token | None, clock: Clock, file: str = "") -> bytes:
    """Return the content of a published token's file; of a host without a token if it is None."""
    if token is None:
        return f"\n\n\n\n{file}\n".encode()
    ends = ""
    if token.expires:
        left = (token.expires - clock.now()).total_seconds()
        ends = f"{max(0, int(clock.uptime() + left))}"
    mark = fingerprint(token.value)
    return f"{token.value.reveal()}\n{ends}\n{token.login or ''}\n{mark}\n{file}\n".encode()


def decode_token(host: str, content: bytes | None) -> Published | None:
    """Return the published token, or None when the file is absent or holds none."""
    lines = (content or b"").decode().split("\n")
    if not lines or not lines[0]:
        return None
    value, ends, login = (*lines, "", "")[:3]
    return Published(host, Secret(value), float(ends) if ends else None, login or None)


def read_token(facts: Facts, host: str) -> Published | None:
    """Return the published token of a host, or None. Raises OSError."""
    return decode_token(host, facts.read(token_path(facts, host)))


def is_outdated(facts: Facts, host: str) -> bool:
    """Tell whether the file that a token is read from is newer than what is published of it."""
    path = token_path(facts, host)
    try:
        file = read_file(path, SETTINGS).decode().split("\n")[4]
        return bool(file) and Path(file).stat().st_mtime > path.stat().st_mtime
    except (OSError, IndexError, UnicodeDecodeError):
        return False


def encode_record(record: Record) -> bytes:
    """Return the content of a record's file."""
    return json.dumps(asdict(record)).encode() + b"\n"


def decode_record(host: str, content: bytes | None) -> Record:
    """Return the record, an empty one when there is none or it cannot be read."""
    names = [item.name for item in fields(Record)]
    try:
        raw = parse_json(content or b"{}")
        return Record(**{"host": host, **{key: raw[key] for key in raw if key in names}})
    except (ValueError, TypeError):
        return Record(host)


def read_record(facts: Facts, host: str) -> Record:
    """Return the record of a host. Raises OSError."""
    return decode_record(host, facts.read(record_path(facts, host)))


def fingerprint(value: Secret) -> str:
    """Return what tells tokens apart and cannot be turned back: tokens are random enough."""
    return hashlib.sha256(value.reveal().encode()).hexdigest()


def format_time(moment: datetime) -> str:
    """Return an aware time as RFC 3339 in UTC, whole seconds: texts in this form sort by time."""
    return moment.astimezone(UTC).strftime(_TIME)
