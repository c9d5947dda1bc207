"""Children: how they are started, and the one owner of `waitpid`."""

import errno
import fcntl
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence

from agent.init import signals
from agent.init.processes import find_rest
from agent.machine.light import core_dumps, faults
from agent.machine.light.exits import SIGNAL_BASE, Exit

MOST_DESCRIPTORS = 1 << 16
ABOVE_STREAMS = 10
STDIN, STDOUT, STDERR = range(3)

Streams = Sequence[int | None]
"""A child's standard input, output and error, and what it is lent as its descriptors from 3 on:
descriptors above 2, or None for init's own."""


class Child:
    """A process that init started, the leader of its own process group."""

    def __init__(self, pid: int, on_end: Callable[[int], None]) -> None:
        self.pid = pid
        self.on_end = on_end
        """Called once, with its exit code as shells count them."""
        self.on_suspend: Callable[[int], None] | None = None
        """Called with the signal that has stopped it."""
        self.spared = False
        """Whether it outlives the orphans."""

    def send(self, *numbers: int) -> None:
        """Send signals to its process group. Only before `on_end`: then the number is another's."""
        for number in numbers:
            try:
                os.killpg(self.pid, number)
            except (ProcessLookupError, PermissionError):
                pass  # it has just ended, or it has become somebody else by sudo


class Children:
    """The table of living children, and the way to every other process."""

    def __init__(self) -> None:
        self._living: dict[int, Child] = {}

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
    ) -> Child:
        """Start a program (looked up on PATH) and return it once it is executed.

        It keeps the descriptors of `inherit`. With `terminal` its group becomes the foreground
        group of that terminal before the program starts. The signals of `blocked` stay pending
        until it asks for them; it ignores those of `ignored`. `nice` is added to its nice value.
        Without an `environment` or a `core_limit` it gets init's own. Raises OSError when it cannot
        be executed.
        """
        reader, writer = os.pipe()
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        try:
            pid = os.fork()
            if pid == 0:
                _become(
                    argv, streams, inherit, terminal,
                    blocked=blocked, ignored=ignored, nice=nice, environment=environment,
                    core_limit=core_limit, report=writer,
                )  # fmt: skip
            _lead_group(pid)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
            os.close(writer)
            failure = _read_all(reader)
        if failure:
            os.waitpid(pid, 0)
            raise OSError(int(failure), os.strerror(int(failure)))
        return self.adopt(pid, on_end)

    def fork_script(
        self, argv: Sequence[str], streams: Streams, on_end: Callable[[int], None], nice: int = 0
    ) -> Child:
        """Let a copy of this process run a script of ours, instead of Python started anew.

        That saves two thirds of the processor time of a short run. `argv` is the script and its
        words; the rest is as for `spawn`. Raises OSError.
        """
        return self.fork(lambda: _run_script(argv), on_end, streams=streams, nice=nice)

    def fork(
        self,
        work: Callable[[], int | None],
        on_end: Callable[[int], None],
        *,
        keep: Sequence[int] = (),
        streams: Streams = (),
        nice: int = 0,
    ) -> Child:
        """Let a copy of this process do some work, and return it at once.

        It has the standard streams, or those of `streams`, and the descriptors `keep`; the work
        returns its exit code. Raises OSError.
        """
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        try:
            pid = os.fork()
            if pid == 0:
                _do(work, keep, streams, nice)
            _lead_group(pid)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        return self.adopt(pid, on_end)

    def adopt(self, pid: int, on_end: Callable[[int], None]) -> Child:
        """Look after a child of this process, also one that an earlier life of it started."""
        child = self._living[pid] = Child(pid, on_end)
        return child

    def reap(self) -> None:
        """Take the status of every process that has ended; adopted ones are only taken away."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG | os.WUNTRACED)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if os.WIFSTOPPED(status):
                child = self._living.get(pid)
                if child and child.on_suspend:
                    child.on_suspend(os.WSTOPSIG(status))
                continue
            child = self._living.pop(pid, None)
            if child:
                child.on_end(exit_code(status))

    def find_rest(self) -> list[int]:
        """Return the processes that init is to end at last, but for children that are `spared`."""
        return find_rest({pid for pid, child in self._living.items() if child.spared})

    def kill(self, pid: int, number: int) -> None:
        """Send a signal to a process that may be nobody's. Raises OSError."""
        os.kill(pid, number)


def exit_code(status: int) -> int:
    """Return what a shell makes of a wait status."""
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else SIGNAL_BASE - code


