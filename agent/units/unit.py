"""What a kind of unit is, and how its work reports progress."""

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from agent.machine.light.backoff import Backoff
from agent.machine.light.clock import timestamp
from agent.machine.light.escaping import escape_line
from agent.machine.light.human import format_duration
from agent.machine.records import unit_record
from agent.machine.records.documents import RUNTIME, Document
from agent.machine.records.unit_log import UnitLog
from agent.machine.records.unit_record import BAD, GOOD, UNDECIDED, UNIT, Record, State, make_name
from agent.machine.system import Facts
from agent.machine.values import frozen
from agent.settings.context import Context
from agent.settings.everything import Settings
from agent.units import leftovers, unit_command
from agent.units.marks import ON_VOLUME, Mark, Marks
from agent.units.unit_command import Ended

PULSE = 1.0
"""Seconds between two reports of progress."""
LOGGED = 10.0
"""Seconds between two lines in a log that a terminal would overwrite: it shows where it hangs."""


TRIES = Document[int](
    RUNTIME, f"{unit_record.FOLDER}/UNIT.tries", "how often a unit has failed in a row", int, int,
    key="UNIT",
)  # fmt: skip


class StoppedError(Exception):
    """The container stops: nothing is known of the work, and the next start does it again."""


class Speaker(Protocol):
    """Reports on units: in the log of the container, or to the person who carries them out."""

    def begin(self, unit: Record) -> None:
        """Report that a unit is running."""

    def line(self, unit: Record, text: str) -> None:
        """Pass on a line of its output."""

    def passing(self, unit: Record, text: str) -> None:
        """Show how far it is, and what goes on just now: the next such text replaces it."""

    def end(self, unit: Record, last: Sequence[str]) -> None:
        """Report the state of a unit whose work has ended; `last` are its last lines."""


def write(facts: Facts, unit: Record, unwritten: dict[str, Record]) -> None:
    """Write how a unit stands; a runtime folder that is full costs the news, not the work."""
    try:
        UNIT.write(facts, unit, unit.name)
        unwritten.pop(unit.name, None)
    except OSError:
        unwritten[unit.name] = unit


def read(facts: Facts, name: str, unwritten: Mapping[str, Record]) -> Record | None:
    """Return how a unit stands, written or not; None: nobody has begun with it."""
    return unwritten.get(name) or unit_record.read(facts, name)


def list_known(facts: Facts, unwritten: Mapping[str, Record]) -> list[Record]:
    """Return how all units stand, as far as it is written or known here."""
    written = {each.name: each for each in unit_record.list_written(facts)}
    return [*{**written, **unwritten}.values()]


def describe_refusal(error: OSError) -> str:
    """Return what the system has refused, as the reason of a unit."""
    what = f"{error.filename}: " if error.filename else ""
    return f"{what}{error.strerror or error}"


