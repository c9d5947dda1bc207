"""The jobs: when each runs, and how it is ended."""

import math
import os
import signal
import time
from collections.abc import Callable

from agent.init import boot
from agent.init.children import Child, Children, Streams, explain_failure
from agent.init.loop import Loop, Timer
from agent.init.stop import Part
from agent.log import Logger, timestamp

FOLDER = "jobs"
"""In the runtime folder: a job that wants its next run at another time than its interval says
writes the seconds as text to NAME.next; it holds for one run."""
LOOK = 5.0
"""Seconds between two looks at the watched files."""
PATIENCE = 2.0
"""Seconds between TERM and KILL for a job that took too long."""

Stamp = tuple[int, int, int, int]


class Job:
    """One job: never two runs of it at once."""

    def __init__(self, plan: boot.Job, keeper: "Jobs") -> None:
        self.plan = plan
        self.runs = 0
        self.last_exit: int | None = None
        self.last_started: str | None = None
        self.on_end: Callable[[int], None] | None = None
        self._keeper = keeper
        self._child: Child | None = None
        self._again = False
        self._next: Timer | None = None
        self._limit: Timer | None = None
        self._stamps = [take_stamp(path) for path in plan.watch]

    def start(self) -> None:
        """Run now; if it is running, once more when that run has ended."""
        keeper = self._keeper
        if self._child:
            self._again = True
            return
        keeper.loop.cancel(self._next)
        self._next = None
        self._again = False
        self._take_wish()  # one that is there now is about an earlier run
        self.runs += 1
        self.last_started = timestamp(time.time())
        try:
            self._child = keeper.children.spawn(self.plan.argv, keeper.streams, self._on_end)
        except OSError as error:
            code, words = explain_failure(self.plan.argv[0], error)
            keeper.log.error(words, job=self.plan.name)
            self._on_end(code)
            return
        self._limit = keeper.loop.after(self.plan.timeout, self._on_limit)
        keeper.changed()

    def look(self) -> None:
        """Start when a watched file is another than it was at the last look."""
        stamps = [take_stamp(path) for path in self.plan.watch]
        if stamps != self._stamps:
            self._stamps = stamps
            self.start()

    def send(self, *numbers: int) -> None:
        """Send signals to its process group, if it runs."""
        if self._child:
            self._child.send(*numbers)

    @property
    def running(self) -> bool:
        """Whether a run goes on."""
        return self._child is not None

    @property
    def next_in(self) -> float | None:
        """Seconds until the next run that is planned."""
        return max(0.0, self._next.when - time.monotonic()) if self._next else None

    def _on_limit(self) -> None:
        self._keeper.log.warning(
            "a job took too long and is ended", job=self.plan.name, seconds=self.plan.timeout
        )
        self.send(signal.SIGTERM)
        self._limit = self._keeper.loop.after(PATIENCE, lambda: self.send(signal.SIGKILL))

    def _on_end(self, code: int) -> None:
        keeper = self._keeper
        keeper.loop.cancel(self._limit)
        self._child = None
        self.last_exit = code
        keeper.log.debug("a job ended", job=self.plan.name, code=code)
        if not keeper.stopping:
            self._plan_next()
        if self.on_end:
            self.on_end(code)
        keeper.changed()

    def _plan_next(self) -> None:
        seconds = self._read_wish()
        if self._again:
            seconds = 0.0
        elif seconds is None:
            seconds = self.plan.interval
        if seconds is not None:
            self._next = self._keeper.loop.after(seconds, self.start)

    def _read_wish(self) -> float | None:
        text = self._take_wish()
        if text is None:
            return None
        try:
            seconds = float(text)
        except ValueError:
            seconds = math.nan
        if 0 <= seconds < math.inf:
            return seconds
        self._keeper.log.warning("a job's wish for its next run is no number", job=self.plan.name)
        return None

    def _take_wish(self) -> bytes | None:
        path = os.path.join(self._keeper.folder, f"{self.plan.name}.next")
        try:
            with open(path, "rb", buffering=0) as file:
                text = file.read(64)
            os.unlink(path)
        except OSError:
            return None
        return text


class Jobs(Part):
    """All jobs."""

    def __init__(
        self,
        loop: Loop,
        children: Children,
        log: Logger,
        streams: Streams,
        folder: str,
        changed: Callable[[], None],
    ) -> None:
        """`folder` is that of the wishes; `changed` is called when a job starts or ends."""
        self.loop = loop
        self.children = children
        self.log = log
        self.streams = streams
        self.folder = folder
        self.changed = changed
        self.stopping = False
        self.all: dict[str, Job] = {}

    def add(self, plan: boot.Job) -> Job:
        """Add a job; `start` runs it."""
        job = self.all[plan.name] = Job(plan, self)
        return job

    def start(self) -> None:
        """Run every job for the first time, and begin to watch."""
        for job in list(self.all.values()):
            job.start()
        self._look_later()

    def run(self, name: str) -> None:
        """Run a job now, if there is one of this name."""
        if name in self.all and not self.stopping:
            self.all[name].start()

    def stop(self) -> None:  # noqa: D102
        self.stopping = True
        self._send(signal.SIGTERM, signal.SIGCONT)

    def kill(self) -> None:  # noqa: D102
        self._send(signal.SIGKILL)

    def ended(self) -> bool:  # noqa: D102
        return not any(job.running for job in self.all.values())

    def _send(self, *numbers: int) -> None:
        for job in self.all.values():
            job.send(*numbers)

    def _look_later(self) -> None:
        if any(job.plan.watch for job in self.all.values()):
            self.loop.after(LOOK, self._look)

    def _look(self) -> None:
        if self.stopping:
            return
        for job in self.all.values():
            job.look()
        self._look_later()


def take_stamp(path: str) -> Stamp | None:
    """Return what tells one content of a file from the next, links followed; None: no file."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_mtime_ns, found.st_size
