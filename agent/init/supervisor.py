"""The second life of `devcopilot run`: the log, supervisord, jobs and CMD, until the end."""

import contextlib
import os
import signal
from collections.abc import Sequence

from agent.init import early, signals
from agent.init.announcement import Announcement
from agent.init.children import Children, explain_failure
from agent.init.core import Init
from agent.init.early import Early
from agent.init.jobs import FinalJobs, Jobs
from agent.init.listener import Listener
from agent.init.logs import Logs
from agent.init.loop import BootClock, Loop
from agent.init.oom_kills import Memory
from agent.init.orphans import Orphans, adopt_orphans
from agent.init.readiness import Readiness
from agent.init.services import Services
from agent.init.state import State
from agent.init.states import ServiceState, SupervisordState
from agent.init.terminal import choose_level, open_missing_streams
from agent.machine.light import moments, runtime, termination
from agent.machine.light.boot_file import Boot, read_boot
from agent.machine.light.cgroup import Cgroup
from agent.machine.light.exits import Exit

QUICK_ENDS = 3
"""Of a service that is not essential, in a row: then it is worth a warning."""
STDOUT, STDERR = 1, 2


class Supervisor(Listener):
    """All that runs beside and under the core: it hears what happens, and decides what follows."""

    def __init__(
        self,
        folder: str,
        boot: Boot,
        argv: Sequence[str],
        waiting: Early | None,
        notify: str | None = None,
        core_limit: int | None = None,
        *,
        loop: Loop,
        children: Children,
        arrivals: int,
    ) -> None:
        """Make the pipes and the parts. Raises OSError when the runtime folder is no use.

        `waiting` is a supervisord that waits for the word to go, `notify` the address of a manager
        outside, `core_limit` what CMD had without us; `arrivals` yields the signals.
        """
        self._folder = folder
        self._boot = boot
        self._argv = argv
        self._waiting = waiting
        null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
        self._logs = Logs(loop, children, null)
        level = boot.log_level or choose_level(argv)
        output = STDERR if argv else STDOUT
        self._log = log = self._logs.open(
            folder, boot, output, level, waiting.output if waiting else None
        )
        self._jobs = Jobs(
            loop, children, log, (null, self._logs.agent, self._logs.agent), folder, self
        )
        self._supervisord_streams = (null, self._logs.supervisord, self._logs.supervisord)
        self._services = Services(loop, children, self)
        self._memory = Memory(log, Cgroup())
        self._state = State(folder, bool(argv), loop.clock)
        self._announcement = Announcement(folder, notify)
        self._readiness = Readiness(loop, log, boot.ready_address, boot.essential)
        self._fatal: str | None = None
        """The essential service that is given up."""
        self._quick_ends: dict[str, int] = {}
        self._init = Init(loop, children, log, arrivals, boot.stop_timeout, listener=self)
        self._init.command.core_limit = core_limit
        self._init.stop.order = (
            (self._jobs, self._services, self._init.command),
            (FinalJobs(self._jobs, self._init.stop),),
            (Orphans(loop, children),),
            (self._logs,),
        )

    def run(self) -> int:
        """Start everything and work until the end; return the exit code of the container."""
        for plan in self._boot.jobs:
            self._jobs.add(plan)
        self._write_state()
        if self._argv:
            self._init.start_command(self._argv, self._folder)
        if self._boot.supervisord and not self._init.stop.reason:
            self._start_services(self._boot.supervisord)
        else:
            if self._waiting:
                self._waiting.dismiss()
            self._begin_jobs()
        return self._init.run()

    def on_signal(self, number: int) -> None:  # noqa: D102
        if number == signal.SIGUSR1:
            self._jobs.begin(moments.SIGNAL)

    def on_service(self, name: str, state: ServiceState) -> None:
        """Hear what became of a service; without an essential one the container has no use."""
        self._readiness.hear(name, state)
        if self._fatal or self._init.stop.reason:
            return
        if state in (ServiceState.EXITED, ServiceState.BACKOFF):
            self._memory.look(service=name)
        if state is ServiceState.STARTING and self._state.count_start(name):
            self._write_state()
        if name not in self._boot.essential:
            self._on_optional_state(name, state)
        elif state is ServiceState.FATAL:
            self._give_up(name)

    def on_supervisord(self, state: SupervisordState) -> None:
        """Hear that supervisord starts the services now, or that it is lost."""
        if state is SupervisordState.RUNNING:
            self._begin_jobs()
        else:
            code = self._services.last_exit
            self._log.error("supervisord exited unexpectedly", code=code)
            self._init.stop.request("supervisord ended", Exit.SUPERVISOR_LOST)

    def on_job(self, moment: str = "") -> None:
        """Write it down; when the loss of an essential service is explained, begin to stop."""
        self._memory.look()
        if moment:
            self._begin_moment(moment)
        self._write_state()
        if self._fatal and not any(job.busy for job in self._jobs.find(moments.LOST)):
            reason = f"the service {self._fatal} is {ServiceState.FATAL.value}"
            self._init.stop.request(reason, Exit.SERVICE_FATAL)

    def on_wish_to_stop(self, reason: str) -> None:
        """Begin to stop, as if somebody had asked for it."""
        self._init.stop.request(reason, Exit.OK)

    def on_stop(self) -> None:  # noqa: D102
        self._memory.look()
        self._announcement.stopping()
        self._readiness.end()
        self._write_state()

    def _start_services(self, argv: Sequence[str]) -> None:
        try:
            self._services.start(argv, self._supervisord_streams, self._folder, self._waiting)
        except OSError as error:
            self._log.error(explain_failure(argv[0], error)[1])
            self._init.stop.request("supervisord cannot be started", Exit.SUPERVISOR_LOST)

    def _begin_jobs(self) -> None:
        """Start the first jobs; only now, since they take the processors from the services."""
        if self._init.stop.reason:
            return
        self._jobs.begin(moments.BOOT)
        if not any(plan.announces == moments.READY for plan in self._boot.jobs):
            self._begin_moment(moments.READY)

    def _begin_moment(self, moment: str) -> None:
        if moment == moments.READY:
            seconds = self._state.set_ready()
            self._log.info(f"READY in {seconds:.1f} s", seconds=seconds)
            self._write_state()
            self._announcement.ready()
            self._readiness.begin()
        self._jobs.begin(moment)

    def _on_optional_state(self, name: str, state: ServiceState) -> None:
        """Count the quick ends of a service that supervisord goes on to start, ever later."""
        if state is ServiceState.BACKOFF:
            self._quick_ends[name] = self._quick_ends.get(name, 0) + 1
            if self._quick_ends[name] == QUICK_ENDS:
                self._log.warning("the service keeps exiting; restarting with back-off",
                                  service=name)  # fmt: skip
                self._jobs.begin(moments.LOST, name)
        elif state is ServiceState.RUNNING and self._quick_ends.pop(name, 0) >= QUICK_ENDS:
            self._log.info("the service is running again", service=name)

    def _give_up(self, name: str) -> None:
        """Let it be explained that an essential service is lost; then comes the end."""
        self._log.error("an essential service keeps failing", service=name)
        self._fatal = name
        self._jobs.begin(moments.LOST, name)
        self.on_job()

    def _write_state(self) -> None:
        self._state.stopping_because = self._init.stop.reason
        self._state.write(self._jobs.all)


