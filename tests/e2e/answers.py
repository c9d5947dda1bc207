"""An endpoint on loopback that notes what it is asked: run it inside a container, read its notes.

    python -m tests.e2e.answers PORT FILE

It writes one JSON object a line: method, path, headers. It answers 403, so that clients give up.
"""

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class Handler(BaseHTTPRequestHandler):
    notes: Path

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        note = {"method": self.command, "path": self.path, "headers": dict(self.headers)}
        with self.notes.open("a") as file:
            file.write(json.dumps(note) + "\n")
        content = b'{"error": {"code": 403, "message": "no", "status": "PERMISSION_DENIED"}}'
        self.send_response(403)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST  # noqa: N815 - http.server's name

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
        """Say nothing: the notes are the log."""


if __name__ == "__main__":
    Handler.notes = Path(sys.argv[2])
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
