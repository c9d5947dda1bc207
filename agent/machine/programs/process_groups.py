"""The one way to end a program that was started: TERM, and KILL to what remains of it.

One that leads a process group ends with its group, any other with whatever it has started.
"""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import psutil

PAUSE = 0.02
"""Seconds between two looks whether it has ended."""


def end(process: "subprocess.Popen[bytes]", patience: float) -> None:
    """End a process that stays in our group, `patience` seconds after TERM at the latest.

    What it started ends with it: that would hold our pipes as long as it lives. It has no group of
    its own, so that whoever kills us by ours leaves none behind.
    """
    if process.returncode is None and not has_ended(process):
        family = find_family(process.pid)
        process.terminate()
        _wait(lambda: has_ended(process), patience)
        family += find_family(process.pid)
        process.kill()
        _kill(family)
    process.wait()


def end_group(process: "subprocess.Popen[bytes]", patience: float) -> None:
    """End a process that leads a group, and all of that."""

    def is_gone() -> bool:
        process.poll()  # a zombie counts as one of the group
        return not _send(process, 0)

    _send(process, signal.SIGTERM)
    if not _wait(is_gone, patience):
        _send(process, signal.SIGKILL)
        process.wait()


def has_ended(process: "subprocess.Popen[bytes]") -> bool:
    """Tell whether it has ended. Its number stays its own until it is waited for."""
    if process.returncode is not None:
        return True
    flags = os.WEXITED | os.WNOHANG | os.WNOWAIT
    return os.waitid(os.P_PID, process.pid, flags) is not None


def find_family(pid: int) -> "list[psutil.Process]":
    """Return what a process has started, and what that has, as far as it can be known."""
    import psutil  # noqa: PLC0415 - 30 ms that only a program pays that has to be ended

    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.Error:
        return []


def _kill(processes: "list[psutil.Process]") -> None:
    """Kill these; a number that another process has by now is left alone."""
    import psutil  # noqa: PLC0415

    for process in processes:
        with contextlib.suppress(psutil.Error):
            process.kill()


def _wait(is_over: Callable[[], bool], seconds: float) -> bool:
    """Wait until it is over, or the time is; return whether it is over."""
    deadline = time.monotonic() + seconds
    while not (over := is_over()) and time.monotonic() < deadline:
        time.sleep(PAUSE)
    return over


def _send(process: "subprocess.Popen[bytes]", number: int) -> bool:
    """Send a signal to the group; return whether there was anybody."""
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        return False
    except PermissionError:  # somebody is there, whom we may not signal
        return True
    return True
