"""The resident processes of a container's agent, as the host's /proc shows them."""

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from agent.observe.activity.table import read_clock
from tests.worlds.memory import read_memory

NO_HEALTH_CHECK = ("--no-healthcheck",)
"""PID 1 adopts and reaps what docker's own health check leaves every 30 s; it has its own row."""


@dataclass(frozen=True)
class Process:
    """A process as /proc tells it."""

    pid: int
    parent: int
    argv: tuple[str, ...]

    def pss_kib(self) -> int:
        """Return its proportional set size in KiB."""
        return read_memory(self.pid, "Pss")

    def own_kib(self) -> int:
        """Return the same of what it has written itself, in KiB.

        Pages of files are not in it: whose share they are depends on who else has them, also in
        other containers of the image.
        """
        return read_memory(self.pid, "Pss_Anon")

    def cpu_seconds(self, with_children: bool) -> float:
        """Return its processor time so far, on request with that of children it has reaped.

        Of those the kernel tells in ticks of 10 ms.
        """
        own = read_clock(str(self.pid)) / 1e9
        numbers = Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()
        ticks = sum(map(int, numbers[13:15])) if with_children else 0
        return own + ticks / os.sysconf("SC_CLK_TCK")


def list_processes() -> list[Process]:
    """Return every process of the machine."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        with suppress(OSError):
            parent = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
            argv = (entry / "cmdline").read_bytes().decode(errors="replace").split("\0")
            found.append(Process(int(entry.name), parent, tuple(argv)))
    return found


def agent_seconds(main_pid: int) -> float:
    """Return the processor time of init, of the jobs it has run, and of what runs beside it now.

    Services are supervisord's children, and what `docker exec` runs is nobody's in there.
    """
    found = list_processes()
    own = [process for process in found if main_pid in (process.pid, process.parent)]
    return sum(
        process.cpu_seconds(with_children="supervisord" not in " ".join(process.argv))
        for process in own
    )


def container_seconds(main_pid: int) -> float:
    """Return the processor time of everything that has run in a container."""
    for line in Path(f"/proc/{main_pid}/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if not controllers:
            lines = Path(f"/sys/fs/cgroup{path}/cpu.stat").read_text().splitlines()
            return int(dict(each.split() for each in lines)["usage_usec"]) / 1e6
        if "cpuacct" in controllers.split(","):
            return int(Path(f"/sys/fs/cgroup/cpuacct{path}/cpuacct.usage").read_text()) / 1e9
    raise ValueError(f"no cgroup counts the processor time of {main_pid}")


def agent_processes(main_pid: int) -> dict[str, Process]:
    """Return the agent's resident processes of a container by name: all that are no service's."""
    everything = list_processes()
    children = [process for process in everything if process.parent == main_pid]
    children.sort(key=lambda process: process.pid, reverse=True)  # jobs may be copies of init, too
    found = {"init": next(process for process in everything if process.pid == main_pid)}
    for process in children:
        line = " ".join(process.argv)
        if "agent.init.logger" in line:
            found["logger"] = process
        elif "supervisord" in line:
            found["supervisord"] = process
        elif "agent.init" in line:
            found["watch"] = process
    supervisor_pid = found["supervisord"].pid
    for process in everything:
        if process.parent == supervisor_pid and any(w.endswith("/listener") for w in process.argv):
            found["listener"] = process
    return found
