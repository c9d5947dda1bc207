"""Runs checks, each in a process of its own, so that none can spoil, block or end another.

The processes are forks: they have loaded already what the command has. Each leads a session, so it
has no terminal to ask for a password, and all that it has started ends with it.
"""

import json
import os
import selectors
import signal
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from types import FrameType
from typing import Any

from agent.machine.deadline import deadline
from agent.machine.errors import AgentError
from agent.machine.light import faults
from agent.machine.values import frozen
from agent.settings.check import Check, Finding, Result
from agent.settings.context import Context

MOST = 4
"""Checks at a time."""
PATIENCE = 4.0
"""Seconds for a check to clean up once its time is over: what it has written somewhere it removes.
"""
LAST = 1.0
"""Seconds for a process to end once it is killed: one that waits for a dead server does not."""
LONGEST = 1024 * 1024
"""Bytes that a check may say."""
PULSE = 0.1
"""Seconds between two reports of what is at work: whoever draws it has no thread, see `run`."""
REPORT = "please report it with what `devcopilot support-bundle` collects"

Tell = Callable[[int, Sequence[str]], None]
"""Hears how many checks are done, and the names of those at work."""


@frozen
class Done:
    """One check with what it has found."""

    check: Check
    findings: tuple[Finding, ...]
    seconds: float


@dataclass
class _Child:
    check: Check
    pid: int
    pipe: int
    limit: float
    began: float
    end: float
    said: bytes = b""
    killed: bool = False
    extra: list[Finding] = field(default_factory=list)


def run(
    checks: Sequence[Check], current: Context, limit: float | None = None, tell: Tell | None = None
) -> Iterator[Done]:
    """Yield each check as it ends. `limit`: seconds for each, in place of its own.

    A process with threads must not be forked: the copy may wait for a lock that nobody releases.
    """
    waiting, running = list(checks), dict[int, _Child]()
    done = 0
    with selectors.DefaultSelector() as selector:
        try:
            while waiting or running:
                while waiting and len(running) < MOST:
                    child = _start(waiting.pop(0), current, limit)
                    running[child.pipe] = child
                    selector.register(child.pipe, selectors.EVENT_READ)
                if tell:
                    tell(done, [child.check.name for child in running.values()])
                for child in _wait(selector, running, PULSE if tell else float("inf")):
                    selector.unregister(child.pipe)
                    del running[child.pipe]
                    done += 1
                    yield _finish(child)
        finally:
            _break_off(running.values())


def look(check: Check, current: Context, seconds: float) -> Iterator[Finding]:
    """Yield what a check finds, and at the end why it could not go on. Raises nothing."""
    try:
        with deadline(seconds):
            yield from check.look(current)
    except AgentError as error:
        first = error.problems[0]
        yield Finding(Result.UNKNOWN, f"cannot check it: {first.message}", first.hint)
    except OSError as error:
        where = f"{os.fsdecode(error.filename)}: " if error.filename else ""
        yield _give_up(f"{where}{error.strerror or type(error).__name__}")
    except Exception as error:
        yield _give_up(f"internal error: {faults.describe(error)}", REPORT)


def _give_up(cause: str, fix: str = "") -> Finding:
    return Finding(Result.UNKNOWN, f"cannot check it: {cause}", fix)


def _start(check: Check, current: Context, limit: float | None) -> _Child:
    seconds = check.timeout if limit is None else limit
    ours, theirs = os.pipe()
    pid = os.fork()
    if pid == 0:
        _be_child(check, current, seconds, theirs)
    os.close(theirs)
    now = time.monotonic()
    return _Child(check, pid, ours, seconds, now, now + seconds + PATIENCE)


def _be_child(check: Check, current: Context, seconds: float, pipe: int) -> None:
    """Look, say what was found, and end. Never returns, whatever happens."""
    code = 1
    try:
        os.setsid()
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        signal.signal(signal.SIGTERM, _leave)
        null = os.open(os.devnull, os.O_RDWR)
        for standard in (0, 1, 2):
            os.dup2(null, standard)
        with os.fdopen(pipe, "wb") as out:
            for finding in look(check, current, seconds):
                out.write(json.dumps(asdict(finding), default=str).encode() + b"\n")
                out.flush()
        code = 0
    finally:
        os._exit(code)


def _wait(
    selector: selectors.BaseSelector, running: dict[int, _Child], seconds: float
) -> list[_Child]:
    """Wait until one has said something or is overdue; return those that are over.

    At most these seconds.
    """
    left = min(child.end for child in running.values()) - time.monotonic()
    over = []
    for key, _ in selector.select(max(0.0, min(left, seconds))):
        child = running[key.fd]
        piece = os.read(child.pipe, 65536)
        child.said += piece
        if not piece:
            over.append(child)
        elif len(child.said) > LONGEST and not child.killed:
            child.extra.append(_give_up(f"it printed more than {LONGEST // 1024} KiB", REPORT))
            _kill(child)
    for child in running.values():
        if child not in over and time.monotonic() >= child.end:
            if child.killed:
                over.append(child)
            else:
                child.extra.append(_give_up(f"it took longer than {child.limit:g} s"))
                _kill(child)
    return over


def _leave(_number: int, _frame: FrameType | None) -> None:
    """End in order: what a check has written somewhere it removes."""
    raise SystemExit


def _break_off(children: Iterable[_Child]) -> None:
    """End checks that nobody waits for any more, once they have cleaned up."""
    left = [child for child in children if not child.killed]
    for child in left:
        with suppress(OSError):
            os.kill(child.pid, signal.SIGTERM)
    end = time.monotonic() + PATIENCE
    for child in left:
        with selectors.DefaultSelector() as selector:
            selector.register(child.pipe, selectors.EVENT_READ)
            while selector.select(max(0.0, end - time.monotonic())):
                if not os.read(child.pipe, 65536):
                    break
    for child in children:
        _kill(child)


def _kill(child: _Child) -> None:
    """End a check with all that it has started."""
    child.killed, child.end = True, time.monotonic() + LAST
    with suppress(OSError):
        os.killpg(child.pid, signal.SIGKILL)


def _finish(child: _Child) -> Done:
    """Return what a check has found; whatever it has left running ends."""
    seconds = time.monotonic() - child.began
    os.close(child.pipe)
    findings = [*_read(child.said), *child.extra]
    if child.killed:
        os.waitpid(child.pid, os.WNOHANG)  # it may wait for a dead server, for ever
    else:
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # it keeps its number
        _kill(child)
        _, status = os.waitpid(child.pid, 0)
        if os.WIFSIGNALED(status):
            findings.append(_give_up(f"signal {os.WTERMSIG(status)} ended it", REPORT))
    if not findings:
        findings = [Finding(Result.SKIPPED, "there is nothing to check")]
    return Done(child.check, tuple(findings), seconds)


def _read(said: bytes) -> Iterator[Finding]:
    """Yield the findings that came in full."""
    for line in said.split(b"\n")[:-1]:
        row: dict[str, Any] = json.loads(line)
        yield Finding(**{**row, "result": Result(row["result"])})
