"""What is published of a GitHub token, where it lies, and how it reads. Standard library only.

A published token is two files in the runtime folder, named for the host: the token itself, for
git's credential helper and for gh's step, and a record without any secret that says what is known
of it. Both are replaced in one step, so that nobody ever reads half of one.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from pathlib import Path

from agent import runtime
from agent.errors import Problem
from agent.secret import Secret, SecretInput
from agent.system import Facts
from agent.values import Token

NO_LOGIN = "test_token"
"""The text that stands for "no login" in place of a token."""

_TIME = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(frozen=True)
class Record:
    """What is known of the token of one host. Times are RFC 3339 in UTC. It holds no secret."""

    host: str
    login: str | None = None
    kind: str = ""
    """personal, fine-grained, installation, user, oauth, or empty for a form that is not known."""
    source: str = ""
    """The variable that the token came from."""
    fingerprint: str = ""
    """`fingerprint` of the published token; empty: none is published."""
    rejected: str = ""
    """`fingerprint` of a newer token that GitHub refused while the published one worked."""
    expires: str = ""
    checked: str = ""
    """When GitHub last said that the token is good."""
    refreshed: str = ""
    """When `devcopilot refresh` last ran."""
    problems: Mapping[str, str] = field(default_factory=dict)
    """What is wrong now: by part (token, gh, check) the line that says so."""
    failures: int = 0
    """Checks in a row that got no answer."""
    retry_at: str = ""
    """Before this time GitHub does not want to be asked again."""

    @property
    def problem(self) -> str:
        """Return all that is wrong now as one line; empty: nothing."""
        return "; ".join(self.problems.values())


def token_path(facts: Facts, host: str) -> Path:
    """Return where a host's token is published: line 1 the token, 2 its expiry, 3 its login."""
    return facts.runtime / runtime.TOKENS / host


def record_path(facts: Facts, host: str) -> Path:
    """Return where the record beside the token lies."""
    return facts.runtime / runtime.TOKENS / f"{host}.json"


def encode_token(token: Token) -> bytes:
    """Return the content of a published token's file."""
    expires = format_time(token.expires) if token.expires else ""
    return f"{token.value.reveal()}\n{expires}\n{token.login or ''}\n".encode()


def decode_token(host: str, content: bytes | None) -> Token | None:
    """Return the published token, or None when the file is absent or holds none."""
    lines = (content or b"").decode().splitlines()
    if not lines or not lines[0]:
        return None
    value, expires, login = (*lines, "", "")[:3]
    return Token(host, Secret(value), login or None, parse_time(expires))


def read_token(facts: Facts, host: str) -> Token | None:
    """Return the published token of a host, or None. Raises OSError."""
    return decode_token(host, facts.read(token_path(facts, host)))


def encode_record(record: Record) -> bytes:
    """Return the content of a record's file."""
    return json.dumps(asdict(record)).encode() + b"\n"


def decode_record(host: str, content: bytes | None) -> Record:
    """Return the record, an empty one when there is none or it cannot be read."""
    names = [item.name for item in fields(Record)]
    try:
        raw = json.loads(content or b"{}")
        return Record(**{"host": host, **{key: raw[key] for key in raw if key in names}})
    except (ValueError, TypeError):
        return Record(host)


def read_record(facts: Facts, host: str) -> Record:
    """Return the record of a host. Raises OSError."""
    return decode_record(host, facts.read(record_path(facts, host)))


def is_configured(source: SecretInput | None) -> bool:
    """Tell whether a token is to be expected. Reads no file: one may appear late."""
    if source is None or source.value is None:
        return source is not None
    return source.value.reveal().strip() != NO_LOGIN


def make_token(text: Secret, host: str, source: str) -> Token | Problem | None:
    """Return the token that a source gave, what is wrong with it, or None for "no login".

    Nothing is said of length or prefix: GitHub changes both.
    """
    value = text.reveal().strip()
    if value == NO_LOGIN:
        return None
    if not re.fullmatch(r"[\x21-\x7e]+", value):
        return Problem(
            f"cannot use {source}: it is not one word of plain characters",
            "give the token alone, without a name, quotes or a second line",
        )
    return Token(host, Secret(value), source=source)


def fingerprint(value: Secret) -> str:
    """Return what tells tokens apart and cannot be turned back: tokens are random enough."""
    return hashlib.sha256(value.reveal().encode()).hexdigest()


_KINDS = {
    "ghp_": "personal",
    "github_pat_": "fine-grained",
    "ghs_": "installation",
    "ghu_": "user",
    "gho_": "oauth",
}
"""https://github.blog/engineering/platform-security/behind-githubs-new-authentication-token-formats"""


def find_kind(value: Secret) -> str:
    """Return the kind of a token by its prefix, empty when it has none that is known."""
    text = value.reveal()
    return next((kind for prefix, kind in _KINDS.items() if text.startswith(prefix)), "")


def format_time(moment: datetime) -> str:
    """Return an aware time as RFC 3339 in UTC, whole seconds: texts in this form sort by time."""
    return moment.astimezone(UTC).strftime(_TIME)


def parse_time(text: str) -> datetime | None:
    """Return the time that `format_time` wrote, or None for anything else."""
    try:
        return datetime.strptime(text, _TIME).replace(tzinfo=UTC)
    except ValueError:
        return None
