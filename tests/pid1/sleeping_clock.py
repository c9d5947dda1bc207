"""The clock of a machine that sleeps, and is set, when a test says so; see sleeping_clock.c."""

import os
import struct
from datetime import datetime, timedelta
from pathlib import Path

from agent.machine.light.clock import Clock
from tests.pid1.preloading import build_library


class SleepingClock(Clock):
    """The clock as it is seen by the programs that are started with `environment`."""

    def __init__(self, folder: Path) -> None:
        """Build it in this folder; skip the test where there is no compiler."""
        library = build_library("sleeping_clock", folder)
        self._slept = self.stepped = 0
        self._file = os.open(folder / "slept", os.O_RDWR | os.O_CREAT, 0o644)
        self.go(0)
        self.environment = {"LD_PRELOAD": str(library), "SLEEPING_CLOCK": str(folder / "slept")}

    def now(self) -> datetime:
        return super().now() + timedelta(seconds=(self._slept + self.stepped) / 1e9)

    def uptime(self) -> float:
        return super().uptime() + self._slept / 1e9

    def go(self, seconds: float) -> None:
        """Let the machine sleep for so long."""
        self._slept += int(seconds * 1e9)
        self._write()

    def set(self, seconds: float) -> None:
        """Set the time of day forward, or back: no time passes."""
        self.stepped += int(seconds * 1e9)
        self._write()

    def _write(self) -> None:
        os.pwrite(self._file, struct.pack("qq", self._slept, self.stepped), 0)

    def close(self) -> None:
        os.close(self._file)
