"""The kernel below init, for tests: a clock that init drives itself, and processes that are none.

`FakeChildren` refuses what the kernel refuses; tests/unit/test_init_children.py puts the same
requests to the real one. Time passes only where init waits, and takes none.
"""

import errno
import json
import os
import select
import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agent.init import turn
from agent.init.children import Child, Children, Streams, exit_code
from agent.init.loop import BootClock, Loop
from agent.machine.light.log import Logger

ABOVE_ALL_PIDS = 1 << 22
"""No process of the machine has such a number: include/linux/threads.h, PID_MAX_LIMIT."""
START = 1000.0
"""The moment at which a test begins: seconds since the machine started."""
DEADLY = (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM)


class DrivenBootClock(BootClock):
    """Goes on only where init waits, and then at once."""

    def __init__(self) -> None:
        self.moment = START
        self.waits = 0

    def now(self) -> float:
        return self.moment

    def find_age(self) -> float:
        return self.moment - START

    def wait(self, poll: select.poll, seconds: float | None) -> list[tuple[int, int]]:
        """Return what is readable, or else let the time pass."""
        self.waits += 1
        if found := poll.poll(0):
            return found
        assert seconds is not None, "init would wait for ever"
        self.moment += seconds
        return []

    def sleep(self, seconds: float) -> None:
        """Let the machine sleep."""
        self.moment += seconds


@dataclass
class Program:
    """What a program does once it is executed."""

    code: int = 0
    lasts: float | None = 0.0
    """Seconds until it ends with `code`; None: it goes on until it is ended."""
    lingers: float | None = 0.0
    """Seconds that it takes to end when it is asked to; None: it ignores that."""
    answer: int | None = None
    """What it ends with when it is asked to; None: the signal ends it."""
    mortal: bool = True
    """False: it hangs in the kernel, where not even KILL reaches it."""
    ours: bool = True
    """False: another user's, whom init may not send anything."""
    executable: bool = True


DAEMON = Program(lasts=None)
STUBBORN = Program(lasts=None, lingers=None)
LOG_CHILD = Program(lasts=None, answer=0)


class FakeProcess(Child):
    """A process that only the test and init believe in."""

    def __init__(
        self, kernel: "FakeChildren", program: Program, argv: Sequence[str],
        on_end: Callable[[int], None],
    ) -> None:  # fmt: skip
        super().__init__(kernel.take_pid(), on_end)
        self.program = program
        self.argv = tuple(argv)
        self.nice = 0
        self.core_limit: int | None = None
        self.streams: Streams = ()
        self.environment: Mapping[str, str] | None = None
        self.blocked: Sequence[int] = ()
        self.ignored: Sequence[int] = ()
        self.work: Callable[[], int | None] | None = None
        self.began = kernel.loop.now()
        self.got: list[int] = []
        self.gone = False
        self.stopped = False
        self._kernel = kernel
        if program.lasts is not None:
            self._end_after(program.lasts, program.code << 8)

    def send(self, *numbers: int) -> None:
        """Take signals. To send them to one whose end init was told is a fault: see `Child`."""
        assert not self.gone, f"{self.argv} has ended; the number may be another's"
        for number in numbers:
            self.take(number)

    def take(self, number: int) -> None:
        self.got.append(signal.Signals(number))
        if number == signal.SIGKILL and self.program.mortal:
            self._end_after(0.0, number)
        elif number in (signal.SIGSTOP, signal.SIGTSTP):
            self.stopped = True
            self._kernel.loop.after(0.0, lambda: self.on_suspend and self.on_suspend(number))
        elif number == signal.SIGCONT:
            self.stopped = False
            for missed in [one for one in self.got if one in DEADLY]:
                self._obey(missed)
        elif not self.stopped:
            self._obey(number)

    def end(self, code: int = 0) -> None:
        """Let it end now, by itself."""
        self._end(code << 8)

    def _obey(self, number: int) -> None:
        if number in DEADLY and self.program.lingers is not None and self.program.mortal:
            answer = self.program.answer
            self._end_after(self.program.lingers, number if answer is None else answer << 8)

    def _end_after(self, seconds: float, status: int) -> None:
        self._kernel.loop.after(seconds, lambda: self._end(status))

    def _end(self, status: int) -> None:
        if not self.gone:
            self.gone = True
            self.on_end(exit_code(status))


COPY = "copy of init"
"""By this word tests find copies, and say how they behave; else they live until they are ended."""


