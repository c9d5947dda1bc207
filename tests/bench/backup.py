"""Measure backups: `python -m tests.bench.backup [--files 60000] [--megabytes 1024]`.

All in one container and on one disk, after all files were read once: the original's tar.gz, restic
alone, and ours, each as a person would start it.
"""

import argparse
import contextlib
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from tests.bench import machine
from tests.bench.latency import measure_latency
from tests.bench.rows import Row, format_table
from tests.worlds.containers import DOCKER, MVP, Container, Recipe, running
from tests.worlds.small_folder import small_volume

TESTS = Path(__file__).parents[1]
TREE = (TESTS / "worlds/trees.py").read_text()
TREES = "python3 /tmp/bench/trees.py"
MEGABYTE = 1e6
RUNS = 2
"""First backups by restic alone and by ours, of each of which the better one counts."""
BARE = "RESTIC_PASSWORD=x GOGC=25 restic --repo /tmp/bench/bare --no-cache --json --quiet"
"""With the one setting of memory that ours has as well."""

NODE = "/opt/code-server/node"
ZSTD = 'process.stdin.pipe(require("zlib").createZstdCompress()).pipe(process.stdout)'
"""zstd at its own level, by the one program of the image that has it."""
FURTHER_STARTS = 1
"""Of restic, in a restore to a new folder: docs/benchmarks.md says what for."""


@dataclass
class BackupDesk:
    """A container in which things are measured."""

    box: Container
    peak: float = field(default=0.0)
    """Megabytes that restic and ours took at most, together, in what was measured last."""
    cpu: float = field(default=0.0)
    """Seconds of processor that it took, which tell more than time where others work as well."""

    def run(self, script: str, *codes: int) -> str:
        """Run a script; return what it printed. Raises RuntimeError for another exit code."""
        done = subprocess.run(
            [DOCKER, "exec", self.box.name, "bash", "-c", script],
            capture_output=True, text=True, check=False, timeout=1800,
        )  # fmt: skip
        if done.returncode not in (codes or (0,)):
            raise RuntimeError(f"{script}: {done.returncode}: {done.stdout}{done.stderr}")
        return done.stdout

    def time(self, script: str, *codes: int) -> float:
        """Return the seconds that a script takes; `peak` and `cpu` are its own then."""
        timed = f"{{ {script}\n}}; code=$?; times; exit $code"
        with self._watching():
            start = time.monotonic()
            words = self.run(timed, *codes).split()[-2:]
            seconds = time.monotonic() - start
        self.cpu = sum(map(_read_seconds, words))
        print(f"    {seconds:.1f} s, {self.cpu:.1f} s of processor, {self.peak:.0f} MB",
              file=sys.stderr, flush=True)  # fmt: skip
        return seconds

    def remove(self, *names: str) -> None:
        """Remove what a measurement left in /tmp/bench, also folders that are read-only."""
        paths = " ".join(f"/tmp/bench/{name}" for name in names)
        self.run(f"chmod --recursive u+w {paths} && rm --recursive {paths}")

    @contextmanager
    def _watching(self) -> Iterator[None]:
        root = psutil.Process(int(self.box.inspect("{{.State.Pid}}")))
        before = {process.pid for process in root.children(recursive=True)}
        ended = threading.Event()
        self.peak = 0.0

        def watch() -> None:
            while not ended.wait(0.02):
                self.peak = max(self.peak, _find_memory(_find_new(root, before)))

        thread = threading.Thread(target=watch)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()


def _read_seconds(word: str) -> float:
    """Return the seconds that bash's `times` writes as 1m2.345s."""
    minutes, _, rest = word.partition("m")
    return 60 * float(minutes) + float(rest.rstrip("s"))


def _find_new(root: psutil.Process, before: set[int]) -> list[psutil.Process]:
    """Return the processes in the container of what was measured: exec's come beside PID 1."""
    namespace = Path(f"/proc/{root.pid}/ns/pid").readlink()
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(OSError, psutil.Error):
            inside = Path(f"/proc/{process.pid}/ns/pid").readlink() == namespace
            if inside and process.pid not in before and process.name() in ("restic", "devcopilot"):
                found.append(process)
    return found


