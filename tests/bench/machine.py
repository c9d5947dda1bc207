"""The machine that measures: its figures mean nothing without it."""

import os
import platform
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from tests.worlds.containers import docker

GIBIBYTE = 1 << 30


class Figure(Protocol):
    """What was measured."""

    def document(self) -> dict[str, object]:
        """Return it for JSON."""


def note(measured: Sequence[Figure]) -> dict[str, object]:
    """Return one part of the figures for JSON, with the machine that it was measured on."""
    return {"machine": describe(), "measured": [each.document() for each in measured]}


def describe() -> dict[str, str]:
    """Return what a reader wants to know of it."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / GIBIBYTE
    return {
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "processors": f"{os.cpu_count()} of {find_processor()}",
        "memory": f"{memory:.0f} GiB",
        "kernel": platform.release().partition("-")[0],
        "engine": f"docker {docker('version', '--format', '{{.Server.Version}}')}",
        "load": f"{os.getloadavg()[2]:.1f} in the last 15 minutes",
    }


def find_processor() -> str:
    """Return the model as the kernel names it."""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
