"""Whether a browser can use the editor at an address: what the proxies in between make of it.

It is walked as a browser does: is anybody there, does the editor answer, is it this one, does a
WebSocket come through. No cookie and no password is sent. Measured with code-server 4.139: to
a request without a session it answers 302 at its first page, 401 to a WebSocket whose origin it
accepts and 403 to others; below a path that it does not know everything is 401.
"""

import json
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from http.client import HTTPException
from urllib.parse import urlsplit

from agent.machine.network import web
from agent.machine.values import frozen
from agent.observe.checks import reach
from agent.observe.checks.hosts import Host
from agent.services import code_server, front
from agent.settings.check import Check, Finding, Result
from agent.settings.context import Context
from agent.settings.front import Front

DOCUMENT = "docs/proxies.md"
UNAUTHORIZED = {"error": "Unauthorized"}
"""What code-server says where it knows no page, and without a session."""
NONCE = b64encode(b"devcopilot doctor").decode()[:22] + "=="
"""https://datatracker.ietf.org/doc/html/rfc6455#section-4.1: of a connection that is not kept."""
UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": NONCE,
}
GATEWAY = {
    502: "the proxy cannot reach the editor",
    503: "the proxy knows no editor that is up",
    504: "the proxy waits for the editor in vain",
}


@frozen
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes = b""

    @property
    def document(self) -> object:
        """Return the body as JSON; None: it is not."""
        with suppress(ValueError):
            return json.loads(self.body)
        return None


