"""A server that is everybody's enemy: it refuses nearly all, and repeats what it was sent.

It stands for GitHub's API, a token URL, a control plane, object stores, a registry of npm packages,
a gallery, a host of repositories and a proxy. Each credential of a request comes back in the
answer's headers and body, as it is, without its Base64, and in a URL. Standard library only:
containers run it.

Usage: repeater.py PORT; it prints a JSON line for each request.
"""

import base64
import http.server
import itertools
import json
import sys
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from html import escape
from typing import ClassVar
from urllib.parse import parse_qsl, quote, urlsplit

STATUSES = (401, 403, 404, 500, 302, 422, 503, 200, 429)
"""What each path answers, in turns."""
MADE = {
    "GITHUB_TOKEN (made)": "ghs_madeByTheRepeater0123456789abcdef",
    "GITHUB_REFRESH_TOKEN (next)": "ghr_nextOfTheRepeater0123456789abcdef",
}
"""What it hands out, every third time that it is asked."""
TOKEN, REFRESH = MADE.values()
MAKERS = ("/access_tokens", "/login/oauth/access_token", "/token")
NEVER = "2099-01-01T00:00:00Z"
GIFT = {
    "token": TOKEN, "expires_at": NEVER, "permissions": {"contents": "write"},
    "access_token": TOKEN, "token_type": "bearer", "expires_in": 28800,
    "refresh_token": REFRESH, "refresh_token_expires_in": 15897600,
}  # fmt: skip
STORES = ("/bucket", "/account")
CREDENTIALS = ("authorization", "proxy-authorization", "cookie", "x-api-key", "x-goog-api-key")


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers one request."""

    protocol_version = "HTTP/1.1"
    turns: ClassVar[defaultdict[str, Iterator[int]]] = defaultdict(itertools.count)
    """How often each path was asked."""

    def answer(self) -> None:
        """Refuse, and repeat."""
        size = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(size).decode(errors="replace")
        path = urlsplit(self.path).path
        row = {"asked": f"{self.command} {path}", "headers": dict(self.headers), "body": body}
        print(json.dumps(row), flush=True)
        turn = next(self.turns[path])
        if path == "/app/installations":
            self.reply(200, json.dumps([{"id": 1}]), [])
        elif path.endswith(MAKERS) and turn % 3 == 0:
            self.reply(201 if path.endswith("s") else 200, json.dumps(GIFT), [])
        else:
            self.refuse(path, STATUSES[turn % len(STATUSES)], list(self.find_credentials(body)))

    def find_credentials(self, body: str) -> Iterator[str]:
        """Yield whatever in a request may be a credential."""
        for name in CREDENTIALS:
            given = self.headers.get(name, "")
            yield from (given, given.partition(" ")[2])
            with suppress(ValueError):
                login = base64.b64decode(given.partition(" ")[2]).decode()
                yield from (login, login.partition(":")[2])
        texts = (urlsplit(self.path).query, body if len(body) < 2000 else "")
        for text in texts:
            yield text
            yield from (value for _, value in parse_qsl(text))

    def refuse(self, path: str, status: int, credentials: "list[str]") -> None:
        """Answer with each credential, as the program that asks shows it."""
        if "Authorization" not in self.headers and ".git/" in path:
            self.reply(401, "who is it?", [("WWW-Authenticate", 'Basic realm="git"')], "text/plain")
            return
        words = " ".join(" ".join(dict.fromkeys(credentials)).split())
        text = f"{words} is refused"
        headers = [
            ("Location", f"{path}?again={quote(words)}"),
            ("WWW-Authenticate", f'Bearer error_description="{words[:1000]}"'),
            ("X-GitHub-SSO", f"required; url=https://github.com/orgs/o/sso?token={quote(words)}"),
        ]
        if ".git/" in path:
            self.reply(status, text, headers, "text/plain")
            return
        if path.startswith(STORES):  # another status would have clients ask again for minutes
            error = f"<Error><Code>AccessDenied</Code><Message>{escape(text)}</Message></Error>"
            self.reply(403, error, headers, "application/xml")
            return
        document = {"message": text, "error": text, "error_description": text,
                    "documentation_url": f"https://docs.example/?t={quote(words)}",
                    "success": False, "code": text}  # fmt: skip
        self.reply(status, json.dumps(document), headers)

    def reply(
        self, status: int, text: str, more: "list[tuple[str, str]]", kind: str = "application/json"
    ) -> None:
        """Send an answer."""
        content = text.encode()
        headers = [*more, ("Content-Type", kind), ("Content-Length", str(len(content)))]
        self.send_response(status, text[:200].encode("ascii", "replace").decode())
        for name, value in headers:
            self.send_header(name, value.encode("ascii", "replace").decode())
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    do_GET = do_POST = do_PUT = do_HEAD = do_PATCH = do_DELETE = do_CONNECT = answer  # noqa: N815

    def log_message(self, *_: object) -> None:
        """Print nothing else."""


if __name__ == "__main__":
    http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
