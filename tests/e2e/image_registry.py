"""A registry of images with a password, on loopback: Debian's docker-registry."""

import base64
import json
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.worlds.containers import TOOLS, docker, find_free_port
from tests.worlds.waiting import wait_until

USER, PASSWORD = "maintainer", "correct horse"
CONFIGURATION = """
version: 0.1
storage: {filesystem: {rootdirectory: /tmp/registry}}
http: {addr: ":5000"}
auth: {htpasswd: {realm: test, path: /tmp/passwords}}
"""
MANIFESTS = (
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.oci.image.index.v1+json",
    "*/*",
)
"""What is asked for: a registry makes an old form of what a client does not name."""
SERVE = """
htpasswd -iBc /tmp/passwords "$1" <<END
$2
END
printf %s "$3" >/tmp/registry.yml
exec docker-registry serve /tmp/registry.yml
"""


@dataclass(frozen=True)
class Registry:
    """A registry that runs, and what it holds."""

    host: str

    def get(self, path: str) -> bytes:
        """Return what the registry's API answers. Raises HTTPError."""
        return self.ask(urllib.request.Request(f"http://{self.host}/v2/{path}"))

    def put_manifest(self, name: str, tag: str, manifest: bytes) -> None:
        """Have a tag name this manifest, as whoever can write to the registry could."""
        kind = json.loads(manifest)["mediaType"]
        url = f"http://{self.host}/v2/{name}/manifests/{tag}"
        self.ask(urllib.request.Request(url, manifest, {"Content-Type": kind}, method="PUT"))

    def ask(self, request: urllib.request.Request) -> bytes:
        """Send a request with the password; return the answer."""
        credentials = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        request.add_header("Authorization", f"Basic {credentials}")
        request.add_header("Accept", ", ".join(MANIFESTS))
        with urllib.request.urlopen(request, timeout=120) as answer:
            body: bytes = answer.read()
        return body

    def answers(self) -> bool:
        """Tell whether the registry takes the password."""
        try:
            return self.get("") == b"{}"
        except OSError:
            return False

    def tags(self, name: str) -> list[str]:
        """Return the tags of a repository, sorted."""
        try:
            return sorted(json.loads(self.get(f"{name}/tags/list"))["tags"])
        except urllib.error.HTTPError:
            return []


@contextmanager
def serving() -> Iterator[Registry]:
    """Run a registry until the end."""
    name, port = f"dev8-test-{uuid.uuid4().hex[:8]}", find_free_port()
    docker(
        "run", "--detach", "--name", name, "-p", f"127.0.0.1:{port}:5000",
        TOOLS, "sh", "-euc", SERVE, "sh", USER, PASSWORD, CONFIGURATION,
    )  # fmt: skip
    try:
        found = Registry(f"127.0.0.1:{port}")
        wait_until(found.answers, "the registry's start")
        yield found
    finally:
        docker("rm", "--force", "--volumes", name)
