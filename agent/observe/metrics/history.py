"""The last 24 hours in a file of fixed size: a sample a minute at most. Light.

A sample has the slot of its minute, counted from the start of the machine: nobody sets that
clock, so what happens to the time of day moves nothing. A minute without a sample stays a gap.
Each slot has a checksum, so half of one, or garbage, is a gap as well.

The file: a head that names this form, then SLOTS times a little-endian slot: the second, a value
of each series, the checksum of both. It is 46 kB.
"""

import os
import stat
import struct
import time
import zlib
from collections.abc import Iterator, Sequence
from itertools import pairwise

from agent.machine.light import runtime
from agent.machine.light.cgroup import Cgroup
from agent.machine.light.disks import read_use

NAME = "history.ring"
"""In the runtime folder."""
SLOTS = 24 * 60
MINUTE = 60.0

PROCESSOR, MEMORY, WORKSPACE, HOME, PROCESSES, LOAD = range(6)
"""The series: processor seconds so far; bytes of the working set, used on the disk of the workspace
and of the home; processes and threads; processes that run or wait to (of the whole machine)."""
SCALES = (0.01, 1024.0, 64 * 1024.0, 64 * 1024.0, 1.0, 0.01)
"""What a step of each series stands for."""
WRAP = 2**32 - 1
"""Processor seconds are kept modulo this many steps: only their growth means anything."""
UNKNOWN = 2**32 - 1

HEAD = b"devcopilot history 1\n".ljust(32, b"\0")
_VALUES = struct.Struct(f"<I{len(SCALES)}I")
_SUM = struct.Struct("<I")
SLOT = _VALUES.size + _SUM.size
SIZE = len(HEAD) + SLOTS * SLOT

Values = tuple[float | None, ...]
"""One of each series; None: unknown."""
Sample = tuple[float, Values]
"""How many seconds ago, and what was so."""


def note(folder: str, workspace: str, home: str) -> bool:
    """Take a sample and keep it, unless this minute has one; tell whether it did.

    `folder` is the runtime folder. Raises OSError.
    """
    ring = Ring(f"{folder}/{NAME}")
    uptime = time.clock_gettime(time.CLOCK_BOOTTIME)
    return not ring.has(uptime) and ring.put(uptime, take_sample(workspace, home))


def load(folder: str) -> list[Sample]:
    """Return the samples of the last 24 hours, oldest first. Damage counts as a gap."""
    return Ring(f"{folder}/{NAME}").read(time.clock_gettime(time.CLOCK_BOOTTIME))


def take_sample(workspace: str, home: str, cgroup: Cgroup | None = None) -> Values:
    """Return how it is now."""
    cgroup = cgroup or Cgroup()
    disks = [read_use(folder) for folder in (workspace, home)]
    try:
        load_average = os.getloadavg()[0]
    except OSError:
        load_average = None
    return (
        cgroup.processor_seconds(),
        cgroup.working_set(),
        *(used[0] if used else None for used in disks),
        cgroup.processes(),
        load_average,
    )


class Ring:
    """The file."""

    def __init__(self, path: str) -> None:
        self._path = path

    def has(self, uptime: float) -> bool:
        """Tell whether this minute has a sample. Raises OSError."""
        content = self._load()
        return content is not None and decode(content, int(uptime // MINUTE)) is not None

    def put(self, uptime: float, values: Values) -> bool:
        """Keep a sample of this minute. Raises OSError.

        One slot is written in one call: who reads meanwhile sees it or, by its checksum, a gap.
        """
        if self._load() is None:
            runtime.write_atomic(self._path, HEAD + bytes(SIZE - len(HEAD)))
        descriptor = os.open(self._path, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            place = find_place(int(uptime // MINUTE))
            return os.pwrite(descriptor, encode(int(uptime), values), place) == SLOT
        finally:
            os.close(descriptor)

    def read(self, uptime: float) -> list[Sample]:
        """Return the samples of the 24 hours before, oldest first."""
        try:
            content = self._load()
        except OSError:
            content = None
        if content is None:
            return []
        now = int(uptime // MINUTE)
        slots = (decode(content, minute) for minute in range(max(0, now - SLOTS + 1), now + 1))
        return [(max(0.0, uptime - second), values) for second, values in filter(None, slots)]

    def _load(self) -> bytes | None:
        """Return what the file holds; None: there is none, or what is there is no ring."""
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
        try:
            descriptor = os.open(self._path, flags)
        except OSError:
            return None
        try:
            state = os.fstat(descriptor)
            if not stat.S_ISREG(state.st_mode) or state.st_size != SIZE:
                return None
            content = os.read(descriptor, SIZE)
        finally:
            os.close(descriptor)
        return content if len(content) == SIZE and content.startswith(HEAD) else None


def find_place(minute: int) -> int:
    """Return where the slot of a minute begins."""
    return len(HEAD) + minute % SLOTS * SLOT


def encode(second: int, values: Values) -> bytes:
    """Return a slot."""
    steps = [
        UNKNOWN if value is None else encode_value(series, value)
        for series, value in enumerate(values)
    ]
    slot = _VALUES.pack(second, *steps)
    return slot + _SUM.pack(zlib.crc32(slot))


def encode_value(series: int, value: float) -> int:
    """Return the steps of a value, the most that fit where it is beyond all bounds."""
    steps = int(value / SCALES[series])
    return steps % WRAP if series == PROCESSOR else min(max(steps, 0), UNKNOWN - 1)


def decode(content: bytes, minute: int) -> tuple[int, Values] | None:
    """Return the second and the values of a minute's slot; None: it holds another's, or damage."""
    place = find_place(minute)
    slot = content[place : place + _VALUES.size]
    (checksum,) = _SUM.unpack_from(content, place + _VALUES.size)
    second, *steps = _VALUES.unpack(slot)
    if zlib.crc32(slot) != checksum or second // MINUTE != minute:
        return None
    return second, tuple(
        None if step == UNKNOWN else step * scale for step, scale in zip(steps, SCALES, strict=True)
    )


def find_use(samples: Sequence[Sample]) -> Iterator[tuple[float, float | None]]:
    """Yield (seconds ago, processors in use since the sample before), for each but the first.

    None: one of the two does not know, or no machine has so many.
    """
    most = 2.0 * (os.cpu_count() or 1)
    for (before, earlier), (ago, values) in pairwise(samples):
        first, last = earlier[PROCESSOR], values[PROCESSOR]
        if first is None or last is None or before <= ago:
            yield ago, None
            continue
        used = (last - first) % (WRAP * SCALES[PROCESSOR]) / (before - ago)
        yield ago, used if used <= most else None
