"""A TLS server, run inside a container: python3 tls_server.py PORT [FILE].

It prints what it is asked; in FILE it also notes who left without a question.
"""

import ssl
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

NOTES = Path(sys.argv[2]) if len(sys.argv) > 2 else None


def note(words: str) -> None:
    """Add a line to the file."""
    if NOTES:
        with NOTES.open("a") as file:
            file.write(f"{words}\n")


class Handler(BaseHTTPRequestHandler):
    """Answers everything with an empty object."""

    def handle(self) -> None:
        """Shake hands; some break it off, others leave only then."""
        self.asked = False
        try:
            self.connection.do_handshake()
            super().handle()
        except OSError:
            pass
        if not self.asked:
            note("refused")

    def do_GET(self) -> None:
        """Tell that somebody has trusted us."""
        self.asked = True
        print(f"asked {self.path}", flush=True)
        note(f"asked {self.path}")
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def do_POST(self) -> None:
        """Answer the same."""
        self.do_GET()

    def do_HEAD(self) -> None:
        """Answer the same."""
        self.do_GET()


server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler)
tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
tls.load_cert_chain(Path(__file__).parent / "server.pem")
server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
server.serve_forever()
