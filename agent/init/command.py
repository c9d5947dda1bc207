"""CMD: the program that the container was started for, in the foreground with the terminal."""

import os
import signal
from collections.abc import Callable, Iterable, Mapping, Sequence

from agent.init import terminal
from agent.init.children import Child, Children
from agent.init.processes import needs_hang_up
from agent.init.stop import Stoppable


class Command(Stoppable):
    """Owns CMD, whose standard streams are the container's own."""

    def __init__(
        self, children: Children, on_end: Callable[[int], None], ignored: Sequence[int] = ()
    ) -> None:
        """`on_end` gets CMD's exit code. CMD ignores the signals of `ignored` at its start."""
        self._children = children
        self._ignored = ignored
        self._notify = on_end
        self._child: Child | None = None
        self._terminal: int | None = None
        self.core_limit: int | None = None
        """What it gets in place of init's, see `agent.machine.light.core_dumps`; None: init's."""
        self.code: int | None = None
        """CMD's exit code, once it has ended."""

    def start(self, argv: Sequence[str], own_secrets: Mapping[str, str]) -> None:
        """Start CMD; the terminal, if there is one, is its own. Raises OSError.

        `own_secrets` are added to its environment.
        """
        self._terminal = terminal.find_terminal()
        streams = (None, None, None)
        environment = {**os.environ, **own_secrets}
        try:
            self._child = self._children.spawn(
                argv, streams, self._on_end,
                terminal=self._terminal, ignored=self._ignored, environment=environment,
                core_limit=self.core_limit,
            )  # fmt: skip
        except OSError:
            self._take_back()
            raise
        self._child.on_suspend = self._resume

    def send(self, *numbers: int) -> bool:
        """Send signals to CMD's process group; False: there is none (any more)."""
        if self._child is None:
            return False
        self._child.send(*numbers)
        return True

    def stop(self) -> None:  # noqa: D102
        if self._child and needs_hang_up(self._child.pid):
            self.send(signal.SIGHUP)
        self.send(signal.SIGTERM, signal.SIGCONT)

    def ended(self) -> bool:  # noqa: D102
        return self._child is None

    def kill(self) -> None:  # noqa: D102
        self.send(signal.SIGKILL)

    def name_remaining(self) -> Iterable[str]:  # noqa: D102
        return () if self.ended() else ("CMD",)

    def _on_end(self, code: int) -> None:
        self._child = None
        self._take_back()
        self.code = code
        self._notify(code)

    def _resume(self, number: int) -> None:
        """Go on after the suspend key: there is no shell above CMD that could."""
        if number == signal.SIGTSTP:
            self.send(signal.SIGCONT)

    def _take_back(self) -> None:
        if self._terminal is not None:
            terminal.take_back(self._terminal)
