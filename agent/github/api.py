"""GitHub's API as the agent talks to it: its addresses, one request, and what an answer means.

PyGithub talks to the API, requests to everything else. PyGithub's own retries are off, since they
sleep for up to an hour at a rate limit: the caller decides when to ask again.
https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from agent.machine.deadline import run_within
from agent.machine.formats.parsing import parse_json
from agent.machine.light.clock import read_time
from agent.machine.light.masking import hide, mask_known
from agent.machine.network.response_bodies import LONGEST, TooLongError, limit_pygithub, read_body
from agent.machine.system import Facts
from agent.machine.values import frozen
from agent.settings.github import GitHub

if TYPE_CHECKING:
    import github

TIMEOUT = 10
"""Seconds for a connection, and for each wait for a part of the answer."""
LONGEST_ANSWER = 20.0
"""Seconds for a request and its whole answer, however it trickles."""
SECRET_FIELDS = ("client_secret", "refresh_token")
"""Of the forms that are sent."""
SECONDARY_LIMIT = 60.0
"""Seconds to wait where GitHub limits the rate and does not say how long."""
SYSTEM_CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
"""What git and gh trust, with the CAs that the image's maintainer added."""
LONGEST_DELAY = 3900.0
"""Seconds: GitHub's limits last an hour; whoever asks for more patience is mistaken."""
COUNTED_SKEW = 5.0
"""Seconds between two clocks that count as none: an answer travels, and Date has no fraction."""


class NoAnswerError(Exception):
    """Nothing was learnt: `reason` says why, for a person."""

    def __init__(self, reason: str, retry_after: float | None = None) -> None:
        """`retry_after`: seconds for which the server does not want to be asked, if it said so."""
        super().__init__(reason)
        self.reason = reason
        self.retry_after = retry_after


@frozen
class Answer:
    """What a server said; a status of 5xx or a rate limit is no answer."""

    status: int
    headers: Mapping[str, str]
    document: Mapping[str, Any]
    skew: float
    """Seconds by which the server's clock is ahead of ours; 0 where that is unknown."""
    text: str = ""
    """The answer as it came."""
    message: str = ""
    """The server's own words, one short line, in which no secret is left that we sent or know."""


def find_api_url(account: GitHub) -> str:
    """Return the base of the host's REST API.

    https://docs.github.com/en/enterprise-server/rest/using-the-rest-api/getting-started-with-the-rest-api
    """
    if account.api_url:
        return account.api_url
    if account.host == "github.com" or account.host.endswith(".ghe.com"):
        return f"https://api.{account.host}"
    return f"https://{account.host}/api/v3"


def find_web_url(account: GitHub) -> str:
    """Return the base of the host's web pages, where OAuth tokens are made."""
    if account.api_url and not account.api_url.startswith(f"https://api.{account.host}"):
        parts = urlsplit(account.api_url)
        return f"{parts.scheme}://{parts.netloc}"
    return f"https://{account.host}"


def ask(
    account: GitHub,
    facts: Facts,
    auth: "github.Auth.Auth",
    method: str,
    path: str,
    body: Mapping[str, Any] | None = None,
) -> Answer:
    """Send one request to the REST API of a host. Raises NoAnswerError."""
    import logging  # noqa: PLC0415 - as below

    import github  # noqa: PLC0415 - 0.3 s and 40 MB that only a request costs

    limit_pygithub()
    logging.getLogger("github").setLevel(logging.CRITICAL)  # it writes to standard error by itself
    url = find_api_url(account)
    client = github.Github(
        base_url=url,
        auth=auth,
        timeout=TIMEOUT,
        retry=None,
        seconds_between_requests=None,
        seconds_between_writes=None,
        verify=find_certificates(facts.environ),
        user_agent="devcopilot",
    )
    try:
        with explained(url):
            status, headers, text = run_within(
                LONGEST_ANSWER, lambda: client.requester.requestJson(method, path, input=body)
            )
            return read_answer(facts, url, status, headers, text, sent=(auth.token,))
    finally:
        client.close()


@contextmanager
def explained(url: str) -> Iterator[None]:
    """Turn what the network does into NoAnswerError; the errors' own texts may hold anything."""
    import requests  # noqa: PLC0415 - as above

    try:
        yield
    except TooLongError as error:
        raise NoAnswerError(f"{url} answered with more than {LONGEST // 1024} KiB") from error
    except requests.exceptions.SSLError as error:
        raise NoAnswerError(f"the TLS certificate of {url} is not trusted") from error
    except (requests.exceptions.Timeout, TimeoutError) as error:
        raise NoAnswerError(f"{url} did not answer in time") from error
    except (requests.exceptions.RequestException, OSError) as error:
        raise NoAnswerError(f"{url} cannot be reached") from error
    except (ValueError, TypeError, AssertionError, RuntimeError) as error:
        raise NoAnswerError(f"{url} does not return the expected JSON") from error


