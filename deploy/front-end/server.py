#!/usr/bin/env python3
r"""A minimal front end: /environments/ID/ide shows the editor of a workspace in a frame, logged in.

/environments/ID/tab leads to it without a frame around it. This needs Python 3.11 and nothing else.
What is written here is explained in docs/front-end.md.

    python3 server.py --port 8000 --users users.json \
        --open 'docker exec {id} devcopilot open --for 1m --json'

users.json says who may use what: {"octo": ["ada"], "hubot": ["ada", "grace"]}. The proxy in front
logs people in and names them in X-Forwarded-User: let nothing but that proxy reach the port.
"""

import argparse
import base64
import hashlib
import html
import json
import re
import shlex
import subprocess
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

ADDRESS = re.compile(r"/environments/([a-z0-9][a-z0-9-]{0,62})/(ide|tab)/?")
TIMEOUT = 20.0
"""Seconds that a workspace may take for a link."""
SCRIPT = "document.forms[0].submit()"
STYLE = """html, body { margin: 0; height: 100%; display: flex; flex-direction: column }
a { padding: .4em 1em; font: 14px sans-serif } iframe { border: 0; flex: 1 }"""
FRAME = """<a href="/environments/{id}/tab" target="_blank" rel="noopener">Open in a new tab</a>
<iframe name="ide" title="Editor" allow="clipboard-read; clipboard-write; fullscreen"></iframe>
"""
PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>{id}</title>
<style>{style}</style>
{frame}<form method="post" target="{target}" action="{action}" hidden>
<input type="hidden" name="token" value="{token}">
</form>
<script>{script}</script>
</html>
"""


def digest(text: str) -> str:
    """Return how a policy names a script or style sheet."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


class FrontEnd(BaseHTTPRequestHandler):
    """One request."""

    users: dict[str, list[str]]
    open_command: str

    def do_GET(self) -> None:
        """Show the editor to who may use it."""
        found = ADDRESS.fullmatch(urlsplit(self.path).path)
        user = self.headers.get("X-Forwarded-User", "")
        if not found or not user or user not in self.users.get(found[1], ()):
            self.answer(HTTPStatus.NOT_FOUND, "There is no such environment, or it is not yours.")
            return
        try:
            link = self.make_link(found[1])
        except (OSError, ValueError, KeyError, subprocess.SubprocessError) as error:
            self.log_error("no link for %s: %s", found[1], type(error).__name__)
            self.answer(HTTPStatus.SERVICE_UNAVAILABLE, "The workspace is not ready. Try again.")
            return
        origin = "{0.scheme}://{0.netloc}".format(urlsplit(link["action"]))
        values = {name: html.escape(link[name]) for name in ("action", "token")}
        if found[2] == "ide":
            values |= {"target": "ide", "frame": FRAME.format(id=found[1])}
        else:
            values |= {"target": "_self", "frame": ""}
        page = PAGE.format(id=found[1], style=STYLE, script=SCRIPT, **values)
        policy = (
            f"default-src 'none'; style-src {digest(STYLE)}; script-src {digest(SCRIPT)}; "
            f"frame-src {origin}; form-action {origin}; frame-ancestors 'none'; base-uri 'none'"
        )
        self.answer(HTTPStatus.OK, page, {"Content-Security-Policy": policy}, kind="text/html")

    def make_link(self, name: str) -> dict[str, str]:
        """Return a new link into a workspace; its name is one of ADDRESS, so it needs no quotes."""
        words = [word.replace("{id}", name) for word in shlex.split(self.open_command)]
        done = subprocess.run(words, capture_output=True, check=True, timeout=TIMEOUT)
        return {name: str(value) for name, value in json.loads(done.stdout).items()}

    def answer(
        self,
        status: int,
        text: str,
        headers: dict[str, str] | None = None,
        kind: str = "text/plain",
    ) -> None:
        """Send an answer that nobody keeps: it may have a token."""
        body = text.encode()
        self.send_response(status)
        usual = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
        for name, value in {**usual, **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def main() -> None:
    """Serve until somebody stops it."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--address", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--users", type=Path, required=True, help="who may use which workspace")
    parser.add_argument(
        "--open", required=True, help="prints a link as JSON; {id}: which workspace"
    )
    arguments = parser.parse_args()
    FrontEnd.users = json.loads(arguments.users.read_text())
    FrontEnd.open_command = arguments.open
    ThreadingHTTPServer((arguments.address, arguments.port), FrontEnd).serve_forever()


if __name__ == "__main__":
    main()