def explain_failure(program: str, error: OSError) -> tuple[Exit, str]:
    """Return the exit code and the line for a program that could not be executed."""
    if not _is_there(program):
        return Exit.NOT_FOUND, f"cannot execute {program}: not found"
    missing = error.errno == errno.ENOENT
    cause = "the interpreter that it names is missing" if missing else error.strerror
    return Exit.NOT_EXECUTABLE, f"cannot execute {program}: {cause}"


def _is_there(program: str) -> bool:
    """Tell whether there is such a file; folders of PATH that nobody may enter do not count."""
    if "/" in program:
        return os.path.lexists(program)
    folders = os.get_exec_path() if program else ()
    return any(os.path.lexists(os.path.join(folder, program)) for folder in folders)


def _become(
    argv: Sequence[str],
    streams: Streams,
    inherit: Sequence[int],
    terminal: int | None,
    *,
    blocked: Sequence[int],
    ignored: Sequence[int],
    nice: int,
    environment: Mapping[str, str] | None,
    core_limit: int | None,
    report: int,
) -> None:
    """Turn this fresh child into the program; does not return. A failure's number is reported."""
    report = _move_up(report)
    try:
        _lead_group(0)
        if terminal is not None:
            os.tcsetpgrp(terminal, os.getpid())
        _take(streams)
        for descriptor in inherit:
            os.set_inheritable(descriptor, True)
        signals.restore(blocked, ignored)
        os.nice(nice)
        if core_limit is not None:
            core_dumps.allow(core_limit)
        os.execvpe(argv[0], tuple(argv), os.environ if environment is None else environment)
    except OSError as error:
        os.write(report, str(error.errno).encode())
    except ValueError:  # a NUL in an argument, or an empty program name
        os.write(report, str(errno.ENOENT).encode())
    finally:
        os._exit(Exit.NOT_FOUND)


def _move_up(descriptor: int) -> int:
    """Return a copy above all that a child is lent; it does not outlive the exec."""
    return fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, ABOVE_STREAMS)


def _take(streams: Streams) -> None:
    """Have these descriptors as the first ones of this fresh child."""
    # Out of the way first: one of them may stand where another is to come.
    lent = [each if each is None else _move_up(each) for each in streams]
    for target, source in enumerate(lent):
        if source is not None:
            os.dup2(source, target)


def _do(work: Callable[[], int | None], keep: Sequence[int], streams: Streams, nice: int) -> None:
    """Do some work in this fresh copy of init; does not return."""
    code: int | None = Exit.INTERNAL
    try:
        _lead_group(0)
        _take(streams)
        _open_pythons_streams()
        signals.restore_pythons()
        os.nice(nice)
        first = max(STDERR + 1, len(streams))
        for descriptor in sorted(keep):
            os.closerange(first, descriptor)
            first = descriptor + 1
        os.closerange(first, MOST_DESCRIPTORS)
        code = work()
    except SystemExit as end:
        code = int(end.code or Exit.OK)
    except Exception as error:
        words = f"devcopilot: internal error in a copy of init: {faults.describe(error)}\n"
        os.write(STDERR, words.encode())
    finally:
        os._exit(code or Exit.OK)


def _open_pythons_streams() -> None:
    """Have the standard streams as Python opens them when it starts.

    Those of init are for what stood there at its start: perhaps a file, where a pipe is now, or
    nothing at all.
    """
    sys.stdin = open(STDIN, closefd=False)  # noqa: SIM115 - they stay open
    sys.stdout = open(STDOUT, "w", closefd=False)  # noqa: SIM115
    sys.stderr = open(  # noqa: SIM115
        STDERR, "w", buffering=1, errors="backslashreplace", closefd=False
    )


def _run_script(argv: Sequence[str]) -> None:
    """Run a script as `python SCRIPT…` does."""
    time.tzset()  # /etc/localtime may be another since init started
    path, sys.argv = argv[0], list(argv)
    with open(path, "rb") as file:
        code = compile(file.read(), path, "exec")
    try:
        exec(code, {"__name__": "__main__", "__file__": path})  # noqa: S102 - a file of ours
    finally:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()


def _lead_group(pid: int) -> None:
    """Make a group of a child; parent and child both do it: whoever comes second is too late."""
    try:
        os.setpgid(pid, pid)
    except OSError:
        pass  # it was executed, or has ended, in its own group already


def _read_all(descriptor: int) -> bytes:
    """Read until the child has executed its program, which closes the other end."""
    with open(descriptor, "rb", buffering=0) as file:
        return file.read()