class FakeChildren(Children):
    """A process factory and a table of processes, all of them the test's."""

    def __init__(self, loop: Loop, programs: Mapping[str, Program]) -> None:
        """`programs`: what can be executed, by a word of its argv."""
        super().__init__()
        self.loop = loop
        self.programs = dict(programs)
        self.started: list[FakeProcess] = []
        self.orphans: list[FakeProcess] = []
        self.full = False
        """Whether no process can be made any more: fork(2), EAGAIN."""
        self._last = ABOVE_ALL_PIDS

    def take_pid(self) -> int:
        self._last += 1
        return self._last

    def find(self, word: str) -> list[FakeProcess]:
        """Return all that were ever started with this word in their argv."""
        return [process for process in self.started if word in process.argv]

    def add_orphan(self, program: Program) -> FakeProcess:
        """Let there be a process that init did not start."""
        process = FakeProcess(self, program, ("orphan",), lambda _: None)
        self.orphans.append(process)
        return process

    def spawn(
        self,
        argv: Sequence[str],
        streams: Streams,
        on_end: Callable[[int], None],
        *,
        inherit: Sequence[int] = (),
        terminal: int | None = None,
        blocked: Sequence[int] = (),
        ignored: Sequence[int] = (),
        nice: int = 0,
        environment: Mapping[str, str] | None = None,
        core_limit: int | None = None,
    ) -> FakeProcess:
        self._fork()
        if terminal is not None:
            os.tcgetpgrp(terminal)  # raises OSError
        for descriptor in (*streams, *inherit):
            if descriptor is not None:
                os.fstat(descriptor)  # raises OSError
        process = FakeProcess(self, self._execute(argv), argv, on_end)
        process.streams, process.nice, process.environment = streams, nice, environment
        process.blocked, process.ignored = blocked, ignored
        process.core_limit = core_limit
        self.started.append(process)
        return process

    def fork(
        self,
        work: Callable[[], int | None],
        on_end: Callable[[int], None],
        *,
        keep: Sequence[int] = (),
        streams: Streams = (),
        nice: int = 0,
    ) -> FakeProcess:
        self._fork()
        for descriptor in (*streams, *keep):
            if descriptor is not None:
                os.fstat(descriptor)  # raises OSError
        program = self.programs.get(COPY, DAEMON)
        process = FakeProcess(self, program, (COPY, *map(str, keep)), on_end)
        process.work, process.streams, process.nice = work, streams, nice
        self.started.append(process)
        return process

    def adopt(self, pid: int, on_end: Callable[[int], None]) -> FakeProcess:
        (process,) = [one for one in self.started if one.pid == pid]
        process.on_end = on_end
        return process

    def reap(self) -> None:
        """Do nothing: here a process tells of its end by itself."""

    def find_rest(self) -> list[int]:
        living = [one for one in (*self.started, *self.orphans) if not one.gone]
        return [one.pid for one in living if not one.spared]

    def kill(self, pid: int, number: int) -> None:
        for process in (*self.started, *self.orphans):
            if process.pid == pid and not process.gone:
                if not process.program.ours:
                    raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))
                process.take(number)
                return
        raise ProcessLookupError(errno.ESRCH, os.strerror(errno.ESRCH))

    def _fork(self) -> None:
        if self.full:
            raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))

    def _execute(self, argv: Sequence[str]) -> Program:
        found = [self.programs[word] for word in argv if word in self.programs]
        if not found or not argv[0] or any("\0" in word for word in argv):
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        if not found[0].executable:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return found[0]


def read_events(descriptor: int) -> list[dict[str, Any]]:
    """Return the events that wait in a pipe that does not block."""
    try:
        return [json.loads(line) for line in os.read(descriptor, 1 << 16).splitlines()]
    except BlockingIOError:
        return []


def begin_log(process: FakeProcess) -> None:
    """Let the log child have begun to read the streams."""
    assert turn.take(int(process.argv[process.argv.index("--turn") + 1]))


class World:
    """A machine for init: the clock, the loop on it, processes, and what init has said."""

    def __init__(self, programs: Mapping[str, Program]) -> None:
        self.clock = DrivenBootClock()
        self.loop = Loop(self.clock)
        self.children = FakeChildren(self.loop, programs)
        self._heard, self._ear = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self.log = Logger("init", "debug", self._ear)
        self._said: list[dict[str, Any]] = []

    def go(self, seconds: float) -> None:
        """Let time pass."""
        over: list[bool] = []
        self.loop.after(seconds, lambda: over.append(True))
        while not over:
            self.loop.turn()

    def go_until(self, condition: Callable[[], object], most: float = 1e6) -> float:
        """Let time pass until something is so; return the seconds. It must be within `most`."""
        began = self.clock.now()
        while not condition():
            assert self.clock.now() - began <= most, f"not within {most} s"
            self.loop.turn()
        return self.clock.now() - began

    def said(self) -> list[str]:
        """Return the messages of init so far, debug left out."""
        return [event["message"] for event in self.events() if event["level"] != "debug"]

    def events(self) -> list[dict[str, Any]]:
        self._said += read_events(self._heard)
        return self._said

    def close(self) -> None:
        os.close(self._heard)
        os.close(self._ear)
