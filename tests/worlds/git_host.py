"""A host of repositories on loopback: the real `git http-backend`, and what hosts do wrong.

Standard library only: containers run it.
"""

import json
import os
import ssl
import subprocess
import threading
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

PLAIN = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "GIT_CONFIG_NOSYSTEM": "1"}
PAGE = b"<html><title>Sign in</title></html>"


class GitHost:
    """The host: what it has, what it answers, what it was asked."""

    def __init__(self, root: Path, port: int = 0) -> None:
        self.root = root
        self.asked: list[str] = []
        self.faults: list[int] = []
        """Statuses of the next answers."""
        self.page = False
        """Whether a portal answers in its place."""
        self.token: str | None = None
        """What it wants as the password; None: anybody may read."""
        self.repeats: int | None = None
        """After so many requests it repeats each password, as an error of git's protocol."""
        self.given: list[str] = []
        """Passwords that came with the requests."""
        self.large: dict[str, bytes] = {}
        """What git LFS keeps here, by the SHA-256 of its content."""
        self.gate: threading.Event | None = None
        """What a pack waits for when a part of it has been sent."""
        self.server = ThreadingHTTPServer(("127.0.0.1", port), self._make_handler())
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    def use_tls(self, certificate: Path, name: str) -> None:
        """Answer over TLS alone, under this name; the file holds the key as well."""
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(certificate)
        self.server.socket = tls.wrap_socket(
            self.server.socket, server_side=True, do_handshake_on_connect=False
        )
        self.url = f"https://{name}:{self.server.server_address[1]}"

    @property
    def name(self) -> str:
        """Return how git and the agent call it."""
        return self.url.partition("://")[2]

    def make_tree(self, folder: Path, *rows: str) -> str:
        """Return the id of a tree with these rows, whatever names they have."""
        return self.git(folder, "mktree", stdin="".join(f"{row}\n" for row in rows))

    def git(self, folder: Path, *words: str, stdin: str | None = None) -> str:
        """Run git as somebody who writes commits."""
        identity = {f"GIT_{who}_{what}": "a@example.com" for who in ("AUTHOR", "COMMITTER")
                    for what in ("NAME", "EMAIL")}  # fmt: skip
        done = subprocess.run(
            ["git", "-c", "protocol.file.allow=always", *words], cwd=folder, check=True,
            input=stdin, capture_output=True, text=True, env={**PLAIN, **identity},
        )  # fmt: skip
        return done.stdout.strip()

    def add(self, name: str, files: dict[str, str] | None = None) -> Path:
        """Add a repository with one commit on main; return a work tree of it."""
        bare, tree = self.root / f"{name}.git", self.root / "trees" / name
        bare.parent.mkdir(parents=True, exist_ok=True)
        tree.mkdir(parents=True)
        self.git(self.root, "init", "-q", "--bare", "-b", "main", str(bare))
        self.git(bare, "config", "uploadpack.allowAnySHA1InWant", "true")
        self.git(tree, "init", "-q", "-b", "main")
        self.git(tree, "remote", "add", "origin", str(bare))
        if files is not None:
            self.commit(tree, files)
        return tree

    def commit(self, tree: Path, files: dict[str, str], ref: str = "main") -> str:
        """Commit files and push them to a branch or any other ref; return the commit's id."""
        for name, content in files.items():
            path = tree / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
        self.git(tree, "add", "--all")
        self.git(tree, "commit", "-q", "-m", "a commit")
        target = ref if ref.startswith("refs/") else f"refs/heads/{ref}"
        self.git(tree, "push", "-q", "--force", "origin", f"HEAD:{target}")
        return self.git(tree, "rev-parse", "HEAD")

    def _make_handler(self) -> type[BaseHTTPRequestHandler]:
        host = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.0"

            def do_GET(self) -> None:
                host._answer(self)

            def do_POST(self) -> None:
                host._answer(self)

            def log_message(self, *_: object) -> None:
                """Stay silent."""

        return Handler

    def _answer(self, call: BaseHTTPRequestHandler) -> None:
        self.asked.append(call.path)
        password = self._find_password(call)
        self.given += filter(None, [password])
        if self.faults:
            self._send(call, self.faults.pop(0), b"no\n")
        elif self.page and "/info/lfs/" not in call.path:
            self._send(call, 200, PAGE, "text/html")
        elif self.repeats is not None and len(self.asked) > self.repeats and password:
            self._repeat(call)
        elif self.token is not None and not self._is_welcome(call):
            call.rfile.read(int(call.headers.get("Content-Length") or 0))
            call.send_response(401)
            call.send_header("WWW-Authenticate", 'Basic realm="git"')
            call.send_header("Content-Length", "0")
            call.end_headers()
        elif "/info/lfs/" in call.path:
            self._answer_lfs(call)
        else:
            self._run_backend(call)

    def _answer_lfs(self, call: BaseHTTPRequestHandler) -> None:
        """https://github.com/git-lfs/git-lfs/blob/main/docs/api/batch.md"""
        oid = call.path.rpartition("/")[2]
        if call.command == "GET":
            self._send(call, 200 if oid in self.large else 404, self.large.get(oid, b""))
            return
        wanted = json.loads(call.rfile.read(int(call.headers["Content-Length"])))
        rows = []
        for row in wanted["objects"]:
            base = f"{self.url}{call.path.removesuffix('/batch')}"
            found = {"actions": {"download": {"href": f"{base}/{row['oid']}"}}}
            missing = {"error": {"code": 404, "message": "it is not here"}}
            rows.append({**row, **(found if row["oid"] in self.large else missing)})
        content = json.dumps({"transfer": "basic", "objects": rows}).encode()
        self._send(call, 200, content, "application/vnd.git-lfs+json")

    def _find_password(self, call: BaseHTTPRequestHandler) -> str:
        given = call.headers.get("Authorization", "").removeprefix("Basic ")
        return b64decode(given).decode().rpartition(":")[2]

    def _is_welcome(self, call: BaseHTTPRequestHandler) -> bool:
        return self._find_password(call) == self.token

    def _repeat(self, call: BaseHTTPRequestHandler) -> None:
        """https://git-scm.com/docs/pack-protocol#_pkt_line_format: an error packet."""
        words = f"ERR {self._find_password(call)} is suspended".encode()
        service = b"# service=git-upload-pack\n"
        content = b"%04x%s0000%04x%s" % (len(service) + 4, service, len(words) + 4, words)
        self._send(call, 200, content, "application/x-git-upload-pack-advertisement")

    def _send(
        self, call: BaseHTTPRequestHandler, status: int, content: bytes, kind: str = "text/plain"
    ) -> None:
        call.send_response(status)
        call.send_header("Content-Type", kind)
        call.send_header("Content-Length", str(len(content)))
        call.end_headers()
        call.wfile.write(content)

    def _run_backend(self, call: BaseHTTPRequestHandler) -> None:
        path, _, query = call.path.partition("?")
        body = call.rfile.read(int(call.headers.get("Content-Length") or 0))
        environ = {
            **PLAIN, "GIT_PROJECT_ROOT": str(self.root), "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "safe.directory",
            "GIT_CONFIG_VALUE_0": "*", "REQUEST_METHOD": call.command, "PATH_INFO": path,
            "QUERY_STRING": query, "CONTENT_TYPE": call.headers.get("Content-Type", ""),
            "HTTP_CONTENT_ENCODING": call.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": call.headers.get("Git-Protocol", ""), "CONTENT_LENGTH": str(len(body)),
        }  # fmt: skip
        done = subprocess.run(
            ["git", "http-backend"], input=body, env=environ, capture_output=True, check=False
        )
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        rows = dict(line.split(": ", 1) for line in head.decode().split("\r\n") if ": " in line)
        call.send_response(int(rows.pop("Status", "200").split()[0]))
        for name, value in rows.items():
            call.send_header(name, value)
        call.send_header("Content-Length", str(len(content)))
        call.end_headers()
        half = len(content) // 2
        if self.gate and call.command == "POST" and len(content) > 65536:
            call.wfile.write(content[:half])
            call.wfile.flush()
            self.gate.wait(60)
            content = content[half:]
        with suppress(OSError):  # whoever asked has been killed
            call.wfile.write(content)


@contextmanager
def serve(root: Path) -> Iterator[GitHost]:
    """Run a host."""
    os.makedirs(root, exist_ok=True)  # noqa: PTH103
    host = GitHost(root)
    thread = threading.Thread(target=host.server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield host
    finally:
        if host.gate:
            host.gate.set()
        host.server.shutdown()
        host.server.server_close()
        thread.join()
