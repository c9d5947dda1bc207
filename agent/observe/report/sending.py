"""Sends one report, and says what became of it. Light until there is something to send.

Whatever the other side answers or does not answer costs no more than the time limit. It does
without `agent.machine.network.web`: what that loads takes another 13 ms of each report.
"""

import http.client
import json
import ssl
from http import HTTPStatus
from urllib.parse import SplitResult, urlsplit

from agent.machine.deadline import deadline
from agent.machine.light.escaping import escape_line
from agent.machine.light.masking import hide
from agent.observe.report.outcome import Kind, Outcome
from agent.observe.report.rules import Plan

USER_AGENT = "workspace-supervisor"
"""That of the original: a control plane may look at it."""
LIMIT = 64 * 1024
"""Bytes of an answer; a control plane's has less than one thousand."""
LONGEST_WORDS = 160
LONGEST_HOST = 253
"""Characters of a name: RFC 1035, 2.3.4."""
FINAL = (HTTPStatus.BAD_REQUEST, HTTPStatus.UNAUTHORIZED)
"""A report that is refused so will be refused again: the id or the key is wrong."""
CHECK_ID = "check ENVIRONMENT_ID and SUPERVISOR_AGENT_BASE_URL, then start the container anew"
CHECK_KEY = "check SUPERVISOR_AGENT_API_KEY; one in a file is tried again when the file changes"
CHECK_URL = "check SUPERVISOR_AGENT_BASE_URL; a proxy or a login page may answer in its place"


def send(plan: Plan, body: bytes, key: str) -> Outcome:
    """Send a report. No redirect is followed: the key is for one host alone."""
    parts = urlsplit(plan.url)
    try:
        with deadline(plan.seconds):
            connection = _connect(plan, parts)
            try:
                return _post(connection, plan, parts, body, key)
            finally:
                connection.close()
    except (OSError, http.client.HTTPException, ValueError) as error:
        return _explain(parts.netloc, error, plan.seconds)


def _connect(plan: Plan, parts: SplitResult) -> http.client.HTTPConnection:
    is_secure = parts.scheme.lower() == "https"
    kind = http.client.HTTPSConnection if is_secure else http.client.HTTPConnection
    if not plan.proxy:
        return kind(parts.hostname or "", parts.port, timeout=plan.seconds)
    connection = kind(plan.proxy, timeout=plan.seconds)
    if is_secure:
        login = {"Proxy-Authorization": plan.proxy_login} if plan.proxy_login else {}
        connection.set_tunnel(parts.hostname or "", parts.port or 443, login)
    return connection


def _post(
    connection: http.client.HTTPConnection, plan: Plan, parts: SplitResult, body: bytes, key: str
) -> Outcome:
    headers = {"Content-Type": "application/json", "User-Agent": USER_AGENT, "Connection": "close"}
    if key:
        headers["Authorization"] = f"Bearer {key}"
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if plan.proxy and parts.scheme.lower() == "http":
        target = plan.url
        headers |= {"Proxy-Authorization": plan.proxy_login} if plan.proxy_login else {}
    connection.request("POST", target, body, headers)
    answer = connection.getresponse()
    return judge(parts.netloc, answer.status, answer.headers, answer.read(LIMIT + 1), key)


def judge(
    host: str, status: int, headers: "http.client.HTTPMessage", content: bytes, key: str
) -> Outcome:
    """Return what an answer means."""
    document = _read_document(content)
    words = _find_words(document, key)
    if status in FINAL:
        hint = CHECK_ID if status == HTTPStatus.BAD_REQUEST else CHECK_KEY
        said = words or "no reason given"
        return Outcome(Kind.REFUSED, f"{host} refuses the reports: {said} ({status})", hint)
    if status >= HTTPStatus.MULTIPLE_CHOICES:
        return _explain_status(host, status, headers, words)
    if len(content) > LIMIT:
        return Outcome(Kind.FAILED, f"{host} answers with more than {LIMIT // 1024} KiB", CHECK_URL)
    is_html = headers.get_content_type() == "text/html" or content.lstrip()[:1] == b"<"
    if content.strip() and is_html:
        return Outcome(Kind.FAILED, f"{host} answers with a web page", CHECK_URL)
    if document.get("success") is False:
        return Outcome(Kind.FAILED, f"{host} did not take the report: {words or 'no reason given'}")
    return Outcome(Kind.ACCEPTED)


def _explain_status(
    host: str, status: int, headers: "http.client.HTTPMessage", words: str
) -> Outcome:
    if status < HTTPStatus.BAD_REQUEST:
        target = _find_host(headers.get("Location", "")) or "another page"
        return Outcome(
            Kind.FAILED,
            f"{host} sends the reports on to {target} ({status}), where the key must not go",
            "set SUPERVISOR_AGENT_BASE_URL to the URL that answers itself",
        )
    after = headers.get("Retry-After", "")
    pause = float(after) if after.isascii() and after.isdigit() else 0.0
    said = f": {words}" if words else ""
    hint = CHECK_URL if status in (HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED) else ""
    return Outcome(Kind.FAILED, f"{host} answers with status {status}{said}", hint, pause)


def _find_host(url: str) -> str:
    try:
        return escape_line(urlsplit(url).hostname or "")[:LONGEST_HOST]
    except ValueError:
        return ""


def _read_document(content: bytes) -> "dict[str, object]":
    try:
        document = json.loads(content[:LIMIT])
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def _find_words(document: "dict[str, object]", key: str) -> str:
    """Return the server's own words, one short line without the key."""
    words = " ".join(str(document.get("message") or document.get("error") or "").split())
    words = escape_line(hide(words, (key,)))
    return words[:LONGEST_WORDS].rstrip(" .")


def _explain(host: str, error: Exception, seconds: float) -> Outcome:
    match error:
        case ssl.SSLCertVerificationError():
            return Outcome(
                Kind.FAILED,
                f"the TLS certificate of {host} is not trusted: {error.verify_message}",
                "set DEV8_CA_FILE to the certificate of your own CA",
            )
        case ssl.SSLError():
            cause = f"cannot be reached over TLS: {error.reason or 'the connection broke off'}"
        case TimeoutError():
            cause = f"did not answer within {seconds:g} s"
        case http.client.HTTPException() | ValueError():
            cause = "does not answer as a web server does"
        case _:
            cause = f"cannot be reached: {_find_cause(error)}"
    return Outcome(Kind.FAILED, f"{host} {cause}")


def _find_cause(error: Exception) -> str:
    """Return why there is no connection."""
    said = error.strerror if isinstance(error, OSError) else None
    return said or str(error) or "the connection broke off"