@frozen
class Walk:
    """One address, as it is asked from here."""

    url: str
    current: Context
    asked: bool
    """Whether somebody named it, and not only the settings: not to be reached is a failure then."""

    @property
    def front(self) -> Front:
        """Return the settings as if this were the public address."""
        return replace(self.current.settings.front, public_url=self.url)

    def look(self) -> Iterator[Finding]:
        """Yield what is found on the way; where it ends, nothing follows."""
        if self.front.is_in_clear:
            summary = f"{self.url} is not https: others can read the session, and web views fail"
            yield Finding(Result.WARN, summary, f"put TLS in front: {DOCUMENT}", part="https")
        for step in (self._find_editor, self._find_page, self._find_socket):
            try:
                finding = step()
            except (OSError, ValueError, HTTPException) as error:
                finding = self._explain(error)
            yield finding
            if finding.result is not Result.OK:
                return

    def _explain(self, error: Exception) -> Finding:
        """Return why nothing came back."""
        host = Host(self.url, "the editor")
        cause, fix = reach.explain(error, host, self.current.facts.environ)
        result = Result.FAIL if self.asked else Result.UNKNOWN
        said = f"cannot reach {self.url} from inside the workspace: {cause}"
        return Finding(result, said, f"{fix}; a browser may come by another way", part="reach")

    def _ask(self, path: str, headers: Mapping[str, str] | None = None) -> Answer:
        found = web.ask("GET", f"{self.url}{path}", self.current.facts.environ, headers)
        return Answer(*found)

    def _find_editor(self) -> Finding:
        """Find out whether an editor answers."""
        answer = self._ask("/healthz", {"Accept": "application/json"})
        document = answer.document
        if answer.status == 200 and isinstance(document, dict) and "lastHeartbeat" in document:
            return Finding(Result.OK, f"an editor answers at {self.url}", part="healthz")
        cause, fix, result = self._judge(answer)
        facts = {"status": answer.status}
        return Finding(result, f"{self.url}/healthz: {cause}", fix, facts, "healthz")

    def _judge(self, answer: Answer) -> tuple[str, str, Result]:
        """Return what it means that something else has answered, and what fixes it."""
        prefix = urlsplit(self.url).path
        if words := GATEWAY.get(answer.status):
            port = self.current.settings.editor.port
            fix = f"have it forward to port {port} of this container, over http: {DOCUMENT}"
            return f"{words} ({answer.status})", fix, Result.FAIL
        if prefix and (answer.document == UNAUTHORIZED or answer.status == 404):
            fix = f"have the proxy remove {prefix} from the path: {DOCUMENT}"
            words = f"the proxy passes {prefix} on to the editor, which does not know it"
            if answer.document != UNAUTHORIZED:
                words = f"nothing is there (404): no route leads there, or {prefix} is passed on"
            return words, fix, Result.FAIL
        if answer.status in (301, 302, 303, 307, 308):
            return self._judge_redirection(answer.headers.get("location", ""))
        if answer.status in (401, 403, 407):
            words = f"the proxy asks for a login of its own ({answer.status})"
            return words, f"try it in a browser; what to look for: {DOCUMENT}", Result.UNKNOWN
        words = f"something else answers there ({answer.status})"
        return words, f"check where the proxy leads this address: {DOCUMENT}", Result.FAIL

    def _judge_redirection(self, location: str) -> tuple[str, str, Result]:
        target = urlsplit(location)
        if target.scheme == "https" and target.hostname == urlsplit(self.url).hostname:
            address = location.removesuffix("/healthz")
            return f"it leads on to {address}", f"set DEV8_PUBLIC_URL={address}", Result.FAIL
        words = f"it leads on to {target.netloc or location}: a login of the proxy, perhaps"
        return words, f"try it in a browser; what to look for: {DOCUMENT}", Result.UNKNOWN

    def _find_page(self) -> Finding:
        """Find out whether it is this editor: each has a name of its own for its cookie."""
        own = code_server.read_options(self.current.facts).get("cookie-suffix")
        if self.current.settings.editor.auth == "none" or not own:
            return Finding(Result.OK, "its first page is not behind a login", part="page")
        given = self._ask("/logout").headers.get("set-cookie", "")
        if given.startswith(f"{front.name_session(str(own))}="):
            return Finding(Result.OK, "it is the editor of this workspace", part="page")
        words = "the editor there is not that of this workspace"
        return Finding(Result.FAIL, words, f"check the proxy's route for {self.url}", part="page")

    def _find_socket(self) -> Finding:
        """Find out whether a WebSocket comes through, and from the page's own origin."""
        parts = urlsplit(self.url)
        origin = f"{parts.scheme}://{parts.netloc}"
        answer = self._ask("/", {**UPGRADE, "Origin": origin})
        facts = {"status": answer.status}
        if answer.status in (101, 401):
            return Finding(Result.OK, "WebSockets come through", "", facts, "websocket")
        if answer.status == 403:
            summary, fix = self._explain_refusal(origin)
            return Finding(Result.FAIL, summary, fix, facts, "websocket")
        if words := GATEWAY.get(answer.status):
            fix = f"check the proxy's route for WebSockets: {DOCUMENT}"
            return Finding(Result.FAIL, f"{words} ({answer.status})", fix, facts, "websocket")
        summary = (
            f"the proxy does not pass on Upgrade ({answer.status} instead of a WebSocket), shown "
            "as error 1006"
        )
        fix = f"have it pass on Upgrade and Connection, by HTTP/1.1: {DOCUMENT}"
        return Finding(Result.FAIL, summary, fix, facts, "websocket")

    def _explain_refusal(self, origin: str) -> tuple[str, str]:
        if self.front.host in self.current.settings.front.origins:
            words = f"something before the editor refuses WebSockets of {origin} (403)"
            return words, f"let the proxy pass them on: {DOCUMENT}"
        words = (
            f"the editor refuses WebSockets of {origin} (403, shown as error 1006): the proxy does "
            "not pass on the host"
        )
        fix = f"set DEV8_PUBLIC_URL={self.url}, or have the proxy pass on Host: {DOCUMENT}"
        return words, fix


def look(current: Context) -> Iterator[Finding]:
    """Yield how the address of the settings can be used."""
    if url := current.settings.front.public_url:
        yield from Walk(url, current, asked=False).look()


def look_at(url: str, current: Context) -> Iterator[Finding]:
    """Yield how this address can be used."""
    yield from Walk(url, current, asked=True).look()


CHECK = Check(
    "address", "Network",
    "whether a browser can use the editor at DEV8_PUBLIC_URL: proxy, TLS, WebSockets", look,
    network=True, documents=DOCUMENT, timeout=60.0,
)  # fmt: skip
