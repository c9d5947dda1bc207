"""What /proc tells of the programs behind the ports."""

import os
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

from agent.machine.light import proc
from agent.machine.light.clock import Clock
from agent.machine.light.expressions import regex
from agent.machine.light.files import SETTINGS, read_file
from agent.machine.values import frozen

TICKS = os.sysconf("SC_CLK_TCK")
INTERPRETERS = regex(r"(node|nodejs|bun|deno|python|ruby|php|perl|java)[\d.]*")
EDITORS = regex(
    r"/(code-server|openvscode-server|\.vscode-server|\.vscode-server-insiders|\.vscodium-server"
    r"|\.cursor-server|\.windsurf-server|JetBrains/RemoteDev)/"
)
"""Folders of the servers of editors, and of their extensions."""
ENGINES = ("dockerd", "containerd", "podman", "conmon", "rootlessport", "buildkitd")
"""Programs that run containers, whose networks are their own."""
FEW = 6
"""Words of a command in which a program of an editor shows itself."""


@frozen
class Program:
    """A process that listens."""

    pid: int
    name: str
    command: tuple[str, ...]
    """Its words, which may hold a secret: they are matched and never shown."""
    folder: str | None
    """Where it works; None: that cannot be seen."""
    started: float
    """Seconds of the machine's uptime."""
    since: datetime
    """The same by the clock on the wall."""

    @property
    def line(self) -> str:
        """Return its command as one line."""
        return " ".join(self.command)

    @property
    def is_of_editor(self) -> bool:
        """Tell whether it is a part of an editor's server, or of one of its extensions."""
        return any(EDITORS.search(word) for word in self.command[:FEW])


def read(pid: int, clock: Clock, root: Path = Path("/proc")) -> Program | None:
    """Return a process; None: it is gone."""
    folder = root / str(pid)
    try:
        name, fields = proc.read_stat(folder)
        words = read_file(folder / "cmdline", SETTINGS).split(b"\0")
        started = int(fields[19]) / TICKS  # starttime of proc_pid_stat(5)
    except (OSError, ValueError, IndexError):
        return None
    command = tuple(map(os.fsdecode, words[:-1] if not words[-1] else words))
    try:
        place = os.fspath((folder / "cwd").readlink())
    except OSError:
        place = None
    since = clock.now() - timedelta(seconds=clock.uptime() - started)
    return Program(pid, make_name(name, command), command, place, started, since)


def make_name(name: str, command: tuple[str, ...]) -> str:
    """Return what people call a program: of an interpreter also the script.

    No other word of its command is in it.
    """
    program = Path(command[0]).name if command else ""
    if not INTERPRETERS.fullmatch(program):
        return name
    for before, word in pairwise(command):
        if not word.startswith("-"):
            is_script = not before.startswith("-") or before in ("-m", "-jar", "-u", "-B")
            return f"{program} {Path(word).name}" if is_script else program
    return program


def list_ancestors(pid: int, root: Path = Path("/proc")) -> Iterator[int]:
    """Yield a process, its parent, and so on."""
    while pid:
        yield pid
        try:
            pid = int(proc.read_stat(root / str(pid))[1][1])
        except (OSError, ValueError, IndexError):
            return


def find_engine(names: Mapping[int, str]) -> str:
    """Return which of these programs runs containers; empty: none does."""
    return next((name for name in names.values() if name in ENGINES), "")
