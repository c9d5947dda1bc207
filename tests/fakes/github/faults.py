"""What may go wrong: in place of an answer, before it, or to the token that it was given for."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime


@dataclass(frozen=True)
class Request:
    """One request as it came and how it was answered."""

    method: str
    host: str
    """The Host header."""
    path: str
    """Without /api/v3."""
    token: str | None
    status: int
    """0: no answer was given."""
    query: str = ""
    agent: str = ""
    """The User-Agent header: who asked."""
    time: float = 0.0
    """When it came, by the machine's own clock (seconds since 1970)."""


@dataclass(frozen=True)
class Pattern:
    """Which requests are meant: those that fit every field that is not empty."""

    method: str = ""
    host: str = ""
    path: str = ""
    """What the path starts with (without /api/v3)."""
    ends: str = ""
    """What the path ends with: "/info/refs"."""
    token: str = ""

    def fits(self, request: Request) -> bool:
        """Whether this request is meant."""
        return (
            self.method in ("", request.method)
            and self.host in ("", request.host.partition(":")[0])
            and request.path.startswith(self.path)
            and request.path.endswith(self.ends)
            and self.token in ("", request.token)
        )


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
    cut: bool = False
    """Close the connection in the middle of the answer."""
    status: int | None = None
    """Answer with this status and these headers and body instead."""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b'{"message": "fault"}'
    where: Pattern = Pattern()
    """Only requests that fit this as well."""

    def fits(self, request: Request) -> bool:
        """Whether it happens to this request."""
        return request.path.startswith(self.path) and self.where.fits(request)

    @classmethod
    def rate_limit(cls, seconds: float, now: datetime | None = None) -> "Fault":
        """Return GitHub's answer when the hourly limit is used up.

        https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api
        """
        reset = str(int((now or datetime.now(UTC)).timestamp() + seconds))
        headers = {"X-RateLimit-Limit": "5000", "X-RateLimit-Remaining": "0",
                   "X-RateLimit-Reset": reset}  # fmt: skip
        return cls(
            status=403,
            headers=headers,
            body=b'{"message": "API rate limit exceeded for user ID 1."}',
        )

    @classmethod
    def secondary_limit(cls, retry_after: int | None = 60, *, status: int = 403) -> "Fault":
        """Return the answer to too many requests at once; `status` may be 429 as well."""
        return cls(
            status=status,
            headers={} if retry_after is None else {"Retry-After": str(retry_after)},
            body=b'{"message": "You have exceeded a secondary rate limit. Please wait a few '
            b'minutes before you try again."}',
        )

    @classmethod
    def html(cls, status: int = 200) -> "Fault":
        """Return a page for people in place of a document, as a proxy or a login wall sends it."""
        return cls(
            status=status,
            headers={"Content-Type": "text/html; charset=utf-8"},
            body=b"<!DOCTYPE html><html><body><h1>Sign in to your network</h1></body></html>",
        )
