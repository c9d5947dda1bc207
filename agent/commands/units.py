"""How the verbs that carry out units tell of them."""

from collections.abc import Sequence

from agent.commands.layout import Bar
from agent.commands.output import Printer
from agent.life.record import BAD, Record, State
from agent.machine.errors import Problem
from agent.machine.human import format_duration
from agent.machine.log import Logger


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


class Events:
    """Speaks to the log of the container."""

    def __init__(self, log: Logger) -> None:
        self._log = log

    def begin(self, unit: Record) -> None:  # noqa: D102
        self._log.info(f"{unit.name} has started", unit=unit.name)

    def line(self, unit: Record, text: str) -> None:
        """Leave it to the unit's own log."""

    def end(self, unit: Record, last: Sequence[str]) -> None:  # noqa: D102
        if unit.state is State.SKIPPED and not unit.log:
            self._log.debug(describe_end(unit), unit=unit.name)  # nobody has asked for it
            return
        if unit.state not in BAD:
            self._log.info(describe_end(unit), unit=unit.name)
            return
        for line in last:
            self._log.warning(line, unit=unit.name)
        self._log.error(str(Problem(describe_end(unit), unit.hint)), unit=unit.name)


class Lines:
    """Speaks to a person: the output as it comes."""

    def __init__(self, printer: Printer, bar: Bar) -> None:
        self._printer = printer
        self._bar = bar

    def begin(self, unit: Record) -> None:  # noqa: D102
        self._bar.spin(unit.name)

    def line(self, unit: Record, text: str) -> None:  # noqa: D102
        del unit
        self._printer.say(text)

    def end(self, unit: Record, last: Sequence[str]) -> None:  # noqa: D102
        del last
        if unit.state in BAD:
            self._printer.fail(Problem(describe_end(unit), unit.hint))
        else:
            self._printer.say(describe_end(unit))
