"""Runs a command of a unit: in a group of its own, with the clean environment, line by line."""

import os
import selectors
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from agent.machine.light.exits import SIGNAL_BASE
from agent.machine.light.expressions import regex
from agent.machine.programs.process_groups import end_group
from agent.machine.values import frozen

PATIENCE = 5.0
"""Seconds between TERM and KILL."""
GRACE = 10.0
"""Seconds that an output may stay open when the command has ended: something of it still writes."""
PULSE = 0.2
"""Seconds between two looks whether it is to end."""
LONGEST_LINE = 64 * 1024
"""Bytes after which a line is cut, though it has not ended."""
PASSING = 1.0
"""Seconds between two lines that are shown although a terminal would overwrite them."""
_END = regex(rb"[\r\n]")
_PIECE = 65536
_ALWAYS = {"GIT_TERMINAL_PROMPT": "0"}
"""Nobody is there to answer a question."""


@frozen
class Ended:
    """How a command ended."""

    code: int
    """Its exit code; of one that a signal ended 128 and the signal's number."""
    timed_out: bool = False
    stopped: bool = False
    """The container stops: nothing is known of the work."""
    leaves: bool = False
    """Something of it goes on in the background."""

    @property
    def good(self) -> bool:
        """Return whether it did its work."""
        return self.code == 0 and not self.timed_out and not self.stopped


def make_environ(
    clean: Mapping[str, str], changes: Mapping[str, str | None] | None
) -> dict[str, str]:
    """Return the environment of a command; a change to None takes a variable away."""
    wanted = {**clean, **_ALWAYS, **(changes or {})}
    return {name: value for name, value in wanted.items() if value is not None}


def run(
    argv: Sequence[str],
    environ: Mapping[str, str],
    cwd: Path | None,
    timeout: float | None,
    stopping: threading.Event,
    on_line: Callable[[bytes], None],
    *,
    grace: float = GRACE,
    output: int | None = None,
    behind: bool = False,
    on_passing: Callable[[bytes], None] = lambda _: None,
    on_pulse: Callable[[], None] = lambda: None,
    on_start: Callable[[int], None] = lambda _: None,
) -> Ended:
    """Run a command to its end; `on_line` gets each line of its two outputs.

    A carriage return ends a line as well, which the next one overwrites on a terminal: of those
    `on_passing` gets one a second, and `on_line` the one that stays. `output` is a file that gets
    the first output instead. With `behind` it takes disk and processors last. `on_pulse` is called
    now and then, `on_start` at first with the number of its session. Raises OSError when it
    cannot be started.
    """

    def start() -> "subprocess.Popen[bytes]":
        both = subprocess.PIPE if output is None else output
        other = subprocess.STDOUT if output is None else subprocess.PIPE
        return subprocess.Popen(
            argv, env=dict(environ), cwd=cwd, stdin=subprocess.DEVNULL, stdout=both, stderr=other,
            start_new_session=True, bufsize=0,
        )  # fmt: skip

    if behind:
        from agent.machine.programs import background  # noqa: PLC0415 - 40 ms that few commands need

        process = background.start_behind(start)
    else:
        process = start()
    on_start(process.pid)
    pipe = process.stdout or process.stderr
    assert pipe  # noqa: S101 - one of them is a pipe
    lines = _Lines(pipe.fileno(), on_line, on_passing)
    deadline = time.monotonic() + timeout if timeout else float("inf")
    try:
        while process.poll() is None and not stopping.is_set() and time.monotonic() < deadline:
            lines.read(PULSE)
            on_pulse()
        stopped, timed_out = stopping.is_set(), process.poll() is None
        if timed_out:
            end_group(process, PATIENCE)
        code = process.wait()
        leaves = not lines.drain(0.0 if timed_out else grace, stopping)
        if leaves and not timed_out:
            _keep_open(lines.descriptor)
    finally:
        pipe.close()
        if process.poll() is None:
            end_group(process, PATIENCE)
    code = SIGNAL_BASE - code if code < 0 else code
    return Ended(code, timed_out and not stopped, timed_out and stopped, leaves)


def _keep_open(descriptor: int) -> None:
    """Read on what the command has left in the background writes, which would end it otherwise.

    The reader ends when the last writer does; nobody waits for it.
    """
    null = [(os.POSIX_SPAWN_OPEN, number, os.devnull, os.O_WRONLY, 0) for number in (1, 2)]
    takes = [(os.POSIX_SPAWN_DUP2, descriptor, 0), *null]
    os.posix_spawnp("cat", ("cat",), {}, file_actions=takes, setsid=True)


class _Lines:
    """The lines of an output, as they come."""

    def __init__(
        self,
        descriptor: int,
        on_line: Callable[[bytes], None],
        on_passing: Callable[[bytes], None],
    ) -> None:
        self.descriptor = descriptor
        self._on_line = on_line
        self._on_passing = on_passing
        self._rest = b""
        self._is_cut = False  # what comes until the next end belongs to a line that is too long
        self._standing = b""  # what a terminal would show, and overwrite with the next line
        self._passed = b""  # the last one that was passed on
        self._moment = float("-inf")
        self.closed = False

    def read(self, seconds: float) -> None:
        """Take what comes within this time."""
        with selectors.DefaultSelector() as selector:
            if not self.closed:
                selector.register(self.descriptor, selectors.EVENT_READ)
            if selector.select(seconds):
                self._take(os.read(self.descriptor, _PIECE))
        self._pass_on()

    def _take(self, piece: bytes) -> None:
        self.closed = not piece
        text, begin = self._rest + piece, 0
        for end in _END.finditer(text):
            line, begin = text[begin : end.start()], end.end()
            if self._is_cut:
                self._is_cut = False
            elif end[0] == b"\n":  # alone, it keeps what stands there, as in \r\n
                self._end(line or self._standing)
            elif line:
                self._standing = line
        self._rest = text[begin:]
        is_long = len(self._rest) > LONGEST_LINE
        if self._is_cut:
            self._rest = b""
        elif self.closed or is_long:
            self._end_rest()
            self._is_cut = is_long

    def _end(self, line: bytes) -> None:
        self._standing = self._passed = b""
        self._on_line(line)

    def _end_rest(self) -> None:
        if line := self._rest or self._standing:
            self._end(line)
        self._rest = b""

    def _pass_on(self) -> None:
        now = time.monotonic()
        if self._standing != self._passed and now - self._moment >= PASSING:
            self._moment, self._passed = now, self._standing
            self._on_passing(self._standing)

    def drain(self, seconds: float, stopping: threading.Event) -> bool:
        """Take the rest; return whether the output was closed in this time."""
        deadline = time.monotonic() + seconds
        while not self.closed:
            self.read(min(PULSE, max(0.0, deadline - time.monotonic())))
            if time.monotonic() >= deadline or stopping.is_set():
                break
        self._end_rest()
        return self.closed
