"""What is published of a GitHub token, where it lies, and how it reads. Standard library only.

A published token is two files in the runtime folder, named for the host: the token itself, for
git's credential helper and for gh's step, and a record without any secret that says what is known
of it. Both are replaced in one step, so that nobody ever reads half of one.

When a token ends is published in seconds of /proc/uptime, which nobody can set: a wrong clock, one
that is set right later, and a suspended machine change nothing, and a shell script can compare it.

A token that its source replaced is published at once, unchecked: a workspace without network must
work, and the old token may be dead already. The one exception is a token that GitHub has refused
while the one before it still worked: that one stays, until GitHub accepts the new one or the source
gives another.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from agent.github.record import RECORD, Record, fingerprint, read_record
from agent.github.token import Failure, Found, Token, TokenSource, find_kind, find_origin
from agent.machine.light import runtime
from agent.machine.light.clock import Clock, format_time
from agent.machine.light.files import SETTINGS, read_file
from agent.machine.planning.resources import Edit, Resource
from agent.machine.secret import Secret
from agent.machine.system import Facts
from agent.machine.values import frozen
from agent.settings.github import GitHub


@frozen
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


def token_path(facts: Facts, host: str) -> Path:
    """Return where a host's token is published.

    Line 1 is the token, 2 the uptime at which it ends, 3 its login, 4 its fingerprint, 5 the file
    that it was read from, which is never newer than this one unless it has changed. Each may be
    empty; without a token there is only line 5: the host has a source, and who needs a token asks.
    """
    return facts.runtime / runtime.TOKENS / host


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


# --- from a token to the files, and back to nothing ---------------------------------------------


@frozen
class Origin:
    """Where the token of a host comes from, as its record has it."""

    host: str
    origin: str
    file: str

    @classmethod
    def of(cls, account: GitHub, source: TokenSource) -> "Origin":
        """Return that of this source."""
        file = account.token.file if account.token else None
        return cls(account.host, find_origin(account, source), str(file or ""))

    def make_record(self, known: Record) -> Record:
        """Return the record of a token of this origin that is not known yet; `known` is of others.

        What is known of the host itself stays.
        """
        return Record(
            self.host,
            origin=self.origin,
            file=self.file,
            refreshed=known.refreshed,
            rounds=known.rounds,
            bad_rounds=known.bad_rounds,
            said=known.said,
            refusals=known.refusals,
            skew=known.skew,
        )


def resources(origin: Origin, found: Found, facts: Facts) -> Iterator[Resource]:
    """Yield the published files of a host for what its source gave now.

    A source in trouble withdraws nothing but the token of another origin.
    """
    host, record = origin.host, read_record(facts, origin.host)
    present = read_token(facts, host)
    if found is None:
        yield from withdraw(host, facts)
    elif isinstance(found, Failure):
        if record.origin != origin.origin:
            yield from publish(None, origin.make_record(Record(host)), facts)
    else:
        same = record.origin == origin.origin
        known = same and fingerprint(found.value) in (record.rejected, record.fingerprint)
        if present is None or not known:
            yield from publish(found, origin.make_record(record if same else Record(host)), facts)


def publish(token: Token | None, record: Record, facts: Facts) -> Iterator[Edit]:
    """Yield the published files for this token, or for a host that has none yet.

    `record` holds what else is known of it; of another token's only what still holds may be left.
    """
    content = encode_token(token, facts.clock, record.file)
    filled = RECORD.encode(_fill(record, token, facts) if token else record)
    yield Edit(token_path(facts, record.host), lambda _: content)
    yield Edit(RECORD.path(facts, record.host), lambda _: filled)


def _fill(record: Record, token: Token, facts: Facts) -> Record:
    clock = facts.clock
    life = (token.expires - clock.now()).total_seconds() if token.expires else 0.0
    return replace(
        record,
        login=token.login,
        kind=find_kind(token.value),
        source=token.source or record.source,
        grants=token.grants or record.grants,
        fingerprint=fingerprint(token.value),
        expires=format_time(token.expires) if token.expires else "",
        life=record.life or max(0.0, life),
        made=record.made or clock.uptime(),
        skew=token.skew or record.skew,
    )


def withdraw(host: str, facts: Facts) -> Iterator[Edit]:
    """Yield what takes the published files of a host back."""
    yield Edit(token_path(facts, host), lambda _: None)
    yield Edit(RECORD.path(facts, host), lambda _: None)
