"""What the fake GitHub knows: the time, tokens and whose they are, faults, requests that came."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from tests.fakes.github.faults import Fault, Pattern, Request

HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Known:
    """A token that was good at some time."""

    value: str
    login: str = "octo"
    scopes: str | None = "repo, read:org, gist"
    """None: no X-OAuth-Scopes header, as for fine-grained and installation tokens."""
    expires: datetime | None = None
    revoked: bool = False
    host: str | None = None
    """The GitHub that gave it; None: good at every host of this fake."""
    app_id: int | None = None
    """The App that a ghs_ or ghu_ token is for."""
    installation_id: int | None = None
    """The App's installation that a ghs_ token is for."""
    repositories: frozenset[str] | None = None
    """OWNER/NAME of what it is narrowed to; None: not narrowed."""
    permissions: Mapping[str, str] | None = None
    """Name -> read, write or admin; None: whatever the login may do."""

    @property
    def is_installation(self) -> bool:
        """Whether it is an App's, and so no user's."""
        return self.value.startswith("ghs_")


@dataclass(frozen=True)
class Rate:
    """What is left of an identity's hour."""

    limit: int
    used: int
    reset: datetime


class World:
    """All of it but what has to do with Apps; safe to use from several threads."""

    def __init__(self) -> None:
        self.clock: Callable[[], datetime] = lambda: datetime.now(UTC)
        """The machine's clock: yields aware datetimes; a test may put its own here."""
        self.skew = timedelta()
        """How far this server's clock is ahead of that."""
        self.rate_limit = 5000
        """Requests to the API that a login or an installation has in an hour."""
        self.most_at_once = 0
        """The most requests that were under way at the same time."""
        self._lock = threading.RLock()
        self._tokens: dict[str, Known] = {}
        self._lags: dict[str, int] = {}
        self._rates: dict[str, Rate] = {}
        self._faults: list[Fault] = []
        self._revocations: list[Pattern] = []
        self._requests: list[Request] = []
        self._running = 0

    def now(self) -> datetime:
        """Return the server's time: all that expires does so by it, and Date tells it."""
        return self.clock() + self.skew

    # --- tokens

    def add(self, known: Known, lag: int = 0) -> None:
        """Let this token be good from now on, but for its first `lag` uses."""
        with self._lock:
            self._tokens[known.value] = known
            self._lags[known.value] = lag

    def revoke(self, value: str) -> None:
        """Let this token be refused from now on."""
        with self._lock:
            self._tokens[value] = replace(self._tokens[value], revoked=True)

    def find(self, value: str | None, host: str | None = None) -> Known | None:
        """Return a token that is good now, at this host if one is given, or None."""
        with self._lock:
            known = self._tokens.get(value or "")
            if known is None or known.revoked or (known.expires and known.expires <= self.now()):
                return None
            return known if host is None or known.host in (None, host) else None

    def use(self, value: str | None, host: str) -> Known | None:
        """Find a token for a request; a fresh one may not be known to all servers yet."""
        with self._lock:
            known = self.find(value, host)
            if known and self._lags[known.value] > 0:
                self._lags[known.value] -= 1
                return None
            return known

    def count_use(self, known: Known) -> Rate:
        """Count a request to the API against its identity's hour, and return how it stands."""
        key = f"installation {known.installation_id}" if known.installation_id else known.login
        with self._lock:
            rate = self._rates.get(key)
            if rate is None or rate.reset <= self.now():
                rate = Rate(self.rate_limit, 0, self.now() + HOUR)
            self._rates[key] = replace(rate, limit=self.rate_limit, used=rate.used + 1)
            return self._rates[key]

    # --- faults

    def fail(self, fault: Fault) -> None:
        """Let this happen; the oldest fault that fits a request is the one that does."""
        with self._lock:
            self._faults.append(fault)

    def heal(self) -> None:
        """Clear all faults, and revocations that did not happen yet."""
        with self._lock:
            self._faults.clear()
            self._revocations.clear()

    def take_fault(self, request: Request) -> Fault | None:
        """Return the fault that this request meets, and count it."""
        with self._lock:
            for index, fault in enumerate(self._faults):
                if not fault.fits(request):
                    continue
                if fault.times == 1:
                    del self._faults[index]
                elif fault.times is not None:
                    self._faults[index] = replace(fault, times=fault.times - 1)
                return fault
        return None

    def revoke_after(self, pattern: Pattern) -> None:
        """Revoke a token as soon as it did its part in one request that fits: only once."""
        with self._lock:
            self._revocations.append(pattern)

    # --- requests

    def begin(self) -> None:
        """Count a request that is under way."""
        with self._lock:
            self._running += 1
            self.most_at_once = max(self.most_at_once, self._running)

    def end(self) -> None:
        """Count it no more."""
        with self._lock:
            self._running -= 1

    def note(self, request: Request) -> None:
        """Add a request to the log, and revoke its token if that was to be."""
        with self._lock:
            self._requests.append(request)
            if self.find(request.token) is None or request.status != 200:
                return
            for pattern in self._revocations:
                if pattern.fits(request):
                    self._revocations.remove(pattern)
                    self.revoke(str(request.token))
                    return

    @property
    def requests(self) -> list[Request]:
        """Return the log so far."""
        with self._lock:
            return list(self._requests)
