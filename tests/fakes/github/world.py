"""What the fake GitHub knows: tokens and whose they are, faults to come, requests that came."""

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime


@dataclass(frozen=True)
class Known:
    """A token that was good at some time."""

    value: str
    login: str = "octo"
    scopes: str | None = "repo, read:org, gist"
    """None: no X-OAuth-Scopes header, as for fine-grained and App tokens."""
    expires: datetime | None = None
    revoked: bool = False

    @property
    def is_installation(self) -> bool:
        """Whether it is an App's, and so no user's."""
        return self.value.startswith("ghs_")

    @property
    def is_good(self) -> bool:
        """Whether it is neither revoked nor expired."""
        return not self.revoked and (self.expires is None or self.expires > datetime.now(UTC))


@dataclass(frozen=True)
class Fault:
    """What happens to a request in place of, or before, its answer."""

    path: str = ""
    """Only paths that start so (without /api/v3)."""
    times: int | None = None
    """How often; None: until it is cleared."""
    delay: float = 0.0
    """Seconds until the answer."""
    hang: bool = False
    """Never answer."""
    drop: bool = False
    """Close the connection without an answer."""
    status: int | None = None
    """Answer with this status and these headers and body instead."""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b'{"message": "fault"}'

    @classmethod
    def rate_limit(cls, seconds: float) -> "Fault":
        """Return GitHub's answer when the hourly limit is used up."""
        reset = str(int(time.time() + seconds))
        headers = {"X-RateLimit-Limit": "5000", "X-RateLimit-Remaining": "0",
                   "X-RateLimit-Reset": reset}  # fmt: skip
        return cls(
            status=403,
            headers=headers,
            body=b'{"message": "API rate limit exceeded for user ID 1."}',
        )


@dataclass(frozen=True)
class Request:
    """One request as it came and how it was answered."""

    method: str
    host: str
    path: str
    token: str | None
    status: int
    """0: no answer was given."""


class World:
    """All of it; safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._tokens: dict[str, Known] = {}
        self._faults: list[Fault] = []
        self._requests: list[Request] = []
        self._running = 0
        self.most_at_once = 0
        """The most requests that were under way at the same time."""

    def begin(self) -> None:
        """Count a request that is under way."""
        with self._lock:
            self._running += 1
            self.most_at_once = max(self.most_at_once, self._running)

    def end(self) -> None:
        """Count it no more."""
        with self._lock:
            self._running -= 1

    def add(self, known: Known) -> None:
        """Let this token be good from now on."""
        with self._lock:
            self._tokens[known.value] = known

    def revoke(self, value: str) -> None:
        """Let this token be refused from now on."""
        with self._lock:
            self._tokens[value] = replace(self._tokens[value], revoked=True)

    def find(self, value: str | None) -> Known | None:
        """Return a token that is good now, or None."""
        with self._lock:
            known = self._tokens.get(value or "")
        return known if known and known.is_good else None

    def fail(self, fault: Fault) -> None:
        """Let this happen; the oldest fault that fits a request is the one that does."""
        with self._lock:
            self._faults.append(fault)

    def heal(self) -> None:
        """Clear all faults."""
        with self._lock:
            self._faults.clear()

    def take_fault(self, path: str) -> Fault | None:
        """Return the fault that this request meets, and count it."""
        with self._lock:
            for index, fault in enumerate(self._faults):
                if not path.startswith(fault.path):
                    continue
                if fault.times == 1:
                    del self._faults[index]
                elif fault.times is not None:
                    self._faults[index] = replace(fault, times=fault.times - 1)
                return fault
        return None

    def note(self, request: Request) -> None:
        """Add a request to the log."""
        with self._lock:
            self._requests.append(request)

    @property
    def requests(self) -> list[Request]:
        """Return the log so far."""
        with self._lock:
            return list(self._requests)
