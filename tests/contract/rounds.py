"""Rounds in which something is killed or cut off while backups are worked on.

After each round the documented commands alone must lead back to the exact state: every backup holds
what it held, and the workspace is as it was, or as the restored backup has it.
"""

import json
import os
import random
import shutil
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.contract.homes import NOBODY
from tests.contract.lives import PASSWORD, Container, Volumes, living
from tests.worlds.backup_servers import serving_rclone
from tests.worlds.needs import need
from tests.worlds.trees import compare
from tests.worlds.waiting import wait_until

WORK = ("create", "verify", "prune", "restore", "undo")
FAULTS = ("restic", "container", "network")
GAP = 20.0
"""Seconds that the network is gone for, at most."""


@dataclass
class Rounds:
    """A workspace, what each of its backups must hold, and the chance that it is exposed to."""

    volumes: Volumes
    originals: Path
    """A folder with a copy of the workspace for each backup."""
    chance: random.Random
    backups: dict[str, Path] = field(default_factory=dict)
    """Name of a marker in the workspace -> the copy that the backup with it must equal."""
    lengths: dict[str, float] = field(default_factory=dict)
    """Seconds that each kind of work took when it was last done."""
    counts: Counter[str] = field(default_factory=Counter)

    # --- the workspace and its copies ---

    def change(self) -> None:
        """Work in the workspace as people do: new files, changed ones, some deleted."""
        folder = self.volumes.workspace
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        for path in self.chance.sample(files, len(files) // 10):
            path.unlink()
        for _ in range(60):
            path = folder / f"d{self.chance.randrange(12)}" / f"f{self.chance.randrange(400)}"
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(self.chance.randbytes(self.chance.choice((10, 3_000, 400_000))))
            path.chmod(self.chance.choice((0o600, 0o644, 0o755)))
        for path in (folder, *folder.rglob("*")):
            os.chown(path, NOBODY, NOBODY)

    def copy(self) -> Path:
        """Return a copy of the workspace as it is."""
        number = len(list(self.originals.iterdir()))
        place, last = (self.originals / f"{each}" for each in (number, number - 1))
        alike = [f"--link-dest={last}"] if number else []  # what has not changed takes no room
        subprocess.run(
            ["rsync", "-aAX", "--checksum", *alike, f"{self.volumes.workspace}/", f"{place}/"],
            check=True,
        )
        return place

    def is_like(self, copy: Path) -> None:
        """See that the workspace equals a copy, to the last byte, mode and time."""
        assert compare(copy, self.volumes.workspace) == []

    # --- the commands ---

    def do(self, *words: str) -> str:
        """Run a command that must succeed, in a container that lives."""
        assert self.volumes.now
        container = self.volumes.now if self.volumes.now.is_alive() else self.volumes.begin()
        code, said = container.run("backup", *words)
        assert code == 0, f"{words}: {said}"
        return said

    def back_up(self) -> str:
        """Make a backup of what is there now; return its id."""
        copy = self.copy()
        self.do("create", "--force")
        found = self.find_newest()
        self.backups[found] = copy
        return found

    def find_newest(self) -> str:
        """Return the id of the newest ordinary backup."""
        rows = json.loads(self.do("list", "--json"))
        ordinary = [row for row in rows if "safety" not in json.dumps(row.get("tags", []))]
        newest = max(ordinary, key=lambda row: str(row["time"]))
        return str(newest["id"])

    def holds_any(self) -> None:
        """See that a backup, any of them, gives back what it was made of."""
        self.holds(self.chance.choice(list(self.backups)))

    def holds(self, name: str) -> None:
        """See that a backup gives back what it was made of, to the last byte."""
        copy = self.backups[name]
        place = Path(tempfile.mkdtemp(dir=self.volumes.folder)) / "back"
        place.parent.chmod(0o777)
        self.do("restore", name, "--path", str(self.volumes.workspace), "--to", str(place))
        assert compare(copy, place) == []
        shutil.rmtree(place.parent)

    # --- a round ---

    def play(self, work: str, fault: str) -> bool:
        """Disturb this work by this fault, and find the way back; tell whether the fault hit it."""
        self.change()
        before = self.copy()
        name, wanted = self.chance.choice(list(self.backups.items()))
        words = {"restore": ("restore", name, "--yes"), "undo": ("undo", "--yes")}
        if work == "undo":
            self.do("restore", name, "--yes")
            self.is_like(wanted)
        ended, hit = self.disturb(fault, work, words.get(work, (work,)))
        fate = "done all the same" if ended == 0 else "cut short"
        self.counts[f"{work}, {fault}: {fate if hit else 'missed'}"] += 1
        way: dict[str, Callable[[Path, str, Path, int | None], None]] = {
            "restore": self.after_restore, "undo": self.after_undo,
        }  # fmt: skip
        way.get(work, self.after_reading)(before, name, wanted, ended)
        if self.chance.random() < 0.1:
            self.begin_anew(name, wanted)
        self.holds_any()
        self.back_up()
        return hit

    def begin_anew(self, name: str, wanted: Path) -> None:
        """Lose the home; a person says that the locks of the old one are dead."""
        print("the home is lost", flush=True)
        self.volumes.lose_home()
        self.volumes.begin()
        self.do("restore", name, "--yes")
        self.is_like(wanted)
        self.do("restic", "--", "unlock", "--remove-all")

    def after_reading(self, before: Path, *_: object) -> None:
        """After work that must leave the workspace alone."""
        self.is_like(before)
        self.do("verify")

    def after_restore(self, before: Path, name: str, wanted: Path, ended: int | None) -> None:
        """Go on with the restore, or take it back; either way nothing is lost."""
        if ended != 0 and self.chance.random() < 0.5:
            self.do("restore", name, "--yes")
            self.is_like(wanted)
        self.go_back(before)

    def after_undo(self, before: Path, *rest: object) -> None:
        """Finish it."""
        ended = rest[-1]
        if ended != 0:
            self.go_back(before)
        self.is_like(before)

    def go_back(self, before: Path) -> None:
        """Undo until the workspace is as it was; what changed nothing, or all, may be left so."""
        assert self.volumes.now
        container = self.volumes.now if self.volumes.now.is_alive() else self.volumes.begin()
        if compare(before, self.volumes.workspace):
            code, said = container.run("backup", "undo", "--yes")
            assert code == 0, said
        else:
            code, said = container.run("backup", "undo", "--keep")
            assert code == 0 or "cannot use --keep" in said or "no restore" in said, said
        self.is_like(before)

    def disturb(self, fault: str, work: str, words: tuple[str, ...]) -> tuple[int | None, bool]:
        """Run a command and disturb it at a random moment.

        Returns its exit code, and whether the fault came before its end.
        """
        assert self.volumes.now
        container = self.volumes.now if self.volumes.now.is_alive() else self.volumes.begin()
        moment = self.chance.uniform(0, self.lengths.get(work, 2.0))
        began = time.monotonic()
        process = container.start("backup", *words)
        with suppress(subprocess.TimeoutExpired):
            process.communicate(timeout=moment)
        hit = process.poll() is None
        if hit and fault == "restic":
            hit = self.kill_restic(container, process)
        elif hit and fault == "container":
            container.kill()
        elif hit:
            with self.network_gone(), suppress(subprocess.TimeoutExpired):
                process.communicate(timeout=self.chance.uniform(1, GAP))
        process.communicate(timeout=300)
        if not hit:
            self.lengths[work] = time.monotonic() - began
        return process.returncode, hit

    def kill_restic(self, container: Container, process: "subprocess.Popen[str]") -> bool:
        """Kill the next restic of a command; tell whether it started one."""
        killed: list[bool] = []

        def look() -> bool:
            if container.kill_restic():
                killed.append(True)
            return bool(killed) or process.poll() is not None

        wait_until(look, "a restic")
        return bool(killed)

    @contextmanager
    def network_gone(self) -> Iterator[None]:
        """Let the server be silent, or refuse connections."""
        server = self.volumes.server
        if self.chance.random() < 0.5:
            with server.frozen():
                yield
        else:
            server.stop()
            yield
            server.start()


@contextmanager
def playing() -> Iterator[Rounds]:
    """A workspace with one backup on an S3 server, in a repository with a cheap key."""
    need(os.getuid() == 0, "needs root for namespaces")
    need(shutil.which("restic") and shutil.which("rsync"), "needs restic and rsync")
    seed = int(os.environ.get("ROUNDS_SEED", "0")) or random.randrange(1 << 30)
    print(f"ROUNDS_SEED={seed}")
    with tempfile.TemporaryDirectory(prefix="rounds-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        for part in ("server", "originals"):
            (folder / part).mkdir()
        (folder / "password").write_text(PASSWORD)
        with (
            serving_rclone(folder / "server") as server,
            living(folder / "volumes", server) as volumes,
        ):
            server.place(folder / "password")
            made = Rounds(volumes, folder / "originals", random.Random(seed))
            volumes.begin()
            made.change()
            made.back_up()
            yield made
