"""Commands of the user: run with a deadline, their words shown, their whole group ended."""

import os
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from agent.machine.errors import Problem
from agent.machine.programs.process_groups import PAUSE, end_group

PATIENCE = 2.0
"""Seconds between TERM and KILL."""
PIPE = 65536
"""Bytes that a pipe holds at most. https://man7.org/linux/man-pages/man7/pipe.7.html"""
TAIL = 4096
"""Bytes that are kept of what a command says."""


def run(
    name: str,
    argv: Sequence[str],
    environment: Mapping[str, str],
    folder: Path,
    seconds: float,
    hide: Callable[[str], str] = str,
) -> Problem | None:
    """Run a command in `folder` for so many seconds; return what went wrong, or None.

    `name` is the variable that the command comes from. It reads nothing, and is a process group of
    its own: at the deadline, or when an exception ends the wait, the whole of it is ended. What a
    command that succeeds leaves running is left alone. `hide` takes the secrets out of its last
    line, which is kept and shown.
    """
    try:
        process = subprocess.Popen(
            argv, env=dict(environment), cwd=folder, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, process_group=0,
        )  # fmt: skip
    except OSError as error:
        cause = error.strerror or str(error)
        return Problem(f"cannot run {name}: {cause}", f"is {argv[0]} there, and {folder}?")
    with process:
        try:
            said = listen(process, time.monotonic() + seconds)
        except TimeoutError:
            return Problem(f"{name} was ended: it took longer than {seconds:g} s")
        finally:
            if process.poll() is None:
                end_group(process, PATIENCE)
            if process.stdout:
                process.stdout.close()
    if process.returncode == 0:
        return None
    lines = [line.strip() for line in said.decode(errors="replace").splitlines()]
    last = next((line for line in reversed(lines) if line), "it printed nothing")
    return Problem(f"{name} failed with {name_code(process.returncode)}: {hide(last)}")


def listen(process: "subprocess.Popen[bytes]", deadline: float) -> bytes:
    """Return the end of what a process says until it ends. Raises TimeoutError.

    It is the process that counts: what it left running may keep the pipe open for ever.
    """
    said = b""
    assert process.stdout  # noqa: S101 - it is a pipe
    pipe = process.stdout.fileno()
    with selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        while True:
            has_ended = process.poll() is not None
            left = 0.0 if has_ended else deadline - time.monotonic()
            if selector.select(max(0.0, min(left, PAUSE))):
                chunk = os.read(pipe, PIPE)
                said = (said + chunk)[-TAIL:]
                if not chunk:
                    selector.unregister(pipe)
            if has_ended:
                return said
            if left <= 0:
                raise TimeoutError


def name_code(code: int) -> str:
    """Return how a process ended, for a person: code 3, signal SIGKILL."""
    with suppress(ValueError):
        return f"signal {signal.Signals(-code).name}" if code < 0 else f"code {code}"
    return f"signal {-code}"
