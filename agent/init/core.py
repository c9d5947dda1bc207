"""What every init does: CMD, signals, orphans, the stop. `devcopilot init` is this alone.

What happens on TERM: `signals` notes its number, `Init.run` wakes and hands it to `_on_signal`,
which requests the stop, or hastens one that goes on. `stop` then ends one stage after another of
the parts in `Stop.order`, and `run` returns the exit code.
"""

import signal
from collections.abc import Sequence

from agent.init import signals
from agent.init.children import Children, explain_failure
from agent.init.command import Command
from agent.init.listener import Listener
from agent.init.loop import BootClock, Loop
from agent.init.orphans import Orphans, adopt_orphans
from agent.init.stop import Stop
from agent.init.terminal import open_missing_streams
from agent.machine.light import runtime
from agent.machine.light.exits import SIGNAL_BASE, Exit
from agent.machine.light.log import Logger

ALONE_TIMEOUT = 8.0
"""Seconds that `devcopilot init` gives to CMD and to what it leaves behind."""


class Init:
    """The core of PID 1."""

    def __init__(
        self,
        loop: Loop,
        children: Children,
        log: Logger,
        arrivals: int,
        stop_timeout: float,
        *,
        listener: Listener,
        ignored: Sequence[int] = (),
    ) -> None:
        """`arrivals` yields the signals, see `signals.listen`; CMD ignores those of `ignored`.

        Whoever makes this sets `stop.order` before anything happens.
        """
        self._loop = loop
        self._children = children
        self._log = log
        self._arrivals = arrivals
        self._listener = listener
        self._asked = False
        self.command = Command(children, self._on_command_end, ignored)
        self.stop = Stop(loop, log, stop_timeout, listener)
        loop.watch(arrivals, self._on_arrivals)

    def start_command(self, argv: Sequence[str], folder: str | None = None) -> None:
        """Start CMD; when that fails, say so and begin to stop.

        With a runtime folder it gets the secrets of the user's own as well.
        """
        try:
            self.command.start(argv, runtime.read_own_secrets(folder) if folder else {})
        except OSError as error:
            code, words = explain_failure(argv[0], error)
            self._log.error(words)
            self.stop.request("CMD cannot be executed", code)

    def run(self) -> int:
        """Work until everything has ended; return the exit code of the container."""
        self.stop.advance()
        while not self.stop.done:
            self._loop.turn()
            self.stop.advance()
        if self._asked and self.command.code is not None:
            return self.command.code
        return self.stop.code

    def _on_arrivals(self) -> None:
        for number in signals.read(self._arrivals):
            if number != signal.SIGCHLD:
                self._on_signal(number)
        self._children.reap()

    def _on_signal(self, number: int) -> None:
        """Hand a signal to CMD; TERM, and without CMD also INT and QUIT, ask to stop.

        A CMD may have a use of its own for INT and QUIT; if it ends by them, so does the container.
        """
        has_command = not self.command.ended()
        if has_command and (number != signal.SIGTERM or self.stop.reason):
            self.command.send(number)
        if number == signal.SIGTERM or (number in signals.STOPPING and not has_command):
            name = signal.Signals(number).name
            if self.stop.reason:
                self.stop.hasten(name)
            else:
                self._asked = True
                self.stop.request(name, SIGNAL_BASE + number if has_command else Exit.OK)
        elif not has_command:
            self._listener.on_signal(number)

    def _on_command_end(self, code: int) -> None:
        if not self.stop.reason:
            self.stop.request(f"CMD ended with {code}", code)


def run_alone(argv: Sequence[str]) -> int:
    """Be a small init for CMD and nothing else; return the exit code."""
    open_missing_streams()
    adopt_orphans()
    log = Logger("devcopilot", "warning", readable=True)
    loop, children = Loop(BootClock()), Children()
    ignored = signals.find_ignored()
    init = Init(
        loop, children, log, signals.listen(), ALONE_TIMEOUT, listener=Listener(), ignored=ignored
    )
    init.stop.order = ((init.command,), (Orphans(loop, children),))
    init.start_command(argv)
    return init.run()
