"""What the workspace uses, and may use: memory, processors, processes, disks."""

from collections.abc import Mapping
from pathlib import Path

from agent.machine.light.cgroup import Cgroup
from agent.machine.light.disks import read_use
from agent.machine.values import frozen
from agent.settings.context import Context

WORKSPACE, HOME, TEMPORARY, RUNTIME = "workspace", "home", "tmp", "runtime"
"""The volumes; two of them may be on one disk."""


@frozen
class Disk:
    """The file system that a folder is on."""

    used_bytes: int
    size_bytes: int
    """What its users may have in all."""


@frozen
class Usage:
    """All of it. None: nobody says so, or there is no limit."""

    memory_bytes: int | None
    """With the page cache."""
    working_set_bytes: int | None
    """Without the part that the kernel gives back: what a limit is held against."""
    memory_limit_bytes: int | None
    memory_kills: int | None
    """Processes that the kernel killed because the memory was used up."""
    cpu_seconds: float | None
    cpu_limit_cores: float | None
    processes: int | None
    """With their threads."""
    process_limit: int | None
    disks: Mapping[str, Disk]
    """By volume."""


def find_usage(current: Context) -> Usage:
    """Look at all of it."""
    cgroup = Cgroup()
    folders = {
        WORKSPACE: current.settings.workspace.folder,
        HOME: current.facts.home,
        TEMPORARY: Path(current.facts.environ.get("TMPDIR") or "/tmp"),  # noqa: S108
        RUNTIME: current.facts.runtime,
    }
    uses = {name: read_use(folder) for name, folder in folders.items()}
    return Usage(
        memory_bytes=cgroup.memory(),
        working_set_bytes=cgroup.working_set(),
        memory_limit_bytes=cgroup.memory_limit(),
        memory_kills=cgroup.out_of_memory_kills(),
        cpu_seconds=cgroup.processor_seconds(),
        cpu_limit_cores=cgroup.processors(),
        processes=cgroup.processes(),
        process_limit=cgroup.process_limit(),
        disks={name: Disk(*use) for name, use in uses.items() if use},
    )
