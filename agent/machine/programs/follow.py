"""Follows a program that tells in JSON lines how it gets on, and ends it when it does not.

Such as restic: https://restic.readthedocs.io/en/stable/075_scripting.html
"""

import contextlib
import json
import os
import selectors
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from agent.machine.light.expressions import regex
from agent.machine.light.proc import read_stat
from agent.machine.programs.process_groups import end, find_family, has_ended
from agent.machine.values import frozen

PATIENCE = 5.0
"""Seconds between TERM and KILL: restic takes its lock away, if its repository answers."""
LOOKS, LOOK_STEP = 5, 0.02
"""How often it is looked whether a run waits for a processor, and seconds before each look: for
moments any program waits for something else."""
LINGER = 1.0
"""Seconds for what a program that has ended wrote last."""
ENDED = -1000
"""The code of a run that was ended because its time was over: no program and no signal has it."""

MOST_WORDS = 80
"""Lines of standard error that are kept."""
STREAMED = ("node", "change")
"""Types of messages that come for each file: the listener gets them, and nothing keeps them."""

SIGNATURE = regex(r"""\b(sig|X-Amz-Signature)=[^&\s"'\\]+""")
"""In a URL that Azure's SAS or S3's presigned access allows; `&` may be written as \\u0026.

https://learn.microsoft.com/en-us/rest/api/storageservices/create-service-sas
https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
"""

Message = Mapping[str, Any]
Listener = Callable[[Message], None]


@frozen
class Limits:
    """Seconds that a run has.

    While it only waits for a processor, `first` and `stall` begin anew: whoever has the processors
    may take nearly all of them from what is done in the background.
    """

    first: float = 45.0
    """Until its first sign of life, for commands that give one: restic itself asks a server that
    refuses a wrong key again and again."""
    stall: float = 180.0
    """Without progress, for commands that tell of it."""
    total: float = 86400.0
    """Whatever it waits for."""
    patience: float = PATIENCE
    """Between TERM and KILL, when the run is ended."""
    hopeless: tuple[str, ...] = ()
    """Words on standard error after which nothing better will come."""


QUICK = Limits(stall=60.0)
"""For what only reads a few small files of the repository."""
LONG = Limits(first=86400.0, stall=86400.0)
"""For what may work for hours and says nothing before its end."""


@frozen
class Finished:
    """What became of one run."""

    code: int
    """restic's exit code; ENDED: it was ended."""
    messages: tuple[Message, ...] = ()
    """What it said at its end or of single files; reports of progress are not among them."""
    output: str = ""
    """Its standard output, where that is not JSON lines."""
    words: str = ""
    """What it said on standard error: the first lines and the last."""
    cause: str = ""
    """Why it was ended."""

    @property
    def errors(self) -> tuple[Message, ...]:
        """Return what it said of single files or parts that went wrong."""
        return tuple(item for item in self.messages if item.get("message_type") == "error")

    def find(self, kind: str) -> Message | None:
        """Return the last message of this type."""
        found = (item for item in reversed(self.messages) if item.get("message_type") == kind)
        return next(found, None)


def follow(
    argv: Sequence[str],
    environment: Mapping[str, str],
    limits: Limits,
    listener: Listener = lambda _: None,
    *,
    inherited: Sequence[int] = (),
    started: Callable[[int], None] = lambda _: None,
) -> Finished:
    """Run a program to its end; `listener` gets each report of progress, and what is STREAMED.

    `inherited`: descriptors that it gets from us. `started` gets its process id.

    Raises FileNotFoundError when there is no such program. A BaseException that comes in between,
    such as KeyboardInterrupt, ends the program first.
    """
    with contextlib.closing(_Run(argv, environment, limits, listener, inherited)) as run:
        started(run.pid)
        return run.follow()


