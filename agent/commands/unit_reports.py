"""How commands that carry out units report on them."""

import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

from agent.commands.layout import Bar
from agent.commands.output import Printer
from agent.machine.errors import AgentError, Problem
from agent.machine.light.human import format_duration
from agent.machine.light.log import Logger
from agent.machine.records.setup_trigger import trigger
from agent.machine.records.unit_record import BAD, GOOD, Record, State
from agent.machine.system import Facts
from agent.settings.context import Context
from agent.units import leftovers, setup
from agent.units.setup import BusyError
from agent.units.unit import Kind, Work


def describe_end(unit: Record) -> str:
    """Return how a unit stands now that its work is over."""
    if unit.state is State.DONE:
        took = f" in {format_duration(unit.took)}" if unit.took else ""
        return f"{unit.name} is done{took}" + (f": {unit.reason}" if unit.reason else "")
    words = {
        State.WAITING: "is waiting",
        State.SKIPPED: "is skipped",
        State.FAILED: "failed",
        State.TIMEOUT: "was ended",
    }.get(unit.state, "is at work")
    return f"{unit.name} {words}" + (f": {unit.reason}" if unit.reason else "")


def show_progress(bar: Bar, unit: Record, text: str = "") -> None:
    """Show how far a unit is, and what it says just now."""
    words = ": ".join(filter(None, (unit.name, text or unit.reason)))
    if unit.progress is None:
        bar.spin(words)
    else:
        bar.update(unit.progress, 100, words)


def end_on_signals(stop: Callable[[], None]) -> None:
    """Have work in the foreground end in order when somebody wants that, or the terminal goes."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda _number, _frame: stop())


@contextmanager
def work_on(kind: Kind, current: Context, printer: Printer) -> Iterator[Work]:
    """Yield the work on some parts of a kind in the foreground, anew, and end it on a signal.

    Raises AgentError if another process carries it out.
    """
    stopping = threading.Event()
    with hold(current.facts, kind.name), printer.watch("") as bar:
        end_on_signals(stopping.set)
        lines = Lines(printer, bar)
        leftovers.end(current.facts, kind.name)
        work = Work(current, kind, lines, stopping, again=True, is_whole=False)
        yield work
        for unit in setup.end_interrupted(work):
            lines.end(unit, ())
    if not setup.is_settled(current.facts):
        with suppress(OSError):  # a full disk: the work is done
            trigger(current.facts)  # the setup sees to what waits, such as for a token


@contextmanager
def hold(facts: Facts, kind: str) -> Iterator[None]:
    """Be the only process that carries a kind out. Raises AgentError if another one does."""
    try:
        with setup.hold(facts, kind):
            yield
    except BusyError:
        problem = Problem(f"{kind} is at work already", f"devcopilot log -f {kind}")
        raise AgentError(problem) from None


class Events:
    """Speaks to the log of the container."""

    def __init__(self, log: Logger) -> None:
        self._log = log

    def begin(self, unit: Record) -> None:  # noqa: D102
        self._log.info(f"{unit.name} has started", unit=unit.name)

    def line(self, unit: Record, text: str) -> None:
        """Leave it to the unit's own log."""

    def passing(self, unit: Record, text: str) -> None:
        """Leave it to the unit's record."""

    def end(self, unit: Record, last: Sequence[str]) -> None:  # noqa: D102
        if unit.state in GOOD and not unit.log:
            self._log.debug(describe_end(unit), unit=unit.name)  # there was nothing to do
            return
        if unit.state not in BAD:
            self._log.info(describe_end(unit), unit=unit.name)
            return
        for line in last:
            self._log.warning(line, unit=unit.name)
        self._log.error(str(Problem(describe_end(unit), unit.hint)), unit=unit.name)


class Lines:
    """Speaks to a person: the output as it comes, and on a terminal how far it is."""

    def __init__(self, printer: Printer, bar: Bar) -> None:
        self._printer = printer
        self._bar = bar

    def begin(self, unit: Record) -> None:  # noqa: D102
        show_progress(self._bar, unit)

    def line(self, unit: Record, text: str) -> None:  # noqa: D102
        del unit
        self._printer.say(text)

    def passing(self, unit: Record, text: str) -> None:  # noqa: D102
        show_progress(self._bar, unit, text)

    def end(self, unit: Record, last: Sequence[str]) -> None:  # noqa: D102
        del last
        end = Problem(describe_end(unit), unit.hint)
        if unit.state in BAD:
            self._printer.fail(end)
        else:
            self._printer.say(str(end))
