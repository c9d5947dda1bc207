"""What the workspace uses, and may use."""

from collections.abc import Callable

from agent.observe.metrics.family import Family, Kind, Sample, labelled, one
from agent.observe.status import Status
from agent.observe.usage import Disk, Usage


def value(find: Callable[[Usage], float | None]) -> Callable[[Status], list[Sample]]:
    """Return what reads one value, where it is known."""
    return lambda status: one(find(status.usage))


def find_disks(status: Status) -> list[tuple[str, Disk]]:
    """Return the volumes."""
    return list(status.usage.disks.items())


each_disk = labelled("volume", find_disks)
"""Makes what reads a value of each volume, where it is known."""


FAMILIES = (
    Family[Status](
        "devcopilot_memory_current_bytes", Kind.GAUGE,
        "Memory in use, with the page cache.",
        value(lambda usage: usage.memory_bytes),
    ),
    Family[Status](
        "devcopilot_memory_working_set_bytes", Kind.GAUGE,
        "Memory in use that the kernel cannot give back: compare it with the limit.",
        value(lambda usage: usage.working_set_bytes),
    ),
    Family[Status](
        "devcopilot_memory_max_bytes", Kind.GAUGE, "Limit of the memory; missing: none.",
        value(lambda usage: usage.memory_limit_bytes),
    ),
    Family[Status](
        "devcopilot_memory_kills_total", Kind.COUNTER,
        "Processes that the kernel killed because the memory was used up.",
        value(lambda usage: usage.memory_kills),
    ),
    Family[Status](
        "devcopilot_cpu_seconds_total", Kind.COUNTER, "Processor time of all processes.",
        value(lambda usage: usage.cpu_seconds),
    ),
    Family[Status](
        "devcopilot_cpu_max_cores", Kind.GAUGE, "Limit of the processor time; missing: none.",
        value(lambda usage: usage.cpu_limit_cores),
    ),
    Family[Status](
        "devcopilot_pids", Kind.GAUGE, "Processes and threads.",
        value(lambda usage: usage.processes),
    ),
    Family[Status](
        "devcopilot_pids_max", Kind.GAUGE, "Limit of processes and threads; missing: none.",
        value(lambda usage: usage.process_limit),
    ),
    Family[Status](
        "devcopilot_disk_used_bytes", Kind.GAUGE,
        "Used on the file system of the volume (workspace, home, tmp, runtime).",
        each_disk(lambda disk: disk.used_bytes), ("volume",),
    ),
    Family[Status](
        "devcopilot_disk_size_bytes", Kind.GAUGE, "Size of the file system of the volume.",
        each_disk(lambda disk: disk.size_bytes), ("volume",),
    ),
)  # fmt: skip