class Unit:
    """One unit, for the work that belongs to it: it saves each change of state."""

    def __init__(self, work: "Work", name: str, by_hand: str = "") -> None:
        """`by_hand`: the command of a person without which nobody carries it out."""
        self.name = name
        self.by_hand = by_hand
        self._work = work
        known = read(work.context.facts, name, work.unwritten)
        self._record = known or Record(name, State.WAITING, timestamp(time.time()))
        self._began = time.monotonic()
        self._told = 0.0
        self._logged = float("-inf")
        self._log: UnitLog | None = None

    @property
    def record(self) -> Record:
        """Return how it stands."""
        return self._record

    @property
    def state(self) -> State:
        """Return its state."""
        return self._record.state

    @property
    def again(self) -> str:
        """Return the command that carries it out again."""
        return self.by_hand or f"devcopilot rerun {self.name}"

    def marks(self, document: Document[Mark] = ON_VOLUME) -> Marks:
        """Return what it has done before, on this volume or in this container."""
        return Marks(self._work.context.facts, self.name, document)

    def begin(self) -> None:
        """Start running, with a new log. Raises OSError."""
        self._began = time.monotonic()
        self._log = UnitLog(self._work.context.facts, self.name)
        path = str(self._log.path)
        self._change(State.RUNNING, log=path, took=None, exit=None, progress=None)
        self._work.speaker.begin(self._record)
        self._work.follow(self)

    def progress(self, percent: int | None, words: str = "") -> None:
        """Report progress; it is saved at most once a second."""
        now = time.monotonic()
        if now - self._told >= PULSE:
            self._told = now
            self._write(replace(self._record, progress=percent, reason=words))
            self._work.speaker.passing(self._record, words)
            self._work.follow(self)

    def follow(self, percent: int | None) -> None:
        """Be running, and as far as the parts are; they report the rest."""
        if self.state is not State.RUNNING:
            self._change(State.RUNNING, took=None, exit=None, progress=percent)
        elif self._record.progress != percent:
            self._write(replace(self._record, progress=percent))

    def say(self, line: str) -> None:
        """Add a line of our own to its log."""
        self._hear(escape_line(line).encode())

    def show(self, line: str) -> None:
        """Show a line of our own that the next one replaces."""
        self._work.speaker.passing(self._record, self._pass_by(escape_line(line).encode()))

    def wait(self, reason: str, hint: str = "") -> None:
        """Wait, for this reason."""
        self._end(State.WAITING, reason, hint)

    def done(self, reason: str = "", hint: str = "") -> None:
        """End as done."""
        self._end(State.DONE, reason, hint)

    def skip(self, reason: str, hint: str = "") -> None:
        """End as skipped: there is nothing to do, for this reason."""
        self._end(State.SKIPPED, reason, hint)

    def fail(self, reason: str, hint: str = "", exit: int | None = None) -> None:  # noqa: A002
        """End as failed; `exit` is the code of the command that decided it."""
        self._end(State.FAILED, reason, hint, exit)

    def fail_for(self, error: OSError, hint: str) -> None:
        """End as failed, because the system refused something."""
        self.fail(describe_refusal(error), hint)

    def time_out(self, seconds: float, hint: str = "") -> None:
        """End as timed out after this time."""
        self._end(State.TIMEOUT, f"it took longer than {format_duration(seconds)}", hint)

    def retry_in(self, first: float, longest: float) -> float:
        """Have the work begun again after a pause, which is longer each time; return its seconds.

        What ends it otherwise makes the next pause the first again.
        """
        facts = self._work.context.facts
        tries = TRIES.read(facts, self.name) + 1
        with suppress(OSError):
            TRIES.write(facts, tries, self.name)
        pause = Backoff(first, longest).pause(tries)
        self._work.again_in(pause)
        return pause

    def pause(self, seconds: float) -> None:
        """Let time pass; the stop of the container ends it."""
        self._work.stopping.wait(seconds)

    def run(
        self,
        argv: Sequence[str],
        *,
        cwd: Path | None = None,
        environ: Mapping[str, str | None] | None = None,
        timeout: float | None = None,
        on_line: Callable[[str], None] | None = None,
        on_passing: Callable[[str], None] | None = None,
        prefix: str = "",
        output: int | None = None,
        behind: bool = False,
        on_pulse: Callable[[], None] = lambda: None,
    ) -> Ended:
        """Run a command to its end; its output goes to the log, line by line.

        It gets the clean environment with the changes of `environ`, of which None takes a variable
        away. `on_line` gets each line as well, masked; `on_passing` each one that a terminal would
        overwrite, and shows it in our place. `prefix` stands before each line in the log.
        `unit_command.run` explains the others. Raises OSError when it cannot be started.
        """

        def hear(line: bytes) -> None:
            text = self._hear(prefix.encode() + line)
            if on_line:
                on_line(text)

        def pass_by(line: bytes) -> None:
            text = self._pass_by(prefix.encode() + line)
            if on_passing:
                on_passing(text)
            else:
                self._work.speaker.passing(self._record, text)

        facts = self._work.context.facts
        clean = unit_command.make_environ(facts.environ, environ)
        with leftovers.noting(facts, self._work.kind.name) as note:
            return unit_command.run(
                argv, clean, cwd, timeout, self._work.stopping, hear, output=output, behind=behind,
                on_passing=pass_by, on_pulse=on_pulse, on_start=note,
            )  # fmt: skip

    def _hear(self, line: bytes) -> str:
        if not self._log:
            return line.decode(errors="replace")
        text = self._log.write(line)
        self._work.speaker.line(self._record, text)
        return text

    def _pass_by(self, line: bytes) -> str:
        """Return a line that is shown for a moment, masked; the log gets one now and then."""
        if not self._log:
            return line.decode(errors="replace")
        now = time.monotonic()
        if now - self._logged < LOGGED:
            return self._log.mask(line)
        self._logged = now
        return self._log.write(line)

    def _end(
        self, state: State, reason: str, hint: str, code: int | None = None, *, told: bool = False
    ) -> None:
        before = self._record
        took = round(time.monotonic() - self._began, 2) if self._log else before.took
        self._change(state, reason=reason, hint=hint, exit=code, took=took, progress=None)
        last = tuple(self._log.last) if self._log else ()
        if self._log:
            self._log.close()
            self._log = None
        if not told and (before.state, before.reason) != (state, reason):
            self._work.speaker.end(self._record, last if state in BAD else ())

    def _change(self, state: State, **values: object) -> None:
        if state not in UNDECIDED:
            TRIES.path(self._work.context.facts, self.name).unlink(missing_ok=True)
        since = self._record.since if state is self._record.state else timestamp(time.time())
        fresh = {"reason": "", "hint": "", **values}
        self._write(replace(self._record, state=state, since=since, **fresh))  # type: ignore[arg-type]

    def _write(self, new: Record) -> None:
        self._record = new
        write(self._work.context.facts, new, self._work.unwritten)