def _find_memory(processes: list[psutil.Process]) -> float:
    total = 0
    for process in processes:
        with contextlib.suppress(psutil.Error):
            total += process.memory_info().rss
    return total / MEGABYTE


def measure(files: int, megabytes: int, sparse: int, in_memory: bool) -> list[Row]:
    """Measure everything."""
    folders = ("/workspace", "/tmp", "/backups")
    size = 8 * megabytes + 2 * sparse
    volumes = (small_volume(name, size) if in_memory else ("-v", name) for name in folders)
    options = (
        *(word for volume in volumes for word in volume),
        *("-e", "BACKUP_DIR=/backups", "-e", "DEV8_BACKUP_SCHEDULE=off"),
        *("-e", "CODE_SERVER_AUTH=none", "-e", "DEV8_BACKUP_ON_STOP=off"),
    )
    with running(Recipe(MVP, options)) as box:
        desk = BackupDesk(box)
        box.wait_ready()
        _say("a workspace")
        desk.run("mkdir /tmp/bench")
        desk.run(f"cat >/tmp/bench/trees.py <<'END'\n{TREE}\nEND\n"
                 f"{TREES} make /workspace {files} {megabytes}\n"
                 f"mkdir /workspace/odd && {TREES} odd /workspace/odd\n"
                 f"truncate --size {sparse}M /workspace/sparse\n"
                 "tar -cf - /workspace 2>/dev/null | cat >/dev/null")  # fmt: skip
        rows = [*_measure_work(desk), *_measure_little_memory(box)]
        _say("the editor meanwhile")
        return [*rows, *measure_latency(box)]


def _measure_work(desk: BackupDesk) -> list[Row]:
    _say("tar.gz")
    tar = desk.time("tar -czf /tmp/bench/workspace.tar.gz -C / workspace")
    _say("tar with zstd")
    zstd = desk.time(f"tar -cf - -C / workspace | {NODE} -e '{ZSTD}' >/tmp/bench/workspace.tar.zst")
    bare, first, first_peak, cpu = _measure_first(desk)
    first_added = _find_added(desk)
    _say("after a change of 1 %: restic alone, ours")
    desk.run(f"{TREES} change /workspace")
    bare_second = desk.time(f"{BARE} backup /workspace")
    cpu.append(desk.cpu)
    second = desk.time("devcopilot backup create")
    cpu.append(desk.cpu)
    second_added = _find_added(desk)
    _say("restores: tar.gz, restic alone, ours")
    # Nothing is removed in between: for minutes after many files are gone, ext4 makes new ones at a
    # third of the speed (recently_deleted in fs/ext4/ialloc.c), and the first would be the fastest.
    untar = desk.time(
        "mkdir /tmp/bench/tar && tar -xzf /tmp/bench/workspace.tar.gz -C /tmp/bench/tar"
    )
    bare_restore = desk.time(f"{BARE} restore latest:/workspace --target /tmp/bench/restic")
    restore = desk.time("devcopilot backup restore --path /workspace --to /tmp/bench/ours")
    restore_peak = desk.peak
    start = desk.time(f"{BARE} snapshots")
    judge = "rsync -aHAXn --checksum --delete --itemize-changes /workspace/ /tmp/bench/ours/"
    lost = [line for line in desk.run(judge).splitlines() if line[1:2] != "S"]
    desk.remove("tar", "restic", "ours")
    overhead = max(first - bare * 1.03, second - bare_second * 1.03)
    return [
        Row("first backup, against tar.gz", first / tar, 0.35, "times",
            f"{first:.1f} s against {tar:.1f} s"),
        Row("first backup, against tar with zstd", first / zstd, 3, "times",
            f"{first:.1f} s against {zstd:.1f} s, which finds no copies and encrypts nothing"),
        Row("backup after a change of 1 %, against tar.gz", second / tar, 0.10, "times",
            f"{second:.1f} s"),
        Row("what that adds, against the first", 100 * second_added / first_added, 3, "%",
            f"{second_added / MEGABYTE:.1f} MB of {first_added / MEGABYTE:.0f} MB"),
        Row("more than restic alone and 3 %", overhead, 1.5, "s",
            f"{first:.1f} and {second:.1f} s against {bare:.1f} and {bare_second:.1f} s; of "
            f"processor {cpu[1]:.1f} and {cpu[3]:.1f} s against {cpu[0]:.1f} and {cpu[2]:.1f} s"),
        Row("restore, against tar.gz", restore / untar, 1.2, "times",
            f"{restore:.1f} s against {untar:.1f} s, and {bare_restore:.1f} s of restic alone"),
        Row("more than restic alone and one further start of it",
            restore - bare_restore - FURTHER_STARTS * start, 1.0, "s",
            f"a start takes {start:.1f} s"),
        Row("memory of a backup, at most", first_peak, 200, "MB"),
        Row("memory of a restore, at most", restore_peak, 200, "MB"),
        Row("what a restore loses, as rsync sees it, but sockets", len(lost), 0, "files",
            "; ".join(lost[:3])),
    ]  # fmt: skip


