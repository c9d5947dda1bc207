"""A TLS server, run inside a container: python3 tls_server.py PORT; prints what it is asked."""

import ssl
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class Handler(BaseHTTPRequestHandler):
    """Answers everything with an empty object."""

    def do_GET(self) -> None:
        """Tell that somebody has trusted us."""
        print(f"asked {self.path}", flush=True)
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
server.socket = tls.wrap_socket(server.socket, server_side=True)
server.serve_forever()
