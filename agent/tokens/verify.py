"""Asks GitHub whether a token is good, and whose it is. PyGithub does the talking.

PyGithub's own retries are off: they sleep for up to an hour at a rate limit. Who calls decides
when to ask again. https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api
"""

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from agent.settings import Settings
from agent.system import Facts
from agent.values import Token

if TYPE_CHECKING:
    import github

TIMEOUT = 10
"""Seconds for a connection, and for each wait for an answer."""
SECONDARY_LIMIT = 60.0
"""Seconds to wait where GitHub limits the rate and does not say how long."""
SYSTEM_CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
"""What git and gh trust, with the CAs that the image's maintainer added."""


@dataclass(frozen=True)
class Valid:
    """GitHub accepts the token."""

    login: str | None
    """Whose it is; None for a token that belongs to an App and to no user."""
    expires: datetime | None


@dataclass(frozen=True)
class Rejected:
    """GitHub says that the token is not, or no longer, good."""


@dataclass(frozen=True)
class Unreachable:
    """Nothing was learnt."""

    reason: str
    retry_after: float | None = None
    """Seconds for which GitHub does not want to be asked; None: it said nothing of it."""


Result = Valid | Rejected | Unreachable


def find_api_url(settings: Settings) -> str:
    """Return the base of the REST API for the configured host.

    https://docs.github.com/en/enterprise-server/rest/using-the-rest-api/getting-started-with-the-rest-api
    """
    host = settings.github.host
    if settings.github.api_url:
        return settings.github.api_url
    if host == "github.com" or host.endswith(".ghe.com"):
        return f"https://api.{host}"
    return f"https://{host}/api/v3"


def check(token: Token, settings: Settings, facts: Facts) -> Result:
    """Ask the API about the token. Never raises for what the network or the server does."""
    import github  # noqa: PLC0415 - 0.3 s and 40 MB that only a check costs
    import requests  # noqa: PLC0415 - as above

    logging.getLogger("github").setLevel(logging.CRITICAL)  # it writes to standard error by itself
    url = find_api_url(settings)
    client = github.Github(
        base_url=url,
        auth=github.Auth.Token(token.value.reveal()),
        timeout=TIMEOUT,
        retry=None,
        seconds_between_requests=None,
        verify=_find_certificates(facts.environ),
        user_agent="devcopilot",
    )
    try:
        return _ask(client)
    except github.GithubException as error:
        return _explain(error.status, error.headers or {}, url)
    except requests.exceptions.SSLError:
        return Unreachable(f"the TLS certificate of {url} is not trusted")
    except (requests.exceptions.Timeout, TimeoutError):
        return Unreachable(f"{url} did not answer in time")
    except (requests.exceptions.RequestException, OSError):
        return Unreachable(f"{url} cannot be reached")
    except (ValueError, TypeError, AssertionError, RuntimeError):
        return Unreachable(f"{url} does not answer as GitHub does")
    finally:
        client.close()


def _ask(client: "github.Github") -> Result:
    import github  # noqa: PLC0415 - as above

    try:
        user = client.get_user()
        login = user.login
        headers = user.raw_headers
    except github.GithubException as error:
        # Tokens of Apps are no user's: for them any answer but 401 to GET / is the proof.
        if error.status != 403 or _find_delay(error.status, error.headers or {}) is not None:
            raise
        headers, _ = client.requester.requestJsonAndCheck("GET", "/")
        login = None
    else:
        if not isinstance(login, str) or not login:
            raise TypeError("no login")
    text = str(headers.get("github-authentication-token-expiration", ""))
    return Valid(login, _parse_expiry(text))


def _explain(status: int, headers: Mapping[str, object], url: str) -> Result:
    if status == 401:
        return Rejected()
    delay = _find_delay(status, headers)
    if delay is not None:
        return Unreachable(f"{url} limits the rate of requests", delay)
    return Unreachable(f"{url} answered with status {status}")


def _find_delay(status: int, headers: Mapping[str, object]) -> float | None:
    """Return the seconds to wait if this answer limits the rate or asks for patience, else None."""
    after, reset = str(headers.get("retry-after", "")), str(headers.get("x-ratelimit-reset", ""))
    if after.isascii() and after.isdigit():
        return float(after)
    if status not in (403, 429):
        return None
    if headers.get("x-ratelimit-remaining") == "0" and reset.isascii() and reset.isdigit():
        return max(float(reset) - time.time(), 1.0)
    return SECONDARY_LIMIT if status == 429 or after else None


def _parse_expiry(text: str) -> datetime | None:
    """Read GitHub's form: "2026-12-01 10:00:00 UTC", or with an offset in place of UTC."""
    text = text.strip().replace(" UTC", " +0000")
    try:
        return datetime.strptime(text, "%Y-%m-%d %H:%M:%S %z").astimezone(UTC)
    except ValueError:
        return None


def _find_certificates(environ: Mapping[str, str]) -> bool | str:
    for name in ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"):
        if environ.get(name):
            return environ[name]
    return str(SYSTEM_CERTIFICATES) if SYSTEM_CERTIFICATES.exists() else True
