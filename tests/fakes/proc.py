"""A machine for the sampler of the activity: a tree like /proc, terminals, and a clock."""

import json
import os
import time
from collections.abc import Mapping
from pathlib import Path

from agent.observe.activity.last_sample import Memory
from agent.observe.activity.moment import Moment
from agent.observe.activity.proc_stat import TICKS
from agent.observe.activity.rules import Rules
from agent.observe.activity.sample import Sample
from agent.observe.activity.view import View
from agent.workspace.activity_rules import describe_tools

PTS = 136 << 8
INIT = 1
FIRST_RUN = 600_000
"""Nanoseconds that a process has run before anybody looks."""
BEGIN = 1000.0
"""When the workspace starts, in seconds since the machine did."""


class Machine:
    """Processes and terminals that a test sets up; time passes when it says so."""

    def __init__(self, folder: Path, **rules: object) -> None:
        self.proc = folder / "proc"
        self.devices = folder / "pts"
        self.runtime = folder / "run"
        for path in (self.proc / "net", self.devices, self.runtime / "activity"):
            path.mkdir(parents=True)
        self.kept = b""
        self.boot = BEGIN
        self._epoch = time.time() - BEGIN
        self.has_clocks = True
        """Whether the kernel tells for how long each process has run."""
        self.slept = 0.0
        self.set_back = 0.0
        usual = {"ssh_port": 2222, "editor_port": 8080, "tools": describe_tools()}
        self.rules = Rules({**usual, **rules})
        self._used: dict[int, float] = {}
        self._opened: dict[str, float] = {}
        self._rows: dict[int, tuple[str, dict[str, int]]] = {}
        self._zombies: set[int] = set()
        self.write_state()
        self.start(INIT, "python3", parent=0)

    # --- time ---

    @property
    def now(self) -> Moment:
        wall = self._epoch + self.boot - self.set_back
        return Moment(self.boot, self.boot - self.slept, wall)

    def wait(self, seconds: float, **used: float) -> None:
        """Let time pass, in which processes use a share of a processor: `p7=0.5`."""
        self.boot += seconds
        for name, share in used.items():
            pid = int(name.removeprefix("p"))
            self._used[pid] += share * seconds
            self._write(pid)

    # --- processes ---

    def start(
        self,
        pid: int,
        name: str,
        *command: str,
        parent: int = INIT,
        terminal: int | None = None,
        group: int | None = None,
        session: int | None = None,
        foreground: int = -1,
    ) -> int:
        """Start a process now; it leads its group and session unless told otherwise."""
        fields = {
            "parent": parent,
            "group": group or pid,
            "session": session or pid,
            "terminal": 0 if terminal is None else PTS | terminal,
            "foreground": foreground,
            "start": int(self.boot * TICKS),
        }
        self._rows[pid] = (name, fields)
        self._used[pid] = 0.0
        (self.proc / str(pid)).mkdir()
        words = command or (name,)
        (self.proc / str(pid) / "cmdline").write_bytes(
            b"".join(word.encode() + b"\0" for word in words)
        )
        self._write(pid)
        return pid

    def adopt(self, parent: int, pid: int) -> None:
        """Let a process have another parent, as the kernel does when its own has ended."""
        self._rows[pid][1]["parent"] = parent
        self._write(pid)

    def end(self, pid: int) -> None:
        for path in (self.proc / str(pid)).iterdir():
            path.unlink()
        (self.proc / str(pid)).rmdir()
        del self._rows[pid], self._used[pid]

    def exit(self, pid: int) -> None:
        """Let it end, and nobody take notice: a zombie stays."""
        self._zombies.add(pid)
        self._used[pid] += 0.01
        self._write(pid)

    def put_in_foreground(self, terminal: int, group: int) -> None:
        """Let the keys of a terminal be for this process group."""
        for pid, (_, fields) in self._rows.items():
            if fields["terminal"] == PTS | terminal:
                fields["foreground"] = group
                self._write(pid)

    def _write(self, pid: int) -> None:
        name, row = self._rows[pid]
        numbers = [0] * 49
        for place, key in (
            (0, "parent"), (1, "group"), (2, "session"), (3, "terminal"), (4, "foreground"),
            (18, "start"),
        ):  # fmt: skip
            numbers[place] = row[key]
        numbers[10] = int(self._used[pid] * TICKS)
        state = "Z" if pid in self._zombies else "S"
        line = f"{pid} ({name}) {state} {' '.join(map(str, numbers))}\n"
        (self.proc / str(pid) / "stat").write_text(line)

    def _read_clock(self, pid: str) -> int:
        """Return for how long it has run; it ran before it was seen."""
        if not self.has_clocks or int(pid) not in self._used:
            return 0
        return FIRST_RUN + int(self._used[int(pid)] * 1e9)

    # --- terminals ---

    def open_terminal(self, number: int, shell: int = 0) -> int:
        """Open one now, and start a shell in it; return the shell's pid."""
        path = self.devices / str(number)
        path.touch()
        self._set_times(path, self.now.wall, self.now.wall)
        self._opened[str(path)] = self.now.wall
        pid = shell or 100 + number
        return self.start(pid, "bash", terminal=number, foreground=pid)

    def run(self, terminal: int, pid: int, name: str, *command: str, parent: int = 0) -> int:
        """Run a program in the foreground of a terminal."""
        leader = 100 + terminal
        self.start(pid, name, *command, parent=parent or leader, terminal=terminal, session=leader)
        self.put_in_foreground(terminal, pid)
        return pid

    def type(self, number: int) -> None:
        path = self.devices / str(number)
        self._set_times(path, self.now.wall, path.stat().st_mtime)

    def print(self, number: int) -> None:
        path = self.devices / str(number)
        self._set_times(path, path.stat().st_atime, self.now.wall)

    def _stat(self, path: str) -> os.stat_result:
        """Return what the kernel would: a test cannot set the ctime of a file."""
        found = Path(path).stat()
        times = {"st_atime": found.st_atime, "st_mtime": found.st_mtime,
                 "st_ctime": self._opened[path]}  # fmt: skip
        return os.stat_result(found[:10], times)

    @staticmethod
    def _set_times(path: Path, key: float, output: float) -> None:
        os.utime(path, (key, output))

    # --- files ---

    def touch(self, path: Path) -> None:
        path.touch()
        os.utime(path, (self.now.wall, self.now.wall))

    def write_state(self, **jobs: bool) -> None:
        rows: Mapping[str, object] = {name: {"running": is_on} for name, is_on in jobs.items()}
        (self.runtime / "state.json").write_text(json.dumps({"pid": INIT, "jobs": rows}))

    # --- looking ---

    def look(self) -> Sample:
        """Take a sample as the job does, and keep what the next one needs."""
        kept = Memory(json.loads(self.kept)) if self.kept else Memory()
        view = View(
            str(self.runtime), self.rules, kept, self.now,
            proc=str(self.proc), devices=str(self.devices), stat=self._stat,
            read_clock=self._read_clock,
        )  # fmt: skip
        found = Sample(view)
        self.keep(found)
        return found

    def keep(self, found: Sample) -> None:
        """Keep it, as files would: these cost a test a minute."""
        found.view.memory.close(found.view.now)
        self.kept = found.view.memory.encode()
