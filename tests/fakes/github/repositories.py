"""Real repositories behind `git http-backend`. https://git-scm.com/docs/git-http-backend"""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from tests.fakes.github.apps import Apps
from tests.fakes.github.calls import Answer, Call, answer_text
from tests.fakes.github.rights import refuse_git
from tests.fakes.github.world import Known

SERVICES = ("/info/refs", "/git-upload-pack", "/git-receive-pack")
CHUNK = 65536
PLAIN = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "GIT_CONFIG_NOSYSTEM": "1"}
"""The environment of git: none of this machine's or this user's settings."""


def make_repository(root: Path, name: str, megabytes: int = 0) -> Path:
    """Make the bare repository root/NAME.git with one commit and return its path.

    `megabytes` of noise in files of one megabyte make it take its time on the wire.
    """
    path = root / f"{name}.git"
    identity = {"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@example.com",
                "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@example.com",
                "GIT_DIR": str(path), **PLAIN}  # fmt: skip

    def git(*words: str, content: bytes = b"") -> str:
        done = subprocess.run(
            ["git", *words], check=True, env=identity, input=content, capture_output=True
        )
        return done.stdout.decode().strip()

    git("init", "-q", "--bare", "--initial-branch", "main", str(path))
    git("config", "http.receivepack", "true")
    blobs = [
        git("hash-object", "-w", "--stdin", content=os.urandom(1 << 20)) for _ in range(megabytes)
    ]
    listing = "".join(f"100644 blob {blob}\tnoise{n}\n" for n, blob in enumerate(blobs))
    tree = git("mktree", content=listing.encode())
    git("update-ref", "refs/heads/main", git("commit-tree", "-m", "first", tree))
    return path


def is_git(path: str) -> bool:
    """Whether a path is one of git's own."""
    return path.endswith(SERVICES)


def answer_git(hub: Apps, call: Call, root: Path | None) -> Answer:
    """Answer git: whoever may read clones, whoever may write pushes."""
    known = hub.use(call.token, call.place.host)
    if known is None:
        challenge = {"WWW-Authenticate": 'Basic realm="GitHub"'}
        text = "Invalid username or token. Password authentication is not supported for Git "
        text += "operations.\n" if call.token else "operations. No token was sent.\n"
        return answer_text(401, text, challenge)
    path = call.place.path
    service = next(end for end in SERVICES if path.endswith(end))
    name = path.removesuffix(service).strip("/").removesuffix(".git")
    writes = "git-receive-pack" in service + call.query
    refusal = find_refusal(hub, known, name, root, writes=writes)
    if refusal or root is None:
        return refusal or answer_text(404, "Repository not found.\n")
    return run_backend(root, f"/{name}.git{service}", call, known.login)


def find_refusal(
    hub: Apps, known: Known, name: str, root: Path | None, *, writes: bool
) -> Answer | None:
    """Return why a token may not read a repository, or write to it; None: it may."""
    exists = root is not None and hub.has_repository(name) and (root / f"{name}.git").is_dir()
    if hub.is_suspended(known):
        return answer_text(403, "This installation has been suspended.\n")
    if not exists or not hub.may(known, name, "contents", "read"):
        return answer_text(404, "Repository not found.\n")
    if hub.rights.is_shut(known, name):
        return refuse_git(name)
    if writes and not hub.may(known, name, "contents", "write"):
        return answer_text(403, "Write access to repository not granted.\n")
    if writes and name in hub.rights.archived:
        return answer_text(403, "This repository was archived so it is read-only.\n")
    return None


def run_backend(root: Path, path: str, call: Call, login: str) -> Answer:
    """Run git's CGI program; its content is passed on as it comes."""
    environ = {
        **PLAIN,
        "GIT_PROJECT_ROOT": str(root),
        "GIT_HTTP_EXPORT_ALL": "1",
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "safe.directory",
        "GIT_CONFIG_VALUE_0": "*",
        "REQUEST_METHOD": call.method,
        "PATH_INFO": path,
        "QUERY_STRING": call.query,
        "CONTENT_TYPE": call.headers.get("content-type", ""),
        "HTTP_CONTENT_ENCODING": call.headers.get("content-encoding", ""),
        "GIT_PROTOCOL": call.headers.get("git-protocol", ""),
        "REMOTE_USER": login,
    }
    backend = subprocess.Popen(
        ["git", "http-backend"], stdin=call.body, env=environ,
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    assert backend.stdout
    headers = {}
    while line := backend.stdout.readline().strip().decode():
        name, _, value = line.partition(": ")
        headers[name] = value
    status = int(headers.pop("Status", "200").split()[0])
    return Answer(status, headers, _pass_on(backend, backend.stdout))


def _pass_on(backend: "subprocess.Popen[bytes]", output: IO[bytes]) -> Iterator[bytes]:
    try:
        while chunk := output.read1(CHUNK):  # type: ignore[attr-defined]
            yield chunk
    finally:
        output.close()  # ends the backend of a client that went away
        backend.wait()
