"""Where an init is tried: as PID 1 of a namespace, below another init, in containers."""

import os
import subprocess
import tempfile
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from agent.services.service import Service
from tests.pid1.boxes import ENVIRONMENT, NEVER, PYTHON, Box, Namespace, give
from tests.pid1.conformance.inits import OURS, InitKind, Setup
from tests.worlds.bound import become
from tests.worlds.containers import BASE, DOCKER, MVP, NO_PRIVILEGES, QUIET
from tests.worlds.waiting import wait_until

USER = 1000
PLAIN = ("unshare", "--fork", "--pid", "--mount-proc", "--kill-child")
AS_USER = become(USER)
IMAGE_PYTHON = ("/opt/devcopilot/bin/python", "-I")


class NotApplicableError(Exception):
    """The init lacks what the case is about, or this machine does not let it be tried."""


@dataclass(frozen=True)
class Place:
    """One place."""

    name: str
    uid: int
    python: tuple[str, ...] = PYTHON
    """How a script of a case is run there."""
    image: str = ""
    """Of the container; empty: a namespace."""
    outer: tuple[str, ...] = ()
    """The init above, if ours is not PID 1."""
    deadline: float = 60.0
    """Seconds that whatever is waited for may take: what is lost never comes."""

    def open_box(self, init: InitKind, setup: Setup, *, piped: bool, ignored: Sequence[str]) -> Box:
        """Start the init, which ignores these signals; `piped`: its standard output is a pipe."""
        if self.image:
            return ContainerBox(self, setup)
        # Whatever started these tests may ignore some of its own.
        clean = ["env", "--default-signal"]
        if ignored:
            clean.append(f"--ignore-signal={','.join(ignored)}")
        words = (*clean, *init.start(setup))
        environment = {**ENVIRONMENT, **setup.environment}
        way = (*PLAIN, *(AS_USER if self.uid else ()), *self.outer)
        namespace = Namespace(way, self.uid)
        kind = InnerBox if self.outer else Box
        return kind(namespace, setup.folder, words, environment=environment, piped=piped)

    def call_usage(self, init: InitKind, option: str) -> subprocess.CompletedProcess[str]:
        """Call the init with an option that starts nothing."""
        words = [*init.usage, option]
        if self.image:
            way = ("--rm", "--entrypoint", "devcopilot")
            words = [DOCKER, "run", *way, self.image, "init", option]
        return subprocess.run(words, capture_output=True, text=True, timeout=120, check=False)


class InnerBox(Box):
    """A box whose init is the child of another one, which is PID 1."""

    @property
    def pid(self) -> int:
        path = Path(f"/proc/{super().pid}/task/{super().pid}/children")
        return int(wait_until(lambda: path.read_text().split(), "a child of the outer init")[0])


class ContainerBox(Box):
    """A container of one of our images, with its own ENTRYPOINT."""

    def __init__(self, place: Place, setup: Setup) -> None:
        self.name = f"dev8-conformance-{uuid.uuid4().hex[:8]}"
        variables = {
            **QUIET, "DEV8_CODE_SERVER": "false", "DEV8_SSH": "false", "DEV8_LOG_FORMAT": "json",
            "DEV8_RUNTIME_DIR": f"{setup.folder}/run", "DEV8_SERVICES_DIR": f"{setup.folder}/d",
            "DEV8_STOP_TIMEOUT": f"{setup.stop_timeout:g}s", **setup.environment,
        }  # fmt: skip
        write_services(setup)
        words = [
            DOCKER, "run", "--rm", "--name", self.name, *NO_PRIVILEGES, "--user", str(place.uid),
            "--volume", f"{setup.folder.parent}:{setup.folder.parent}",
            *(word for name in variables for word in ("-e", f"{name}={variables[name]}")),
            place.image, *setup.command,
        ]  # fmt: skip
        super().__init__(Namespace((), place.uid), setup.folder, words, environment=os.environ)

    @property
    def pid(self) -> int:
        return wait_until(self._find_pid, f"the container: {self.out} {self.err}")

    def _find_pid(self) -> int:
        words = [DOCKER, "inspect", "--format", "{{.State.Pid}}", self.name]
        done = subprocess.run(words, capture_output=True, text=True, timeout=120, check=False)
        return int(done.stdout.strip() or 0)

    def close(self) -> None:
        words = [DOCKER, "rm", "--force", "--volumes", self.name]
        subprocess.run(words, capture_output=True, timeout=120, check=False)
        super().close()


def write_services(setup: Setup) -> None:
    """Write the services as a user would."""
    folder = setup.folder / "d"
    folder.mkdir()
    for service in setup.services:
        words = ", ".join(quote(word) for word in service.argv)
        essential = str(service.essential).lower()
        (folder / f"{service.name}.toml").write_text(
            f"command = [{words}]\nessential = {essential}\n"
        )
    give(setup.folder)


def quote(text: str) -> str:
    """Return a TOML string: what JSON escapes, TOML escapes the same way."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


PIDNS_ROOT = Place("namespace, root", 0)
PIDNS_USER = Place("namespace, uid 1000", USER)
BELOW = Place("below tini, uid 1000", USER, outer=("tini", "--"))
CONTAINERS = tuple(
    Place(f"{image.partition(':')[0]}, {who}", uid, IMAGE_PYTHON, image)
    for image in (BASE, MVP)
    for who, uid in (("root", 0), ("uid 1000", USER))
)
PLACES = (PIDNS_ROOT, PIDNS_USER, BELOW, *CONTAINERS)
"""Where ours is tried; the others are where they are at their best, as root in a namespace."""
STRANGERS_DEADLINE = 20.0
"""Seconds: they miss many cases, and each that they miss takes this long."""


@dataclass
class World:
    """An init in a place, for one case."""

    init: InitKind
    place: Place
    folder: Path
    """The case's own, writable by whoever runs there, and at the same path."""
    boxes: list[Box] = field(default_factory=list)

    def start(
        self,
        *command: str,
        services: Sequence[Service] = (),
        stop_timeout: float = NEVER,
        environment: Mapping[str, str] | None = None,
        piped: bool = False,
        ignored: Sequence[str] = (),
        prepare: Callable[[Path], None] = lambda _: None,
    ) -> Box:
        """Start the init; `prepare` may touch its folder before."""
        folder = self.folder / str(len(self.boxes))
        folder.mkdir()
        os.chown(folder, self.place.uid, self.place.uid)
        prepare(folder)
        setup = Setup(folder, command, tuple(services), stop_timeout, environment or {})
        box = self.place.open_box(self.init, setup, piped=piped, ignored=ignored)
        box.deadline = self.place.deadline
        self.boxes.append(box)
        return box

    @property
    def is_root(self) -> bool:
        return self.place.uid == 0

    def close(self) -> None:
        for box in self.boxes:
            box.close()


def open_world(init: InitKind, place: Place) -> World:
    """Make the folder of a case; see `World`."""
    if init is not OURS:
        place = Place(place.name, place.uid, deadline=STRANGERS_DEADLINE)
    folder = Path(tempfile.mkdtemp(prefix="pid1-"))
    folder.chmod(0o755)
    os.chown(folder, place.uid, place.uid)
    return World(init, place, folder)