class _Run:
    """One process."""

    def __init__(
        self,
        argv: Sequence[str],
        environment: Mapping[str, str],
        limits: Limits,
        listener: Listener,
        inherited: Sequence[int],
    ) -> None:
        self._listener = listener
        self._limits = limits
        self._json = "--json" in argv
        self._messages: list[Message] = []
        self._output: list[str] = []
        self._words: list[str] = []
        self._alive = False
        self._hopeless = False
        self._last_progress: object = None
        self._cause = ""
        self._began = self._moved = time.monotonic()
        self._process = subprocess.Popen(
            argv, env=dict(environment), stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, pass_fds=inherited,
        )  # fmt: skip
        self.pid = self._process.pid

    def follow(self) -> Finished:
        """Read until it ends, or end it when its time is over."""
        for line, is_error in self._lines():
            self._take(line, is_error)
        if self._process.returncode is None:
            os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOWAIT)
        end(self._process, PATIENCE)
        return Finished(
            ENDED if self._cause else self._process.returncode,
            tuple(self._messages),
            "\n".join(self._output),
            "\n".join(self._words),
            self._cause,
        )

    def close(self) -> None:
        """End it, if it still runs."""
        end(self._process, self._limits.patience)
        for stream in (self._process.stdout, self._process.stderr):
            if stream:
                stream.close()

    def _lines(self) -> Iterator[tuple[str, bool]]:
        with selectors.DefaultSelector() as selector:
            rests: dict[int, bytes] = {}
            for stream in filter(None, (self._process.stdout, self._process.stderr)):
                selector.register(stream, selectors.EVENT_READ)
            while selector.get_map():
                ended = has_ended(self._process)
                ready = selector.select(min(self._find_left(), LINGER))
                if ended and not ready:
                    return  # somebody whom it left behind has its pipes
                for key, _ in ready:
                    content = os.read(key.fd, 1 << 16)
                    *lines, rests[key.fd] = (rests.get(key.fd, b"") + content).split(b"\n")
                    if not content:
                        selector.unregister(key.fileobj)
                        lines.append(rests.pop(key.fd))
                    is_error = key.fileobj is self._process.stderr
                    yield from ((item.decode(errors="replace"), is_error) for item in lines if item)
                if not self._cause and self._find_left() <= 0 and not self._is_starved():
                    self._cause = self._explain_end()
                    end(self._process, self._limits.patience)

    def _take(self, line: str, is_error: bool) -> None:
        if self._cause:
            return  # what it says of its own end would hide the reason
        message = _read_json(line) if self._json else None
        if message is None:
            if is_error:
                self._keep(hide(line))
            else:
                self._output.append(line)
            self._hopeless |= is_error and any(text in line for text in self._limits.hopeless)
            return
        kind = message.get("message_type")
        self._alive = True
        if kind == "status":
            progress = [message.get(name) for name in
                        ("total_files", "files_done", "total_bytes", "bytes_done",
                         "files_restored", "bytes_restored", "files_skipped")]  # fmt: skip
            if progress != self._last_progress:
                self._last_progress, self._moved = progress, time.monotonic()
            self._listener(message)
        elif kind in STREAMED:
            self._moved = time.monotonic()
            self._listener(message)
        else:
            self._moved = time.monotonic()
            self._messages.append(message)
            if kind in ("error", "exit_error"):
                self._keep(find_words(message))

    def _keep(self, line: str) -> None:
        """Keep a line of standard error: a crash says why in its first, everything else at last."""
        self._words.append(line)
        if len(self._words) > MOST_WORDS:
            del self._words[MOST_WORDS // 2]

    def _find_left(self) -> float:
        """Return the seconds until it must have said or done something."""
        if self._cause:
            return PATIENCE
        if self._hopeless:
            return 0.0
        now, limits = time.monotonic(), self._limits
        left = [self._began + limits.total - now, self._moved + limits.stall - now]
        if self._json and not self._alive:
            left.append(self._moved + limits.first - now)
        return max(0.0, min(left))

    def _is_starved(self) -> bool:
        """Tell whether it waits for a processor; its time begins anew then."""
        now = time.monotonic()
        if self._hopeless or now - self._began >= self._limits.total:
            return False
        if not any(self._is_runnable() for _ in range(LOOKS)):
            return False
        self._moved = now
        return True

    def _is_runnable(self) -> bool:
        """Tell whether it does not wait for anything but a processor, a moment from now."""
        time.sleep(LOOK_STEP)
        return has_ended(self._process) or is_runnable(self._process.pid)

    def _explain_end(self) -> str:
        now, limits = time.monotonic(), self._limits
        if self._hopeless:
            return "it was refused"
        if now - self._began >= limits.total:
            return f"it took longer than {limits.total:g} s"
        if not self._alive and self._json and now - self._moved >= limits.first:
            return f"no answer within {limits.first:g} s"
        return f"no progress for {limits.stall:g} s"


def is_runnable(pid: int) -> bool:
    """Tell whether a thread of a process, or of one that it started, has or wants a processor."""
    with contextlib.suppress(OSError):
        found = [pid, *(child.pid for child in find_family(pid))]
        threads = (path for each in found for path in Path(f"/proc/{each}/task").iterdir())
        return any(read_stat(path)[1][0] == "R" for path in threads)
    return False


def _read_json(line: str) -> Message | None:
    try:
        message = json.loads(line)
    except ValueError:
        return None
    return message if isinstance(message, dict) and "message_type" in message else None


def hide(text: str) -> str:
    """Return an error without the signature in a URL, which lets whoever reads it in."""
    return SIGNATURE.sub(r"\1=***", text)


def find_words(message: Message) -> str:
    """Return the text of an error that restic tells."""
    error = message.get("error")
    told = error.get("message", "") if isinstance(error, dict) else message.get("message", "")
    text = hide(str(told))
    item = message.get("item") or ""
    return f"{item}: {text}" if item else text
