"""The first life: runs `configure` with the container's environment, then executes the second.

A copy of this process becomes `configure`: a start of Python less, and half of what it imports is
there. Beside it supervisord is loaded already; see `early`.
"""

import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence

from agent.init import announcement, early, signals
from agent.init.children import STDERR, Child, Children
from agent.init.early import Early
from agent.init.loop import BootClock, Loop
from agent.init.terminal import choose_level, open_missing_streams
from agent.machine.light import core_dumps, proc, runtime, termination
from agent.machine.light.exits import SIGNAL_BASE, Exit

CONFIGURE = ("configure", "--boot")
TIME_LIMIT = 120.0
"""Seconds that `configure` gets. It gives up wherever it can; a read from a dead network file
system cannot be interrupted, only killed."""
LOOKS, LOOK = 5, 0.5
"""After that it is ended when so many looks, so many seconds apart, find that it only waits. On a
machine where twenty workspaces start at once it may have had no processor until then."""
PROCESSOR_LIMIT = 120.0
"""Seconds of a processor after which it is taken for one that never ends; it needs one at most."""
LONGEST = 1800.0
"""Seconds after which it is ended in any case."""
PATIENCE = 1.0
"""Seconds that `configure` gets to end when the container is to stop."""


class Configure:
    """One run of `configure`."""

    def __init__(
        self,
        argv: Sequence[str],
        call: Callable[[list[str]], None],
        *,
        loop: Loop,
        children: Children,
        arrivals: int,
    ) -> None:
        """`argv` is that of CMD, which comes later; empty: there is none.

        `call` runs a verb and ends the process; `arrivals` yields the signals, see
        `signals.listen`.
        """
        self._argv = argv
        self._call = call
        self._loop = loop
        self._children = children
        self._arrivals = arrivals
        self._child: Child | None = None
        self._code = 0
        self._stopped_by: int | None = None
        self._late = False
        self._idle_looks = 0
        self._began = loop.now()
        self.early: Early | None = None
        """supervisord, as long as it waits."""
        loop.watch(arrivals, self._on_arrivals)

    def start(self) -> None:
        """Start it, and supervisord. Raises OSError when there can be no process."""
        null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
        words = [*CONFIGURE, "--log-level", choose_level(self._argv)]  # the terminal is ours here
        # Its words go to standard error: standard output may be CMD's.
        self._child = self._children.fork(
            lambda: self._call(words), self._on_end, streams=(null, STDERR, None)
        )
        self._loop.after(TIME_LIMIT, self._look)
        try:
            self.early = early.start(self._children, null, self._on_early_end)
        except OSError:
            pass  # then it is started later
        os.close(null)

    def wait(self) -> None:
        """Work until it has ended."""
        while self._child:
            self._loop.turn()

    def conclude(self) -> int | None:
        """Return None when the workspace is configured, else what the container ends with.

        By now the signals are blocked; what came before that, and is not pending, counts.
        """
        self._on_arrivals()
        if self._stopped_by is not None:
            return SIGNAL_BASE + self._stopped_by if self._argv else Exit.OK
        if self._late:
            return Exit.FAILED
        return None if self._code == Exit.OK else self._code

    def _on_arrivals(self) -> None:
        for number in signals.read(self._arrivals):
            if number in signals.STOPPING and self._stopped_by is None:
                self._stopped_by = number
                if self._child:
                    self._child.send(number, signal.SIGCONT)
                    self._loop.after(PATIENCE, self._kill)
        self._children.reap()

    def _look(self) -> None:
        """End it for a good reason, or look again: it may only wait for a processor."""
        if not self._child:
            return
        reason = self._find_reason(self._child)
        if not reason:
            self._loop.after(LOOK, self._look)
            return
        termination.complain(f"configure {reason}")
        self._late = True
        self._kill()
        self._child = None  # which may not even die

    def _find_reason(self, child: Child) -> str:
        """Return why it is to be ended, if it is."""
        family = proc.find_family(child.pid)
        self._idle_looks = 0 if proc.want_processor(family) else self._idle_looks + 1
        if self._idle_looks >= LOOKS:
            return f"took longer than {TIME_LIMIT:g} s; does a network file system not answer?"
        if proc.sum_processor_time(family) >= PROCESSOR_LIMIT:
            return f"used a processor for {PROCESSOR_LIMIT:g} s and did not finish"
        if self._loop.now() - self._began >= LONGEST:
            return f"took longer than {LONGEST:g} s"
        return ""

    def _kill(self) -> None:
        if self._child:
            self._child.send(signal.SIGKILL)

    def _on_end(self, code: int) -> None:
        self._child = None
        self._code = code

    def _on_early_end(self, code: int) -> None:  # noqa: ARG002 - the second life starts it anew
        self.early = None


def run(argv: Sequence[str], call: Callable[[list[str]], None]) -> int:
    """Configure and execute the second life; return only with the exit code of a failure."""
    open_missing_streams()
    core_limit = core_dumps.forbid()  # `configure` has every secret
    folder = runtime.locate(os.environ, os.getuid())
    os.environ[runtime.VARIABLE] = folder
    notify = os.environ.pop(announcement.VARIABLE, "")  # no child is to speak for the container
    configure = Configure(
        argv, call, loop=Loop(BootClock()), children=Children(), arrivals=signals.listen()
    )
    try:
        configure.start()
        from agent.machine.light.boot_file import read_boot  # noqa: PLC0415 - meanwhile: `configure` is at work

        configure.wait()
        signals.block()
        code = configure.conclude()
        if code is not None:
            return code
        boot = read_boot(folder)
        early_one = configure.early
        if early_one and boot.supervisord and not early_one.begin(boot, folder):
            configure.early = None
        execute(folder, argv, boot.environment, configure.early, notify, core_limit)
    except (OSError, ValueError, TypeError) as error:
        if configure.early:
            configure.early.dismiss()
        termination.complain(f"cannot re-execute init: {error}")
    return Exit.INTERNAL


def execute(
    folder: str,
    argv: Sequence[str],
    environment: Mapping[str, str],
    waiting: Early | None,
    notify: str,
    core_limit: int,
) -> None:
    """Execute the second life, which takes over a supervisord that waits. Raises OSError."""
    words = [sys.executable, "-I", "-m", "agent.init", "--booted", folder]
    words += ["--cores", str(core_limit)]
    if waiting:
        words += ["--early", waiting.describe()]
    if notify:
        words += ["--notify", notify]
    os.execve(sys.executable, [*words, "--", *argv], dict(environment))