def _measure_first(desk: BackupDesk) -> tuple[float, float, float, list[float]]:
    """Make first backups in turn; return restic's and our best time, our memory, and both's cpu."""
    _say("first backups in turn: restic alone, ours")
    bare, ours = [], []
    for _ in range(RUNS):
        desk.run("rm --recursive --force /tmp/bench/bare /backups/workspace")
        bare.append((desk.time(f"{BARE} init && {BARE} backup /workspace"), desk.cpu))
        ours.append((desk.time("devcopilot backup create --anew"), desk.cpu))
    least = [min(cpu for _, cpu in both) for both in (bare, ours)]
    return min(bare)[0], min(ours)[0], desk.peak, least


def _find_added(desk: BackupDesk) -> float:
    """Return the bytes that the newest backup took."""
    return float(json.loads(desk.run("devcopilot backup list --json"))[-1]["added"])


def _measure_little_memory(box: Container) -> list[Row]:
    """Make a first backup of the same files where memory is limited."""
    _say("with DEV8_BACKUP_MEMORY=100M")
    options = (
        *("--volumes-from", box.name, "-e", "BACKUP_DIR=/backups", "-e", "ENVIRONMENT_ID=little"),
        *("-e", "DEV8_BACKUP_SCHEDULE=off", "-e", "DEV8_BACKUP_ON_STOP=off"),
        *("-e", "DEV8_BACKUP_MEMORY=100M"),
    )
    with running(Recipe(MVP, options)) as other:
        desk = BackupDesk(other)
        other.wait_ready()
        seconds = desk.time("devcopilot backup create")
    return [Row("memory of a backup with DEV8_BACKUP_MEMORY=100M, at most", desk.peak, 150, "MB",
                f"{seconds:.1f} s")]  # fmt: skip


def _say(title: str) -> None:
    print(f"==> {title}", file=sys.stderr, flush=True)


def main() -> int:
    """Measure; print a table; exit 1 when a bar is missed."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.backup", description=__doc__)
    parser.add_argument("--files", type=int, default=60_000)
    parser.add_argument("--megabytes", type=int, default=1024)
    parser.add_argument(
        "--sparse", type=int, default=0, metavar="MEGABYTES", help="and a file that is a hole"
    )
    parser.add_argument(
        "--in-memory", action="store_true", help="on tmpfs, where the disk is small"
    )
    parser.add_argument("--output", type=Path, default=Path("bench-backup.json"))
    arguments = parser.parse_args()
    rows = measure(arguments.files, arguments.megabytes, arguments.sparse, arguments.in_memory)
    print(format_table(rows))
    document = {"rows": machine.note(rows)}
    arguments.output.write_text(json.dumps(document, indent=2) + "\n")
    return 0 if all(row.holds for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
