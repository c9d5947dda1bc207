"""The jobs: when each runs, and how it is ended."""

import math
import os
import signal
import time
from collections.abc import Iterable, Sequence

from agent.init.activation import Calls, listen
from agent.init.children import Child, Children, Streams, explain_failure
from agent.init.listener import Listener
from agent.init.loop import Action, Loop, Timer
from agent.init.states import JobState
from agent.init.stop import Stop, Stoppable
from agent.init.watch import Watch
from agent.machine.light import boot_file, moments, runtime
from agent.machine.light.backoff import Backoff
from agent.machine.light.clock import timestamp
from agent.machine.light.log import Logger

LONGEST_WORD = 200
"""Bytes of what a job leaves for us: see `agent.machine.light.runtime.JOBS`."""
PATIENCE = 2.0
"""Seconds between TERM and KILL for a job that took too long."""


class ScheduledJob:
    """One job: never two runs of it at once."""

    def __init__(
        self, plan: boot_file.Job, keeper: "Jobs", streams: Streams, calls: Calls | None = None
    ) -> None:
        self.plan = plan
        self.state = JobState.IDLE
        self.runs = 0
        self.last_exit: int | None = None
        self.last_started: str | None = None
        self._keeper = keeper
        self._streams = streams
        self._child: Child | None = None
        self._timer: Timer | None = None
        """Ends the present state: it starts the run, asks it to end, or kills it."""
        self._again: tuple[str, ...] | None = None
        """The further words of the run that follows the present one; None: there is none."""
        self._failures = 0
        self._announced = False
        self._done = False
        """Whether the last run has said that it waits for nothing."""
        self._calls = calls
        if calls:
            calls.begin(self.start)

    def start(self, *words: str) -> None:
        """Run now, with these words added; if it is running, once more when that run has ended."""
        keeper = self._keeper
        extra = (*(self._again or ()), *words)
        if self.running:
            self._again = extra
            return
        self._again = None
        for word in ("next", "stop", "done"):
            self._take(word)  # what is there now is about an earlier run
        self._done = False
        self.runs += 1
        self.last_started = timestamp(time.time())
        self._enter(JobState.RUNNING, self.plan.timeout, self._on_limit)
        children, argv = keeper.children, (*self.plan.argv, *extra)
        try:
            start = children.fork_script if self.plan.in_copy else children.spawn
            self._child = start(argv, self._streams, self._on_end, nice=self.plan.nice)
        except OSError as error:
            code, line = explain_failure(self.plan.argv[0], error)
            keeper.log.error(line, job=self.plan.name)
            self._on_end(code)
            return
        keeper.listener.on_job()

    def give_way(self) -> None:
        """Run when the time of the services is over, unless `start` comes first."""
        self._enter(JobState.PLANNED, self.plan.gives_way, self.start)

    @property
    def is_giving_way(self) -> bool:
        """Whether its first run is still to come because of that."""
        return self.plan.gives_way > 0 and self.runs == 0 and self.state is JobState.PLANNED

    def on_change(self, paths: Sequence[str]) -> None:
        """Run if it does so for one of these files, which have changed."""
        watched = {*self.plan.watch, *(() if self._done else self.plan.awaits)}
        if not watched.isdisjoint(paths):
            self.start()

    def stop(self) -> None:
        """Plan no run any more, and answer no call."""
        if self.state is JobState.PLANNED:
            self._enter(JobState.IDLE)
        if self._calls:
            self._calls.stop()

    def send(self, *numbers: int) -> None:
        """Send signals to its process group, if it runs."""
        if self._child:
            self._child.send(*numbers)

    @property
    def running(self) -> bool:
        """Whether a run goes on."""
        return self.state in (JobState.RUNNING, JobState.ENDING)

    @property
    def busy(self) -> bool:
        """Whether a run goes on, or follows at once."""
        return self.running or self._again is not None

    @property
    def next_at(self) -> float | None:
        """When the next run is planned, in seconds since the machine started."""
        return self._timer.when if self._timer and self.state is JobState.PLANNED else None

    def _enter(
        self, state: JobState, seconds: float = math.inf, action: Action | None = None
    ) -> None:
        """Change the state, and take the action if it still lasts after so many seconds."""
        self._keeper.loop.cancel(self._timer)
        self.state = state
        self._timer = self._keeper.loop.after(seconds, action) if action else None

    def _on_limit(self) -> None:
        self._keeper.log.warning(
            "the job took too long, ending it", job=self.plan.name, seconds=self.plan.timeout
        )
        self.send(signal.SIGTERM)
        self._enter(JobState.ENDING, PATIENCE, lambda: self.send(signal.SIGKILL))

    def _on_end(self, code: int) -> None:
        keeper, plan = self._keeper, self.plan
        self._child = None
        before, self.last_exit = self.last_exit, code
        self._failures = self._failures + 1 if code else 0
        self._enter(JobState.IDLE)
        keeper.log.debug("a job ended", job=plan.name, code=code)
        self._done = self._take("done") is not None
        wish = self._take("stop")
        if keeper.stopping:
            keeper.listener.on_job()
            return
        if wish is not None:
            keeper.listener.on_wish_to_stop(os.fsdecode(wish).strip() or f"{plan.name} wishes it")
            return
        if code and code != before and not plan.retry:  # else `_find_pause` tells of it
            keeper.log.warning("a job failed", job=plan.name, code=code)
        self._plan_next()
        if self._calls:
            self._calls.resume(self._failures)
        if code or self._announced:
            keeper.listener.on_job()
        else:
            self._announced = True
            keeper.listener.on_job(plan.announces)

    def _plan_next(self) -> None:
        seconds = self._read_next_run()
        if self._again is not None:
            seconds = 0.0
        elif seconds is None:
            seconds = self._find_pause()
        if seconds is not None:
            self._enter(JobState.PLANNED, seconds, self.start)

    def _find_pause(self) -> float | None:
        """Return the seconds until the next run: after a failure as `retry` has it."""
        retry, log = self.plan.retry, self._keeper.log
        if not retry or not self._failures:
            return self.plan.interval
        if retry.times is not None and self._failures > retry.times:
            log.warning("the job keeps failing, giving up", job=self.plan.name)
            self._failures = 0
            return self.plan.interval
        seconds = Backoff(retry.first, retry.longest).pause(self._failures)
        log.warning("the job failed, trying again", job=self.plan.name, seconds=seconds)
        return seconds

    def _read_next_run(self) -> float | None:
        """Return the seconds until the next run if the job has asked for a time of its own."""
        text = self._take("next")
        if text is None:
            return None
        try:
            seconds = float(text)
        except ValueError:
            seconds = math.nan
        if 0 <= seconds < math.inf:
            return seconds
        self._keeper.log.warning("the job's next run is not a number", job=self.plan.name)
        return None

    def _take(self, word: str) -> bytes | None:
        """Return what the job has left for us under this word, and take it away."""
        path = os.path.join(self._keeper.folder, f"{self.plan.name}.{word}")
        try:
            with open(path, "rb", buffering=0) as file:
                text = file.read(LONGEST_WORD)
            os.unlink(path)
        except OSError:
            return None
        return text


