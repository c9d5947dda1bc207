"""Runs the commands of one hook: side by side for a repository, one after another otherwise."""

import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

from agent.machine.light.human import format_duration
from agent.machine.programs.threads import start_or_do
from agent.machine.records.unit_record import SEPARATOR, Record, State
from agent.machine.values import frozen
from agent.units.devcontainer.lifecycle_commands import SHELL, Command
from agent.units.hooks.phases import Phase
from agent.units.unit import Speaker, Unit, Work
from agent.units.unit_command import Ended

LONG = 60.0
"""Seconds after which a start hook may be a service in disguise."""
ENDLESS = "if it never ends, make it a service in ~/.config/devcopilot/services.d"
LONGEST_SHOWN = 60
"""Characters of a command that a reason names."""


@frozen
class Where:
    """What the commands of a hook run with."""

    cwd: Path
    environ: Mapping[str, str | None]
    timeout: float
    """Seconds; 0: without end."""
    variable: str = "DEV8_HOOK_TIMEOUT"
    """What gives more of them."""


def carry_out(work: Work, unit: Unit, phase: Phase, where: Where) -> bool:
    """Run a hook whose unit has begun, and set its state; return whether it is done."""
    timer = threading.Timer(LONG, unit.progress, (None, ENDLESS))
    timer.daemon = True
    if not phase.once:
        with suppress(RuntimeError):  # there can be no further thread
            timer.start()
    try:
        if len(phase.commands) == 1 and not phase.commands[0].name:
            told = run_one(unit, phase.commands[0], where)
        elif phase.of_repository:
            told = run_together(work, unit, phase, where)
        else:
            told = run_in_turn(unit, phase, where)
    finally:
        timer.cancel()
    told.tell(unit)
    return told.good


@frozen
class Told:
    """How a command ended, for its unit."""

    reason: str = ""
    exit: int | None = None
    timed_out: float = 0.0
    """Seconds after which it was ended."""
    variable: str = ""
    """What gives more of them."""
    good: bool = True

    def tell(self, unit: Unit) -> None:
        """Write it down."""
        hint = f"devcopilot log {unit.name}; devcopilot rerun {unit.name}"
        if self.good:
            unit.done(self.reason)
        elif self.timed_out:
            unit.time_out(self.timed_out, f"set {self.variable}, or fix it: {hint}")
        else:
            unit.fail(self.reason, hint, self.exit)


def run_one(unit: Unit, command: Command, where: Where, prefix: str = "") -> Told:
    """Run a command with the log of a unit."""
    shown = show(command)
    try:
        ended = unit.run(
            command.argv, cwd=where.cwd, environ=where.environ, timeout=where.timeout or None,
            prefix=prefix,
        )  # fmt: skip
    except OSError as error:
        return Told(f"cannot run {shown}: {error.strerror}", good=False)
    return judge(ended, shown, where)


def judge(ended: Ended, shown: str, where: Where) -> Told:
    """Return how a command ended, in words."""
    if ended.stopped:
        return Told(f"{shown} was stopped", ended.code, good=False)
    if ended.timed_out:
        limit = format_duration(where.timeout)
        return Told(
            f"{shown} took longer than {limit}",
            ended.code,
            where.timeout,
            where.variable,
            good=False,
        )
    if ended.code:
        return Told(f"{shown} ended with code {ended.code}", ended.code, good=False)
    return Told("something of it goes on in the background" if ended.leaves else "")


def run_in_turn(unit: Unit, phase: Phase, where: Where) -> Told:
    """Run commands one after another, up to the first that fails."""
    told = Told()
    for command in phase.commands:
        told = run_one(unit, command, where, f"{command.name} | ")
        if not told.good:
            break
    return told


def run_together(work: Work, unit: Unit, phase: Phase, where: Where) -> Told:
    """Run commands side by side, each as a unit with a log; the hook's log has all lines."""
    lock = threading.Lock()
    inner = Work(
        work.context, work.kind, Quiet(work.speaker), work.stopping, unwritten=work.unwritten
    )  # fmt: skip
    parts = make_parts(inner, phase)
    found: dict[str, Told] = {}

    def run(name: str, part: Unit, command: Command) -> None:
        def pass_on(line: str) -> None:
            with lock:
                unit.say(f"{command.name} | {line}")

        def show_passing(line: str) -> None:
            with lock:
                unit.show(f"{command.name} | {line}")

        part.begin()
        try:
            ended = part.run(
                command.argv, cwd=where.cwd, environ=where.environ, on_line=pass_on,
                on_passing=show_passing, timeout=where.timeout or None,
            )  # fmt: skip
            told = judge(ended, command.name, where)
        except OSError as error:
            told = Told(f"cannot run {show(command)}: {error.strerror}", good=False)
        told.tell(part)
        found[name] = told

    threads = [
        start_or_do(partial(run, name, part, command))
        for command, (name, part) in zip(phase.commands, parts.items(), strict=True)
    ]
    for thread in filter(None, threads):
        thread.join()
    return next((found[name] for name in parts if not found[name].good), Told())


def make_parts(work: Work, phase: Phase) -> dict[str, Unit]:
    """Return a unit for each command of a hook: two whose names read alike get different ones."""
    parts: dict[str, Unit] = {}
    for number, command in enumerate(phase.commands, start=1):
        part = work.part(f"{phase.name}{SEPARATOR}{command.name}")
        if part.name in parts:
            part = work.part(f"{phase.name}{SEPARATOR}{number}-{command.name}")
        parts[part.name] = part
    return parts


class Quiet:
    """Leaves the lines of a command to the hook, which names it before each."""

    def __init__(self, speaker: Speaker) -> None:
        self._speaker = speaker

    def begin(self, unit: Record) -> None:
        """Leave it to the hook."""

    def line(self, unit: Record, text: str) -> None:
        """Leave it to the hook."""

    def passing(self, unit: Record, text: str) -> None:
        """Leave it to the hook."""

    def end(self, unit: Record, last: Sequence[str]) -> None:
        """Report what failed; the hook reports the rest."""
        if unit.state is not State.DONE:
            self._speaker.end(unit, last)


def show(command: Command) -> str:
    """Return a command as a reason names it."""
    if command.name:
        return command.name
    text = command.argv[2] if tuple(command.argv[:2]) == SHELL else " ".join(command.argv)
    text = text.split("\n", 1)[0]
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}…"
