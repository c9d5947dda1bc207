"""A workspace with one local repository of the real restic, and programs on it that are killed."""

import random
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

from agent.backup.create.snapshot import BackupMaker, BackupResult, Contents
from agent.backup.restic import locks
from agent.backup.restic.client import Restic, Snapshot, find_options, make_environment
from agent.backup.target import PROGRAM, Target
from agent.machine.light.clock import Clock
from agent.settings.everything import Settings
from tests.worlds.machine import make_facts
from tests.worlds.needs import need
from tests.worlds.programs import Awaited
from tests.worlds.quick_key import make_quick, place_repository
from tests.worlds.waiting import wait_until

SLOW = ("--limit-upload", "400", "--limit-download", "400")
"""KiB a second, so that there is time to kill it."""


def need_restic() -> None:
    """Skip without a restic; fail where it must be there."""
    need(shutil.which(PROGRAM), "needs restic on the PATH")


@dataclass(frozen=True)
class ShiftedClock(Clock):
    """The machine's clock, put forward by a test."""

    ahead: list[timedelta] = field(default_factory=lambda: [timedelta()])

    def now(self) -> datetime:
        return super().now() + self.ahead[0]

    def go(self, **span: float) -> None:
        self.ahead[0] += timedelta(**span)


class Vault:
    """A workspace and its repository, which is there already but for who makes it."""

    def __init__(self, root: Path, *, there: bool = True, **variables: str) -> None:
        need_restic()
        self.root = root
        self.workspace = root / "workspace"
        self.workspace.mkdir()
        self.repository = root / "repository"
        (root / "password").write_text("a password\n")
        self.clock = ShiftedClock()
        self.facts = replace(make_facts(root), clock=self.clock)
        self.settings = Settings.from_environ({"WORKSPACE_DIR": str(self.workspace), **variables})
        self.target = Target(
            "local", str(self.repository),
            {"RESTIC_PASSWORD_FILE": str(root / "password")}, folder=self.repository,
        )  # fmt: skip
        self.restic = Restic(self.target, self.facts)
        if there:
            place_repository(self.repository, root / "password")
        self.chance = random.Random(7)

    def put(self, name: str, size: int) -> Path:
        """Write a file of random bytes."""
        path = self.workspace / name
        path.write_bytes(self.chance.randbytes(size))
        return path

    def make(self, **wishes: object) -> BackupResult:
        """Make a backup, whatever becomes of it."""
        contents = Contents((self.workspace,))
        made = BackupMaker("workspace", contents, **wishes).make(self.restic)  # type: ignore[arg-type]
        make_quick(self.repository, self.root / "password")
        return made

    def back_up(self, **wishes: object) -> Snapshot:
        """Make a backup that is good, and return it."""
        made = self.make(**wishes)
        assert made.problem is None, made.problem
        assert made.snapshot
        return made.snapshot

    def back_up_at(self, time: str) -> str:
        """Make a backup that is dated so, and return its id."""
        words = ["backup", "--quiet", "--host", "workspace", "--tag", "devcopilot"]
        self.restic.check("x", *words, "--time", time, str(self.workspace))
        return self.restic.snapshots()[-1].id

    def ids(self) -> set[str]:
        return {item.id for item in self.restic.snapshots()}

    @contextmanager
    def running(self, *words: str, slow: bool = True) -> Iterator["subprocess.Popen[bytes]"]:
        """Run a restic of its own, from when it holds a lock."""
        argv = [PROGRAM, *find_options(self.target), *(SLOW if slow else ()), *words]
        known = set(self.files("locks"))
        with Awaited[bytes](
            argv, env=make_environment(self.target, self.facts), stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        ) as process:  # fmt: skip
            try:
                wait_until(lambda: set(self.files("locks")) - known or process.poll() is not None,
                           "the lock")  # fmt: skip
                yield process
            finally:
                process.kill()

    def kill(self, *words: str, when: Callable[[], object] = lambda: True) -> None:
        """Run a restic and kill it at this moment: it leaves its lock behind."""
        with self.running(*words) as process:
            wait_until(lambda: when() or process.poll() is not None, "the moment")
            process.send_signal(signal.SIGKILL)
            process.wait()
        locks.remember_host(self.facts)

    def files(self, folder: str) -> list[str]:
        """Return the names in one of the repository's folders; half written ones have others."""
        return [path.name for path in (self.repository / folder).rglob("*")
                if path.is_file() and "-tmp-" not in path.name]  # fmt: skip

    def find_pack(self) -> Path:
        """Return the largest pack: it holds data."""
        packs = [path for path in (self.repository / "data").rglob("*") if path.is_file()]
        return max(packs, key=lambda path: path.stat().st_size)

    def judge(self) -> None:
        """See that all data can be read and the newest backup is the workspace as it is."""
        self.restic.check("check", "check", "--read-data")
        self.restic.check(
            "restore", "restore", "latest", "--target", str(self.root / "out"), "--delete",
            "--overwrite", "always",
        )  # fmt: skip
        restored = Path(f"{self.root / 'out'}{self.workspace}")
        assert read_all(restored) == read_all(self.workspace)


def read_all(folder: Path) -> dict[str, bytes]:
    """Return relative path -> content."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def flip(path: Path) -> None:
    """Flip 8 bytes in the middle of a file."""
    content = bytearray(path.read_bytes())
    middle = len(content) // 3
    content[middle : middle + 8] = bytes(255 - byte for byte in content[middle : middle + 8])
    path.chmod(0o600)
    path.write_bytes(content)
