"""A stand-in for the original's control plane: its API for activity reports.

It refuses what the real one refuses, with the same words: another method or path, a missing or
wrong key, a body that Go's decoder does not take, an id that is not that of the path. `fault` makes
it answer as networks do.

Usage: control_plane.py HOST PORT [KEY]; it prints a JSON line for each request that it gets. PUT
/fault/NAME makes it misbehave from then on, PUT /fault/ ends that, PUT /key/KEY changes the key.
"""

import http.server
import json
import re
import ssl
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

PATH = re.compile(r"/api/v1/environments/([^/]+)/activity")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
"""What Go's time.Time takes from JSON: RFC 3339."""
SNAPSHOT = {"lastIDEActivity": str, "lastSSHActivity": str,
            "activeIDEConnections": int, "activeSSHConnections": int}  # fmt: skip
NO_KEY = "Invalid or missing API key. Please provide a valid API key in the Authorization header."
OTHER_ID = "environmentId in payload does not match route parameter"


@dataclass(frozen=True)
class Sent:
    """A request as it came."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    status: int
    """That of the answer, for which it may not have waited; 0: it got none."""
    taken: bool
    """Whether the report was accepted."""

    @property
    def report(self) -> Any:
        """Return the body's document."""
        return json.loads(self.body)


@dataclass
class ControlPlane:
    """The server, and what it was sent."""

    host: str = "127.0.0.1"
    port: int = 0
    key: str = ""
    """What callers have to know; empty: nothing."""
    fault: str = ""
    """How it misbehaves: a method of `Handler`, as `fail_NAME`; empty: not at all."""
    sent: list[Sent] = field(default_factory=list)
    most_at_once: int = 0
    on_report: Callable[[Sent], None] = lambda _: None
    came: threading.Condition = field(default_factory=threading.Condition)
    released: threading.Event = field(default_factory=threading.Event)
    """Ends what hangs."""
    _open: int = 0

    def __enter__(self) -> "ControlPlane":
        handler = type("Bound", (Handler,), {"plane": self})
        self._server = http.server.ThreadingHTTPServer((self.host, self.port), handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.released.set()
        self._server.shutdown()
        self._server.server_close()

    def secure(self, context: ssl.SSLContext) -> None:
        """Speak TLS from now on."""
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)

    @property
    def url(self) -> str:
        """Return its base URL."""
        return f"http://{self.host}:{self.port}"

    @property
    def accepted(self) -> list[Sent]:
        """Return the reports that it took."""
        return [each for each in self.sent if each.taken]

    def wait(self, count: int, seconds: float = 30.0) -> None:
        """Wait until so many requests have come. Raises AssertionError."""
        with self.came:
            assert self.came.wait_for(lambda: len(self.sent) >= count, seconds), self.sent

    def enter(self) -> None:
        """Count a request that is open."""
        with self.came:
            self._open += 1
            self.most_at_once = max(self.most_at_once, self._open)

    def leave(self) -> None:
        """Count a request that is over."""
        with self.came:
            self._open -= 1

    def note(self, sent: Sent) -> None:
        """Note a request, before whoever sent it can know how it ended."""
        with self.came:
            self.sent.append(sent)
            self.came.notify_all()
        self.on_report(sent)


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers one request."""

    protocol_version = "HTTP/1.1"
    plane: ControlPlane
    content = b""
    is_noted = False

    def answer(self) -> None:
        """Check the request as the real one does, and answer it."""
        plane = self.plane
        self.is_noted = False
        if self.command == "PUT" and self.path.startswith(("/fault/", "/key/")):
            _, name, value = self.path.split("/")
            setattr(plane, name, value)
            self.send(200, b"", "text/plain")
            return
        plane.enter()
        self.content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        try:
            self.fault = plane.fault
            if self.fault:
                getattr(self, f"fail_{self.fault}")()
            else:
                self.take(self.content)
        except OSError:
            pass  # the other side has given up
        finally:
            plane.leave()
            self.note(0)

    do_GET = do_POST = do_PUT = answer  # noqa: N815 - the library's names

    def note(self, status: int) -> None:
        """Note the request once."""
        if self.is_noted:
            return
        self.is_noted = True
        headers = dict(self.headers.items())
        taken = status == 200 and not self.fault
        self.plane.note(Sent(self.command, self.path, headers, self.content, status, taken))

    def take(self, content: bytes) -> None:
        """Answer as the real one does."""
        found = PATH.fullmatch(self.path)
        scheme, _, key = self.headers.get("Authorization", "").partition(" ")
        if not found:
            self.reply(404, b"404 page not found\n", "text/plain; charset=utf-8")
        elif self.command != "POST":
            self.reply(405, b"", "text/plain")
        elif self.plane.key and (scheme.lower() != "bearer" or key != self.plane.key):
            self.refuse(401, "Unauthorized", NO_KEY)
        elif problem := find_problem(content):
            self.refuse(400, "Invalid Request Body", problem)
        else:
            self.take_report(json.loads(content), unquote(found[1]))

    def take_report(self, report: Any, identifier: str) -> None:
        """Accept a report of this environment."""
        if report.setdefault("environmentId", "") == "":
            report["environmentId"] = identifier
        if report["environmentId"] != identifier:
            self.refuse(400, "Bad Request", OTHER_ID)
            return
        report.setdefault("timestamp", datetime.now(UTC).isoformat())
        message = "Activity recorded successfully"
        self.reply_json(200, {"success": True, "message": message, "data": report})

    def refuse(self, status: int, error: str, message: str) -> None:
        """Answer with an error in the real one's shape."""
        code = f"ERR_{status}"
        self.reply_json(
            status, {"success": False, "error": error, "message": message, "code": code}
        )

    def reply_json(self, status: int, document: object, **headers: str) -> None:
        """Answer with JSON."""
        content = json.dumps(document, separators=(",", ":")).encode()
        self.reply(status, content, "application/json", **headers)

    def reply(self, status: int, content: bytes, kind: str, **headers: str) -> None:
        """Answer, once the request is noted."""
        self.note(status)
        self.send(status, content, kind, **headers)

    def send(self, status: int, content: bytes, kind: str, **headers: str) -> None:
        """Send an answer."""
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def fail_503(self) -> None:
        """Answer as a proxy whose server is gone."""
        self.reply(503, b"no healthy upstream", "text/plain")

    def fail_504(self) -> None:
        """Answer as the real one when it is too slow."""
        self.refuse(504, "Request Timeout", "The request took too long to process.")

    def fail_429(self) -> None:
        """Answer as its rate limit does, with a time to wait."""
        document = {"success": False, "error": "Rate Limit Exceeded",
                    "message": "Too many requests. Please try again later.",
                    "code": "ERR_429"}  # fmt: skip
        self.reply_json(429, document, Retry_After="120")

    def fail_html(self) -> None:
        """Answer as a login page does."""
        self.reply(200, b"<!doctype html><title>Sign in</title>", "text/html")

    def fail_redirect(self) -> None:
        """Send the caller elsewhere, with the key."""
        self.reply(302, b"", "text/plain", Location=f"{self.plane.url}/elsewhere")

    def fail_huge(self) -> None:
        """Answer with more than anybody wants."""
        self.reply(200, b'{"success":true,"data":"' + b"x" * 10_000_000, "application/json")

    def fail_unsuccessful(self) -> None:
        """Answer that it did not work, with a status that says it did."""
        self.reply_json(200, {"success": False, "message": "the store is full"})

    def fail_echo(self) -> None:
        """Refuse, and repeat the key."""
        given = self.headers.get("Authorization", "")
        self.refuse(401, "Unauthorized", f"{given} is unknown")

    def fail_rude(self) -> None:
        """Say more than anybody wants to see, with what a terminal obeys."""
        self.refuse(503, "x", "\x1b[2J\u202e\r\n" + "y" * 10_000)

    def fail_empty(self) -> None:
        """Accept without a word, as a function of a cloud may."""
        self.reply(202, b"", "text/html")

    def fail_hang(self) -> None:
        """Answer nothing."""
        self.plane.released.wait(60)

    def fail_trickle(self) -> None:
        """Answer a byte a moment, for ever."""
        self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        while not self.plane.released.wait(0.05):
            self.wfile.write(b"x")
            self.wfile.flush()

    def fail_garbage(self) -> None:
        """Answer with something that is not HTTP."""
        self.wfile.write(b"SSH-2.0-OpenSSH_9.2\r\n")
        self.close_connection = True

    def fail_close(self) -> None:
        """Hang up."""
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Print nothing."""


def find_problem(content: bytes) -> str:
    """Return what Go's decoder finds wrong with a body."""
    try:
        report = json.loads(content)
        snapshot = report.get("snapshot", {})
        times = [report.get("timestamp"), *(snapshot.get(name) for name in list(SNAPSHOT)[:2])]
        wrong = [name for name, kind in SNAPSHOT.items()
                 if type(snapshot.get(name, kind())) is not kind]  # fmt: skip
        wrong += [each for each in times if each is not None and not TIME.fullmatch(each)]
    except (ValueError, AttributeError, TypeError):
        wrong = ["the body"]
    return "Please check your JSON payload" if wrong else ""


def main() -> None:
    """Answer until it is ended."""
    host, port, *key = sys.argv[1:]
    with ControlPlane(host, int(port), "".join(key)) as plane:

        def show(sent: Sent) -> None:
            row = {"path": sent.path, "headers": sent.headers, "status": sent.status}
            print(json.dumps({**row, "body": sent.body.decode(errors="replace")}), flush=True)

        plane.on_report = show
        threading.Event().wait()


if __name__ == "__main__":
    main()
