"""A container in which the real programs reach a fake GitHub under its real names.

It has no network but loopback; its /etc/hosts sends the names there, the fake listens on 443, and
programs trust its certificate. The fake is driven from the test, the programs run by `docker exec`:

    with github_net(tmp_path) as net:
        net.hub.add_token("ghp_one")
        net.run("/opt/programs/gh-2.81/gh", "api", "user", GH_TOKEN="ghp_one")

Where the workspace's own image is under test, `image`, `options` and `command` say so;
`mount_programs` puts programs of dev8-test into its container.
"""

import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.fakes.github import FakeGitHub
from tests.fakes.github.control import connect
from tests.worlds.containers import DOCKER, TOOLS, Container, Recipe, docker, running
from tests.worlds.waiting import wait_until

TOP = Path(__file__).resolve().parents[2]
FOLDER = "/net"
"""Where the container sees the test's folder: certificate, repositories, control."""
CERTIFICATE = f"{FOLDER}/ca.pem"
HOSTS = ("github.com", "ghe.example.com", "acme.ghe.com")
NAMES = ("github.com", "api.github.com", "ghe.example.com", "acme.ghe.com", "api.acme.ghe.com")

PROGRAMS = "/opt/programs"
GHS = {name: f"{PROGRAMS}/gh-{name}/gh" for name in ("2.23", "2.81", "image")}
GITS = {"2.39": "/usr/bin/git", "2.47": f"{PROGRAMS}/git-new/bin/git"}
PYTHONS = {"dev8-test": "/opt/runtime/bin/python", "dev8-base": "/opt/devcopilot/bin/python"}
"""Image -> a Python with the packages that the fake needs; dev8-mvp has that of dev8-base."""

Done = subprocess.CompletedProcess[str]


@dataclass(frozen=True)
class GitHubNet:
    """The container, and the GitHub in it."""

    box: Container
    hub: FakeGitHub

    def run(
        self, *words: str, stdin: str = "", user: str = "", cwd: str = "", **environ: str
    ) -> Done:
        """Run a program in there, with these variables."""
        options = [word for name, value in environ.items() for word in ("-e", f"{name}={value}")]
        options += ["--user", user] if user else []
        options += ["--workdir", cwd] if cwd else []
        return subprocess.run(
            [DOCKER, "exec", "-i", *options, self.box.name, *words],
            input=stdin, check=False, capture_output=True, text=True, timeout=120,
        )  # fmt: skip

    def write(self, path: str, content: str, mode: str = "0600") -> None:
        """Write a file in there, with its folders."""
        script = 'mkdir -p "$(dirname "$1")" && cat >"$1" && chmod "$2" "$1"'
        done = self.run("sh", "-c", script, "sh", path, mode, stdin=content)
        assert done.returncode == 0, done.stderr


def make_options(folder: Path) -> tuple[str, ...]:
    """Return what a container needs for the real names, and for the fake of the test's folder."""
    return (
        *("--network", "none", "--sysctl", "net.ipv4.ip_unprivileged_port_start=0"),
        *(word for name in NAMES for word in ("--add-host", f"{name}:127.0.0.1")),
        *("-v", f"{TOP / 'tests'}:/fake/tests:ro", "-v", f"{folder}:{FOLDER}"),
        *("-e", f"SSL_CERT_FILE={CERTIFICATE}", "-e", f"GIT_SSL_CAINFO={CERTIFICATE}"),
        *("-e", "GIT_TERMINAL_PROMPT=0", "-e", "GH_PROMPT_DISABLED=1"),
        *("-e", "GH_NO_UPDATE_NOTIFIER=1"),
    )


@contextmanager
def mount_programs(*names: str) -> Iterator[tuple[str, ...]]:
    """Yield the options that put these folders of PROGRAMS into a container of another image.

    Each is copied, so whoever needs one of them does not ask for all.
    """
    # The engine fills a volume that is new with what the image has there.
    holder = f"dev8-test-programs-{uuid.uuid4().hex[:8]}"
    volumes = [word for name in names for word in ("-v", f"{PROGRAMS}/{name}")]
    try:
        docker("run", "--name", holder, *volumes, TOOLS, "true")
        yield ("--volumes-from", f"{holder}:ro")
    finally:
        with suppress(subprocess.CalledProcessError):
            docker("rm", "--force", "--volumes", holder)


@contextmanager
def github_net(
    folder: Path,
    image: str = TOOLS,
    options: tuple[str, ...] = (),
    command: tuple[str, ...] = ("sleep", "infinity"),
) -> Iterator[GitHubNet]:
    """Run a container with a fake GitHub; `folder` is an empty one of the test's own."""
    folder.chmod(0o777)  # the container's user is another
    python = PYTHONS["dev8-test" if image == TOOLS else "dev8-base"]
    with running(Recipe(image, (*make_options(folder), *options), command)) as box:
        argv = [python, "-m", "tests.fakes.github", "--port", "443", "--folder", FOLDER]
        docker("exec", "--detach", "--workdir", "/fake", "-e", "PYTHONDONTWRITEBYTECODE=1",
               "-e", "PYTHONPATH=/fake", box.name, *argv)  # fmt: skip
        yield GitHubNet(box, reach(folder / "control"))


def reach(path: Path) -> FakeGitHub:
    """Return the hub in the container, as soon as it listens."""

    def try_it() -> FakeGitHub | None:
        with suppress(OSError, EOFError):
            return connect(path)
        return None

    hub = wait_until(try_it, "the fake GitHub's start")
    assert hub
    return hub