def run(
    folder: str,
    argv: Sequence[str],
    waiting: str | None = None,
    notify: str | None = None,
    core_limit: int | None = None,
) -> int:
    """Run the workspace of this runtime folder with an optional CMD; return the exit code.

    The folder is held from here to the end; `configure` held it while it wrote to it. `waiting`
    describes a supervisord that waits for the word to go, see `early`; `notify` is where a manager
    outside listens, see `announcement`. `core_limit` is CMD's, see
    `agent.machine.light.core_dumps`.
    """
    open_missing_streams()
    early_one = early.take_over(waiting) if waiting else None
    try:
        runtime.hold(folder, os.getuid())
    except OSError as error:
        if early_one:
            early_one.dismiss()
        termination.complain(runtime.explain(folder, error))
        return Exit.USAGE
    try:
        adopt_orphans()
        supervisor = Supervisor(
            folder, read_boot(folder), argv, early_one, notify, core_limit,
            loop=Loop(BootClock()), children=Children(), arrivals=signals.listen(),
        )  # fmt: skip
    except (OSError, ValueError, TypeError) as error:
        if early_one:
            early_one.dismiss()
        termination.complain(f"cannot start in {folder}: {error}")
        return Exit.INTERNAL
    try:
        return supervisor.run()
    finally:
        with contextlib.suppress(OSError):  # the folder may outlive the container
            runtime.clear(folder, spared=(runtime.STATE,))
