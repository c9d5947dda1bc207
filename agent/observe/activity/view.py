"""What the signals look at: everything is read once, and only when a signal asks for it."""

import json
import os

from agent.machine.light import runtime
from agent.machine.light.files import STATE, read_file
from agent.observe.activity import connections, proc_stat, table, terminals
from agent.observe.activity.last_sample import Memory
from agent.observe.activity.moment import Moment
from agent.observe.activity.proc_stat import Family, Process
from agent.observe.activity.rules import Rules
from agent.observe.activity.terminals import Terminal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeVar

    T = TypeVar("T")


class View:
    """The machine at one moment."""

    def __init__(
        self,
        folder: str,
        rules: Rules,
        memory: Memory,
        now: Moment,
        *,
        proc: str = "/proc",
        devices: str = "/dev/pts",
        stat: "Callable[[str], os.stat_result]" = os.stat,
        read_clock: "Callable[[str], int] | None" = None,
    ) -> None:
        """`folder` is the runtime folder; `read_clock` is for `table.read_all`."""
        self.folder = folder
        self.rules = rules
        self.memory = memory
        self.now = now
        self.proc = proc
        self.devices = devices
        self.state = read_object(os.path.join(folder, runtime.STATE))
        """What init says of itself."""
        self.init = str(self.state.get("pid", ""))
        self.previous = memory.window or now.boot
        """Since when the use of the processor is measured."""
        self.processes = self._read_processes(read_clock or table.find_clock(proc))
        self.family = Family(self.processes)
        self.terminals = terminals.read_all(devices, memory, now, stat)
        self.sockets = connections.count(proc, (rules.editor_port, rules.ssh_port))
        self._commands: dict[str, list[str]] = {}
        self._found: dict[object, Any] = {}
        if not memory.begin:
            init = self.processes.get(self.init)
            memory.begin = init.start / proc_stat.TICKS if init else now.boot

    def once(self, find: "Callable[[View], T]") -> "T":
        """Return the result of `find` for this view, which is called only once."""
        if find not in self._found:
            self._found[find] = find(self)
        found: T = self._found[find]
        return found

    def find_stamp(self, name: str, path: str) -> float | None:
        """Return when a file was touched last; None: it is not there."""
        try:
            stamp = os.stat(path).st_mtime
        except OSError:
            return None
        return self.memory.note_stamp(name, stamp, self.now)

    def read_command(self, process: Process) -> list[str]:
        """Return the words that a process was started with."""
        if process.pid not in self._commands:
            self._commands[process.pid] = proc_stat.read_command(self.proc, process.pid)
        return self._commands[process.pid]

    def find_terminal(self, process: Process) -> Terminal | None:
        """Return the terminal that a process has."""
        return self.terminals.get(process.terminal)

    def _read_processes(self, read_clock: "Callable[[str], int]") -> dict[str, Process]:
        try:
            found = table.read_all(self.proc, self.memory.used, read_clock)
        except OSError:
            return {}
        self.memory.measure(found, self.now)
        return found


def read_object(path: str) -> "dict[str, Any]":
    """Return a JSON object that a part of the agent wrote; a damaged file holds none."""
    try:
        found = json.loads(read_file(path, STATE))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