class Jobs(Stoppable):
    """All jobs."""

    def __init__(
        self,
        loop: Loop,
        children: Children,
        log: Logger,
        streams: Streams,
        folder: str,
        listener: Listener,
    ) -> None:
        """`folder` is the runtime folder."""
        self.loop = loop
        self.children = children
        self.log = log
        self.streams = streams
        self.folder = os.path.join(folder, runtime.JOBS)
        os.makedirs(self.folder, 0o700, exist_ok=True)
        self.listener = listener
        self.stopping = False
        self._watch: Watch | None = None
        self.all: dict[str, ScheduledJob] = {}

    def add(self, plan: boot_file.Job) -> None:
        """Add a job; a moment starts it, or a call: it gets the listening sockets from 3 on."""
        calls = self._listen(plan)
        streams = (*self.streams, *calls.descriptors) if calls else self.streams
        self.all[plan.name] = ScheduledJob(plan, self, streams, calls)

    def _listen(self, plan: boot_file.Job) -> Calls | None:
        sockets = []
        for address in plan.sockets:
            try:
                sockets.append(listen(address, os.path.dirname(self.folder)))
            except OSError as error:  # the others are of use without it
                words = f"cannot listen on {address}: {error.strerror}"
                self.log.error(words, job=plan.name)
        return Calls(self.loop, sockets) if sockets else None

    def begin(self, moment: str, *words: str) -> None:
        """Start the jobs of this moment; the words are added to their argv."""
        if self.stopping and moment != moments.STOP:
            return
        if moment == moments.BOOT:
            self._watch_files()
        for job in self.find(moment):
            if moment == moments.BOOT and job.plan.gives_way:
                job.give_way()
            else:
                job.start(*words)

    def find(self, moment: str) -> list[ScheduledJob]:
        """Return the jobs that this moment starts; who gives way does so until READY."""
        is_ready = moment == moments.READY
        return [
            job for job in self.all.values()
            if moment in job.plan.at or (is_ready and job.is_giving_way)
        ]  # fmt: skip

    def stop(self) -> None:  # noqa: D102
        self.stopping = True
        if self._watch:
            self._watch.stop()
        for job in self.all.values():
            job.stop()
        self._send(signal.SIGTERM, signal.SIGCONT)

    def kill(self) -> None:  # noqa: D102
        self._send(signal.SIGKILL)

    def ended(self) -> bool:  # noqa: D102
        return not any(job.running for job in self.all.values())

    def name_remaining(self) -> Iterable[str]:  # noqa: D102
        return [f"job {name}" for name, job in self.all.items() if job.running]

    def _watch_files(self) -> None:
        plans = [job.plan for job in self.all.values()]
        paths = sorted({path for plan in plans for path in (*plan.watch, *plan.awaits)})
        if paths:
            self._watch = Watch(self.loop, self.children, paths, self._on_change)

    def _on_change(self, paths: Sequence[str]) -> None:
        for job in self.all.values() if not self.stopping else ():
            job.on_change(paths)

    def _send(self, *numbers: int) -> None:
        for job in self.all.values():
            job.send(*numbers)


class FinalJobs(Stoppable):
    """The jobs of the stop, which run in a stage of their own, one after another."""

    def __init__(self, jobs: Jobs, stop: Stop) -> None:
        self._jobs = jobs
        self._stop = stop
        self._waiting: list[ScheduledJob] = []
        self._too_late = False

    def stop(self) -> None:
        """Start the first: each has the time that is left until the deadline, and knows it."""
        self._waiting = [] if self._too_late else self._jobs.find(moments.STOP)
        self._go_on()

    def ended(self) -> bool:
        """Tell whether all are over; when one is, start the next."""
        self._go_on()
        return self._jobs.ended()

    def kill(self) -> None:
        """End them, and start none any more."""
        self._waiting = []
        self._too_late = True
        self._jobs.kill()

    def name_remaining(self) -> Iterable[str]:  # noqa: D102
        return self._jobs.name_remaining()

    def _go_on(self) -> None:
        while self._waiting and self._jobs.ended():
            self._waiting.pop(0).start(f"{self._stop.left:.1f}")