def read_answer(
    facts: Facts,
    url: str,
    status: int,
    headers: Mapping[str, str],
    text: str,
    *,
    is_json: bool = True,
    sent: Sequence[str] = (),
) -> Answer:
    """Return the answer to a request in which these secrets were sent.

    Raises NoAnswerError where there is none, ValueError for no JSON.
    """
    known = {name.lower(): str(value) for name, value in headers.items()}
    delay = find_delay(status, known, facts.clock.now())
    if delay is not None:
        raise NoAnswerError(f"{url} limits the rate of requests", delay)
    if status >= 500:
        raise NoAnswerError(f"{url} answered with status {status}")
    document = parse_json(text) if text and is_json else {}
    if not isinstance(document, dict):
        document = {"items": document}
    skew = find_skew(known, facts.clock.now())
    return Answer(status, known, document, skew, text, find_message(facts, document, sent))


def find_message(facts: Facts, document: Mapping[str, Any], sent: Sequence[str]) -> str:
    """Return what a server says is wrong, masked before it is cut: some repeat what they got."""
    words = str(document.get("message") or document.get("error") or "")
    return mask_known(hide(words, sent), facts.runtime)[:120].partition("\n")[0]


def post_form(facts: Facts, url: str, form: Mapping[str, str]) -> Answer:
    """Send a form to a page that answers with JSON. Raises NoAnswerError."""
    sent = [form[name] for name in SECRET_FIELDS if name in form]
    return _send(facts, url, "POST", sent=sent, data=dict(form))


def get_text(facts: Facts, url: str, bearer: str | None) -> Answer:
    """Get a text, JSON or not, with a bearer token. Raises NoAnswerError."""
    headers = {"Authorization": f"Bearer {bearer}"} if bearer else {}
    sent = [bearer] if bearer else []
    return _send(facts, url, "GET", is_json=False, sent=sent, headers=headers)


def _send(
    facts: Facts,
    url: str,
    method: str,
    *,
    sent: Sequence[str],
    is_json: bool = True,
    **options: Any,
) -> Answer:
    import requests  # noqa: PLC0415 - 0.1 s that only a request costs

    headers = {"Accept": "application/json", "User-Agent": "devcopilot"}
    headers |= options.pop("headers", {})

    def exchange() -> tuple[requests.Response, str]:
        done = session.request(
            method,
            url,
            headers=headers,
            timeout=TIMEOUT,
            verify=find_certificates(facts.environ),
            allow_redirects=False,
            stream=True,
            **options,
        )
        return done, read_body(done)

    with explained(url), requests.Session() as session:
        # http is for this machine alone: a proxy of the environment would be another one.
        session.trust_env = url.startswith("https:")
        session.auth = lambda request: request  # else it takes a password from the user's .netrc
        done, text = run_within(LONGEST_ANSWER, exchange)
        return read_answer(
            facts, url, done.status_code, done.headers, text, is_json=is_json, sent=sent
        )


def find_delay(status: int, headers: Mapping[str, str], now: datetime) -> float | None:
    """Return the seconds to wait if this answer limits the rate or asks for patience, else None."""
    if status < 400:
        return None
    after, reset = headers.get("retry-after", ""), headers.get("x-ratelimit-reset", "")
    if after.isascii() and after.isdigit():
        return min(float(after), LONGEST_DELAY)
    if status not in (403, 429):
        return None
    if headers.get("x-ratelimit-remaining") == "0" and reset.isascii() and reset.isdigit():
        left = float(reset) - now.timestamp() - find_skew(headers, now)
        return min(max(left, 1.0), LONGEST_DELAY)
    return SECONDARY_LIMIT if status == 429 or after else None


def find_skew(headers: Mapping[str, str], now: datetime) -> float:
    """Return by how many seconds the server's clock is ahead of ours; small differences are none.

    https://datatracker.ietf.org/doc/html/rfc9110#name-date
    """
    import email.utils  # noqa: PLC0415 - 4 ms of each start, and only an answer has a date

    try:
        there = email.utils.parsedate_to_datetime(headers.get("date", "")).astimezone(UTC)
    except (ValueError, OverflowError):
        return 0.0
    skew = (there - now).total_seconds()
    return skew if abs(skew) > COUNTED_SKEW else 0.0


def parse_time(text: object, skew: float = 0.0) -> datetime | None:
    """Return a server's time by our clock; None for what is none.

    GitHub writes 2026-12-01T10:00:00Z in documents, and 2026-12-01 10:00:00 UTC, or with an offset
    in place of UTC, in headers.
    """
    try:
        moment = read_time(str(text).strip().replace(" UTC", "+00:00"))
        return moment - timedelta(seconds=skew)
    except (ValueError, OverflowError):
        return None


def find_certificates(environ: Mapping[str, str]) -> bool | str:
    """Return the bundle of certificates to trust, or True for that of the library."""
    for name in ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"):
        if environ.get(name):
            return environ[name]
    return str(SYSTEM_CERTIFICATES) if SYSTEM_CERTIFICATES.exists() else True
