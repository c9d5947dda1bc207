"""Processor, memory and disk: how much is used, now and in the last 24 hours, and of how much."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from agent.machine.light.cgroup import parse_number
from agent.machine.light.files import SECRET, read_file
from agent.machine.light.human import format_size
from agent.observe.metrics import history
from agent.observe.metrics.history import Sample, find_use
from agent.observe.page.view import Gauge
from agent.observe.usage import HOME, WORKSPACE, Usage

RECENT = 360.0
"""Seconds: processor time is shown for the last span between two samples, if it is as fresh."""
DISKS = (("Disk", WORKSPACE, history.WORKSPACE), ("Home", HOME, history.HOME))
"""The name of a gauge, its volume, and its series in the history."""
MEMINFO = Path("/proc/meminfo")


def find_memory(path: Path = MEMINFO) -> int | None:
    """Return the bytes that the machine has."""
    try:
        words = read_file(path, SECRET).decode("ascii").split("\n")[0].split()
    except (OSError, ValueError):
        return None
    kilobytes = parse_number(words[1]) if len(words) > 1 and words[0] == "MemTotal:" else None
    return kilobytes * 1024 if kilobytes else None


def find_gauges(samples: Sequence[Sample], now: float, usage: Usage) -> Iterator[Gauge]:
    """Yield what is known. `now`: seconds since the epoch.

    Where the container has no limit, that of the machine counts.
    """
    cores = usage.cpu_limit_cores or float(len(os.sched_getaffinity(0)))
    if found := find_processor_gauge(samples, now, cores):
        yield found
    if usage.working_set_bytes is not None:
        most = usage.memory_limit_bytes or find_memory()
        series = list_series(samples, now, history.MEMORY)
        yield measure("Memory", usage.working_set_bytes, most, series)
    told = None
    for name, volume, number in DISKS:
        disk = usage.disks.get(volume)
        if disk and disk != told:  # else both are on one
            series = list_series(samples, now, number)
            yield measure(name, disk.used_bytes, disk.size_bytes, series)
        told = disk


def find_processor_gauge(samples: Sequence[Sample], now: float, most: float) -> Gauge | None:
    """Return the gauge of processor time; None: there are no two samples yet."""
    rates = [(ago, used) for ago, used in find_use(samples) if used is not None]
    if not rates:
        return None
    points = [(now - ago, used / most) for ago, used in rates]
    ago, used = rates[-1]
    limit = f"of {most:g} cores" if most != 1 else "of 1 core"
    if ago > RECENT:
        return Gauge("CPU", "unknown", limit, None, points)
    return Gauge("CPU", f"{used:.2f}", limit, used / most, points)


def measure(name: str, used: int, most: int | None, series: Sequence[tuple[float, float]]) -> Gauge:
    """Return the gauge of bytes."""
    if not most:
        return Gauge(name, format_size(used), "")
    points = [(at, value / most) for at, value in series]
    return Gauge(name, format_size(used), f"of {format_size(most)}", used / most, points)


def list_series(samples: Sequence[Sample], now: float, series: int) -> list[tuple[float, float]]:
    """Return the moments and values of a series, without its gaps."""
    found = ((now - ago, values[series]) for ago, values in samples)
    return [(at, value) for at, value in found if value is not None]
