"""The clock of a machine that sleeps when a test says so; see sleeping_clock.c."""

import os
import shutil
import struct
import subprocess
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from agent.machine.clock import Clock

SOURCE = Path(__file__).with_name("sleeping_clock.c")


class SleepingClock(Clock):
    """The clock as it is seen by the programs that are started with `environment`."""

    def __init__(self, folder: Path) -> None:
        """Build it in this folder; skip the test where there is no compiler."""
        library = build_clock(folder)
        self._slept = 0
        self._file = os.open(folder / "slept", os.O_RDWR | os.O_CREAT, 0o644)
        self.go(0)
        self.environment = {"LD_PRELOAD": str(library), "SLEEPING_CLOCK": str(folder / "slept")}

    def now(self) -> datetime:
        return super().now() + timedelta(seconds=self._slept / 1e9)

    def uptime(self) -> float:
        return super().uptime() + self._slept / 1e9

    def go(self, seconds: float) -> None:
        """Let the machine sleep for so long."""
        self._slept += int(seconds * 1e9)
        os.pwrite(self._file, struct.pack("q", self._slept), 0)

    def close(self) -> None:
        os.close(self._file)


def build_clock(folder: Path) -> Path:
    library = folder / "sleeping_clock.so"
    if not shutil.which("cc"):
        refuse = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        refuse("cc is missing, and with it a clock that can be driven")
    subprocess.run(
        ["cc", "-Wall", "-Wextra", "-Werror", "-O1", "-shared", "-fPIC", "-o", library, SOURCE],
        check=True, timeout=60,
    )  # fmt: skip
    return library
