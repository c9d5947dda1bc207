"""What a sample keeps for the next one: what it saw when, and who had used the processor how much.

A file that is missing or damaged is none: then everything starts anew.
"""

import json
import os

from agent.machine.light import runtime
from agent.machine.light.files import STATE, read_file
from agent.observe.activity import table
from agent.observe.activity.moment import Moment
from agent.observe.activity.proc_stat import TICKS, Process
from agent.observe.activity.rules import Rules

TYPE_CHECKING = False
if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from typing import Any

FILE = os.path.join(runtime.ACTIVITY, "memory.json")
"""In the runtime folder."""
LOCK = os.path.join(runtime.ACTIVITY, "lock")
"""Held by whoever takes a sample until it is kept: a page and the job may do so at once."""
VERSION = 2

SHORTEST_WINDOW = 10.0
"""Seconds over which the use of the processor is measured, at least."""

SLEEP, JUMP = 5.0, 60.0
"""Seconds of a sleep, and of a jump of the clock, that are worth it."""
LONGEST_PAUSE = 4
"""Intervals between two samples, after which we did not run."""


class Memory:
    """What is known from the samples before; moments are seconds since the machine started."""

    def __init__(self, rows: "dict[str, Any] | None" = None) -> None:
        rows = rows or {}
        self.boot: float | None = rows.get("boot")
        """When the last sample was taken; None: this is the first."""
        self.awake: float = rows.get("awake", 0.0)
        self.wall: float = rows.get("wall", 0.0)
        self.begin: float = rows.get("begin", 0.0)
        """Before this moment nothing counts: the workspace started, or we could not look."""
        self.seen: dict[str, list[Any]] = rows.get("seen", {})
        """By signal: the last moment at which it counted, and what it was then."""
        self.stamps: dict[str, list[float]] = rows.get("stamps", {})
        """By file: its time as its file system has it, and the moment that was."""
        self.window: float = rows.get("window", 0.0)
        """When the use of the processor was noted."""
        self.used: dict[str, list[Any]] = rows.get("used", {})
        """By pid, what was known of the process then; see `table.note`."""
        self.busy: float | None = rows.get("busy")
        """Since when the user's processes have used the processor, without a pause."""
        self.idle: dict[str, Any] = rows.get("idle", {})
        """What has been said and done about this pause; see `idle`."""

    def close(self, now: Moment) -> None:
        """Note that a sample was taken at this moment."""
        self.boot, self.awake, self.wall = now.boot, now.awake, now.wall

    def encode(self) -> bytes:
        """Return the content of the file."""
        return json.dumps({"version": VERSION, **vars(self)}, separators=(",", ":")).encode()

    def has_gap(self, now: Moment, rules: Rules) -> bool:
        """Tell whether there is a time since the last sample of which we know nothing.

        The machine slept, or somebody set its clock; or, where something is done about an idle
        workspace and samples are taken all the time, the container was frozen.
        """
        if self.boot is None:
            return False
        passed = now.boot - self.boot
        slept = passed - (now.awake - self.awake)
        jumped = abs(now.wall - self.wall - passed)
        frozen = rules.timeout is not None and passed > LONGEST_PAUSE * rules.interval
        return slept > SLEEP or jumped > JUMP or frozen

    # --- files ---

    def note_stamp(self, name: str, stamp: float, now: Moment) -> float:
        """Return the moment of a file's time, which may be a clock's that somebody has set since.

        A time other than at the last sample means that something happened after that.
        """
        known = self.stamps.get(name)
        if known and known[0] == stamp:
            return known[1]
        longest = now.boot - (self.boot if self.boot is not None else self.begin)
        moment = now.boot - min(max(now.wall - stamp, 0.0), max(longest, 0.0))
        self.stamps[name] = [stamp, moment]
        return moment

    # --- the processor ---

    def measure(self, processes: dict[str, Process], now: Moment) -> None:
        """Set for each process what it has used per second since it was noted last."""
        window = max(now.boot - self.window, 1.0)
        for process in processes.values():
            before = process.before
            if before is None:
                age = now.boot - process.start_moment
                span = min(window, age) if self.used else age
                process.used = process.ticks / TICKS / max(span, 1.0)
            elif before is not process:
                process.used = (process.ticks - before.ticks) / TICKS / window
        if window >= SHORTEST_WINDOW or not self.used:
            self.window = now.boot
            self.used = {pid: table.note(process) for pid, process in processes.items()}


def hold(folder: str) -> "AbstractContextManager[int]":
    """Hold the lock of this runtime folder's memory. Raises OSError."""
    os.makedirs(os.path.join(folder, runtime.ACTIVITY), 0o700, exist_ok=True)
    return runtime.hold_lock(os.path.join(folder, LOCK))


def load(folder: str) -> Memory:
    """Return what is kept in this runtime folder."""
    try:
        rows = json.loads(read_file(os.path.join(folder, FILE), STATE))
        return Memory(rows) if is_sound(rows) else Memory()
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return Memory()


def is_sound(rows: "dict[str, Any]") -> bool:
    """Tell whether these are the rows of a memory. Raises KeyError, TypeError or AttributeError."""
    moments = [rows[name] for name in ("boot", "awake", "wall", "begin", "window")]
    pairs = [*rows["seen"].values(), *rows["stamps"].values(), *rows["used"].values()]
    if rows["busy"] is not None:
        moments.append(rows["busy"])
    moments += [first for first, _ in pairs]
    moments += [second for _, second in rows["stamps"].values()]
    moments += [rows["idle"].get(name) or 0.0 for name in ("last", "warned", "acted")]
    texts = [second for _, second in (*rows["seen"].values(), *rows["used"].values())]
    return (
        rows["version"] == VERSION
        and all(isinstance(each, (int, float)) for each in moments)
        and all(isinstance(each, str) for each in texts)
    )


def save(folder: str, memory: Memory) -> None:
    """Keep it for the next sample; the lock is held. Raises OSError."""
    runtime.write_atomic(os.path.join(folder, FILE), memory.encode())
