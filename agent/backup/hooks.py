"""Commands of the user before and after a backup."""

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from agent.errors import Problem

PATIENCE = 2.0
"""Seconds between TERM and KILL."""


def run(
    variable: str, argv: Sequence[str], environment: Mapping[str, str], folder: Path, seconds: float
) -> Problem | None:
    """Run the command of this variable in `folder`; return what went wrong, or None.

    It is a process group of its own, which is ended whole when its time is over.
    """
    try:
        process = subprocess.Popen(
            argv, env=dict(environment), cwd=folder, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, process_group=0,
        )  # fmt: skip
    except OSError as error:
        return Problem(f"cannot run {variable}: {error.strerror}", f"is {argv[0]} installed?")
    try:
        output, _ = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        end_group(process)
        return Problem(
            f"{variable} was ended: it took longer than {seconds:g} s",
            "DEV8_BACKUP_HOOK_TIMEOUT gives it more time",
        )
    except BaseException:
        end_group(process)
        raise
    if process.returncode == 0:
        return None
    words = output.decode(errors="replace").split("\n")
    last = next((line.strip() for line in reversed(words) if line.strip()), "it said nothing")
    return Problem(f"{variable} failed with code {process.returncode}: {last}")


def end_group(process: "subprocess.Popen[bytes]") -> None:
    """End what is left of a command: TERM to all of it, KILL to what remains."""
    if process.poll() is None:
        _send(process, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(PATIENCE)
    _send(process, signal.SIGKILL)
    process.wait()
    if process.stdout:
        process.stdout.close()


def _send(process: "subprocess.Popen[bytes]", number: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)