@frozen
class Kind:
    """A kind of unit: what there is one of in `agent.units.all`."""

    name: str
    purpose: str
    """For documents and help: a short phrase."""
    wanted: Callable[[Settings], bool]
    """It looks at the settings alone: it is asked at each start, before all else."""
    carry_out: Callable[["Work"], None]
    """Does the work, and at its end sets the state of the kind's own unit. It may run in a thread:
    no signals, no `machine.deadline`."""
    needs: tuple[str, ...] = ()
    """Kinds without whose success there is no work."""
    after: Callable[[Settings], tuple[str, ...]] = lambda _: ()
    """Kinds whose work must be over, however it ended."""
    counts: bool = True
    """Whether `wait --for all` waits for it."""
    enough: str = ""
    """The part after which nobody needs to wait: neither a kind of `after` nor `wait --for all`."""
    asks_for: Callable[[Settings, str], bool] = lambda _settings, _part: True
    """Whether the settings ask for a part; any other is only carried out by hand."""


class Work:
    """One run of a kind: what its `carry_out` gets."""

    def __init__(
        self,
        context: Context,
        kind: Kind,
        speaker: Speaker,
        stopping: threading.Event,
        *,
        again: bool = False,
        only: str = "",
        is_whole: bool = True,
        unwritten: dict[str, Record] | None = None,
        wake: Callable[[], None] = lambda: None,
    ) -> None:
        self.context = context
        self.kind = kind
        self.speaker = speaker
        self.stopping = stopping
        """Set when the container stops: then the work ends as soon as it can."""
        self.again = again
        """Whether somebody asks for it though it may be done: marks do not count."""
        self.only = only
        """The part that is asked for again; empty: all of them."""
        self._is_whole = is_whole
        """Whether these are the parts by which the kind's own unit stands, and not others."""
        self.unwritten = {} if unwritten is None else unwritten
        """Unit -> how it stands, of those of which it could not be written."""
        self.own = Unit(self, kind.name)
        self._parts: dict[str, Unit] = {}
        self._lock = threading.Lock()
        self._wake = wake
        """Has whoever carries out kinds look which others may begin."""
        self.next_run: float | None = None
        """Seconds until the work wants to be done again."""

    def part(self, name: str, by_hand: str = "") -> Unit:
        """Return a further unit, which is a part of this kind: hooks:postCreate.

        `by_hand`: the command that carries it out, where the settings do not ask for it.
        """
        name = make_name(self.kind.name, name)
        with self._lock:
            return self._parts.setdefault(name, Unit(self, name, by_hand))

    def find(self, unit: Unit) -> Record:
        """Return how a unit stands at last, which its own object may not have heard."""
        return read(self.context.facts, unit.name, self.unwritten) or unit.record

    def follow(self, part: Unit) -> None:
        """Let the kind's own unit be as far as all of its parts, while one of them is at work."""
        if part is self.own or not self._is_whole:
            return
        with self._lock:
            parts = [each.record for each in self._parts.values()]
            shares = [100 if each.state in GOOD else each.progress for each in parts]
            known = any(each.progress is not None for each in parts)
            self.own.follow(sum(share or 0 for share in shares) // len(shares) if known else None)

    def tell_enough(self) -> None:
        """Let nobody wait for the rest: `Kind.enough` is done."""
        Unit(self, make_name(self.kind.name, self.kind.enough)).done()
        self._wake()

    def is_asked_again(self, part: str = "") -> bool:
        """Return whether a part is to be done though it may be done already."""
        return self.again and self.only in ("", part)

    def again_in(self, seconds: float) -> None:
        """Have the work begun again in this time: nothing of it stays in memory meanwhile."""
        self.next_run = seconds if self.next_run is None else min(self.next_run, seconds)

    def settle(self, parts: Iterable[Unit], done: str = "") -> None:
        """Let the kind's own unit stand as its parts do: as the worst of them."""
        parts = list(parts)
        for state in (State.FAILED, State.TIMEOUT, State.RUNNING, State.WAITING):
            worst = [part.record for part in parts if part.state is state]
            if worst:
                others = f" (and {len(worst) - 1} more)" if len(worst) > 1 else ""
                reason = f"{worst[0].name}: {worst[0].reason}{others}"
                self.own._end(state, reason, worst[0].hint, worst[0].exit, told=True)
                return
        if parts and all(part.state is State.SKIPPED for part in parts):
            self.own.skip(parts[0].record.reason, parts[0].record.hint)
        else:
            self.own.done(done)
