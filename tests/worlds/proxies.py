"""Real proxies in front of workspaces, on a network that leads nowhere else.

Each runs in dev8-test under the names that people come by; what it is given is a snippet of
docs/proxies.md as it stands there.
"""

import re
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.worlds.authority import Authority
from tests.worlds.containers import TOOLS, Container, Recipe, docker, running
from tests.worlds.waiting import wait_until

DOCUMENT = Path(__file__).resolve().parents[2] / "docs/proxies.md"
NAMES = ("dev.example.com", "example.com")
"""Those of the snippets: a host for the workspace, and one on which it has a path."""
NGINX = """
events {}
error_log stderr;
http {
    access_log /dev/stdout;
    include /proxy/*.conf;
}
"""
CADDY = """{
	local_certs
	skip_install_trust
	admin off
}
import /proxy/snippet
"""
CADDY_LIMITS = """servers {
		timeouts {
			read_body LIMIT
			read_header LIMIT
			write LIMIT
			idle LIMIT
		}
	}
}
"""
COMMANDS = {
    "nginx": ("nginx", "-c", "/proxy/main", "-g", "daemon off; pid /tmp/nginx.pid;"),
    "caddy": ("caddy", "run", "--adapter", "caddyfile", "--config", "/proxy/main"),
    "traefik": (
        "traefik", "--entryPoints.websecure.address=:443", "--accessLog=true",
        "--entryPoints.websecure.transport.respondingTimeouts.readTimeout=0",
        "--providers.file.directory=/proxy", "--global.checkNewVersion=false",
    ),
}  # fmt: skip


def read_snippet(name: str) -> str:
    """Return what docs/proxies.md has for this file."""
    found = re.search(rf"<!-- file: {re.escape(name)} -->\n```\w+\n(.*?)```", DOCUMENT.read_text(),
                      re.DOTALL)  # fmt: skip
    assert found, f"{DOCUMENT} has no {name}"
    return found[1]


def write_files(kind: str, folder: Path, more: str, limit: str) -> None:
    """Write what this proxy reads: the snippet, and around it what the page leaves to people."""
    folder.mkdir()
    if kind == "nginx":
        snippet = read_snippet("nginx.conf")
        (folder / "main").write_text(NGINX)
        (folder / "snippet.conf").write_text(snippet.replace("24h", limit) if limit else snippet)
        (folder / "more.conf").write_text(more)
    elif kind == "caddy":
        limits = CADDY_LIMITS.replace("LIMIT", limit)
        (folder / "main").write_text(CADDY.replace("}\n", f"\t{limits}", 1) if limit else CADDY)
        (folder / "snippet").write_text(read_snippet("Caddyfile"))
    else:
        (folder / "snippet.yaml").write_text(read_snippet("traefik.yaml"))
        (folder / "tls.yaml").write_text(
            "tls: {certificates: [{certFile: /etc/ssl/workspaces/fullchain.pem, "
            "keyFile: /etc/ssl/workspaces/key.pem}]}\n"
        )


def find_command(kind: str, limit: str) -> tuple[str, ...]:
    """Return what starts this proxy."""
    words = COMMANDS[kind]
    return tuple(word.replace("readTimeout=0", f"readTimeout={limit or 0}") for word in words)


@dataclass
class Net:
    """A network, and the certificates of the names on it."""

    name: str
    folder: Path

    @property
    def authority(self) -> Path:
        """Return the file of the authority that has signed them."""
        return self.folder / "tls/ca.pem"

    def certify(self, *names: str) -> None:
        """Make certificates for these names, and one that nothing here trusts."""
        (self.folder / "tls").mkdir()
        authority, stranger = Authority(), Authority("A Stranger")
        for name, made in (("", authority), ("stranger-", stranger)):
            signed = made.sign(*names)
            (self.folder / f"tls/{name}fullchain.pem").write_bytes(signed.certificate)
            (self.folder / f"tls/{name}key.pem").write_bytes(signed.key)
        self.authority.write_bytes(authority.own.certificate)

    def recipe(self, image: str, aliases: tuple[str, ...], options: tuple[str, ...] = (),
               command: tuple[str, ...] = ()) -> Recipe:  # fmt: skip
        """Return how to run a container on this network under these names."""
        words = [word for name in aliases for word in ("--network-alias", name)]
        return Recipe(image, ("--network", self.name, *words, *options), command, published=False)

    @contextmanager
    def proxy(
        self, kind: str, *names: str, more: str = "", limit: str = "",
        options: tuple[str, ...] = (),
    ) -> Iterator[Container]:  # fmt: skip
        """Run a proxy under these names, beside those of the snippets.

        A limit, such as 10s, is its time limit for connections that are silent.
        """
        folder = self.folder / f"{kind}-{uuid.uuid4().hex[:8]}"
        write_files(kind, folder, more, limit)
        mounts = ("-v", f"{folder}:/proxy:ro", "-v", f"{self.folder}/tls:/etc/ssl/workspaces:ro")
        options = ("--user", "0", "-e", "HOME=/tmp", *mounts, *options)
        recipe = self.recipe(TOOLS, (*NAMES, *names), options, find_command(kind, limit))
        with running(recipe) as box:
            wait_until(lambda: not box.is_running() or is_up(box), f"{kind}'s start")
            assert box.is_running(), box.logs()
            yield box


def is_up(proxy: Container) -> bool:
    """Tell whether the editor answers behind it."""
    return curl(proxy, "https://dev.example.com/healthz").endswith("200")


def curl(proxy: Container, *words: str) -> str:
    """Ask for something from where the proxy is; return what was printed, at last the status."""
    form = ("-w", "\n%{http_code}")
    return proxy.call("curl", "-sk", "--http1.1", "--max-time", "20", *form, *words).stdout


@contextmanager
def make_net(folder: Path, *names: str) -> Iterator[Net]:
    """Make a network without a way out, and certificates for these names and those of the page."""
    net = Net(f"dev8-test-{uuid.uuid4().hex[:8]}", folder)
    folder.chmod(0o755)
    net.certify(*NAMES, *names)
    docker("network", "create", "--internal", net.name)
    try:
        yield net
    finally:
        with suppress(subprocess.CalledProcessError):
            docker("network", "rm", net.name)
