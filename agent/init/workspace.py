"""The second life of `devcopilot run`: the log, supervisord, jobs and CMD, until the end."""

import os
import signal
import sys
from collections.abc import Sequence

from agent import runtime
from agent.exits import Exit
from agent.init import boot
from agent.init.boot import Boot
from agent.init.children import Children, explain_failure
from agent.init.core import Init
from agent.init.jobs import FOLDER, Jobs
from agent.init.logs import Logs
from agent.init.loop import Loop
from agent.init.services import FATAL, Services
from agent.init.state import State
from agent.init.terminal import find_terminal, open_missing_streams

READY = "ready"
"""The job whose success tells that every essential service answers."""
REFRESH = "refresh"
"""The job that SIGUSR1 starts, where there is no CMD to get the signal."""
EXPLAIN = "explain"
EXPLAIN_TIMEOUT = 5.0
DEVCOPILOT = (sys.executable, "-I", "-m", "agent")
STDOUT, STDERR = 1, 2


class Workspace:
    """All that runs beside and under the core."""

    def __init__(self, folder: str, boot_file: Boot, argv: Sequence[str]) -> None:
        """Make the pipes and the parts. Raises OSError when the runtime folder is no use."""
        self._folder = folder
        self._boot = boot_file
        self._argv = argv
        loop, children = Loop(), Children()
        null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
        self._logs = Logs(loop, children, null)
        quiet = argv and find_terminal() is not None
        level = boot_file.log_level or ("warning" if quiet else "info")
        output = STDERR if argv else STDOUT
        self._log = log = self._logs.open(folder, boot_file, output, level)
        wishes = os.path.join(folder, FOLDER)
        os.makedirs(wishes, 0o700, exist_ok=True)
        streams = (null, self._logs.agent, self._logs.agent)
        self._jobs = Jobs(loop, children, log, streams, wishes, self._write_state)
        self._supervisord_streams = (null, self._logs.supervisord, self._logs.supervisord)
        self._services = Services(loop, children, self._on_state, self._on_lost)
        self._state = State(folder, bool(argv))
        self._init = Init(
            loop, children, log, boot_file.stop_timeout,
            parts=(self._jobs, self._services), last=(self._logs,),
            spared=lambda: self._logs.pid, on_signal=self._on_signal, on_stop=self._write_state,
        )  # fmt: skip

    def run(self) -> int:
        """Start everything and work until the end; return the exit code of the container."""
        for plan in self._boot.jobs:
            self._jobs.add(plan)
        self._write_state()
        if self._argv:
            self._init.start_command(self._argv)
        if not self._init.stop.reason:
            self._start_services()
            self._start_jobs()
        return self._init.run()

    def _start_services(self) -> None:
        argv = self._boot.supervisord
        if not argv:
            return
        try:
            self._services.start(argv, self._supervisord_streams, self._folder)
        except OSError as error:
            self._log.error(explain_failure(argv[0], error)[1])
            self._init.stop.request("supervisord cannot be started", Exit.SUPERVISOR_LOST)

    def _start_jobs(self) -> None:
        if READY in self._jobs.all:
            self._jobs.all[READY].on_end = self._on_ready
        else:
            self._on_ready(Exit.OK)
        self._jobs.start()

    def _on_ready(self, code: int) -> None:
        if code == Exit.OK and not self._init.stop.reason:
            self._log.info("ready", seconds=self._state.set_ready())
            self._write_state()

    def _on_signal(self, number: int) -> None:
        if number == signal.SIGUSR1:
            self._jobs.run(REFRESH)

    def _on_state(self, state: str, name: str) -> None:
        """Hear what became of a service; without an essential one the container has no use."""
        known = EXPLAIN in self._jobs.all or self._init.stop.reason
        if state != FATAL or name not in self._boot.essential or known:
            return
        self._log.error("an essential service cannot be kept running", service=name)
        argv = (*DEVCOPILOT, EXPLAIN, name)
        explain = self._jobs.add(boot.Job(EXPLAIN, argv, None, EXPLAIN_TIMEOUT, ()))
        explain.on_end = lambda _: self._init.stop.request(
            f"the service {name} is {FATAL}", Exit.SERVICE_FATAL
        )
        explain.start()

    def _on_lost(self, code: int) -> None:
        self._log.error("supervisord ended without being asked to", code=code)
        self._init.stop.request("supervisord ended", Exit.SUPERVISOR_LOST)

    def _write_state(self) -> None:
        self._state.stopping_because = self._init.stop.reason
        self._state.write(self._jobs.all)


def run(folder: str, argv: Sequence[str]) -> int:
    """Run the workspace of this runtime folder with an optional CMD; return the exit code.

    The folder is held from here to the end; `configure` held it while it wrote to it.
    """
    open_missing_streams()
    try:
        runtime.hold(folder, os.getuid())
    except OSError as error:
        sys.stderr.write(f"devcopilot: {runtime.explain(folder, error)}\n")
        return Exit.USAGE
    try:
        workspace = Workspace(folder, boot.read_boot(folder), argv)
    except (OSError, ValueError, TypeError) as error:
        sys.stderr.write(f"devcopilot: cannot start in {folder}: {error}\n")
        return Exit.INTERNAL
    return workspace.run()
