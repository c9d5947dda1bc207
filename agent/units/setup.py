"""Carries out what is due of all kinds, side by side, each when what it needs is there.

It ends when nothing more can be done now. What waits for a token, a decision or a time gets another
run, which init starts: a change of a watched file or `Work.again_in` asks for it. While something
is still at work, this run does the same for the others, so that nobody waits for a slow one.
"""

import os
import queue
import threading
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

from agent.machine.errors import AgentError
from agent.machine.light import faults
from agent.machine.light.clock import timestamp
from agent.machine.programs.threads import start_or_do
from agent.machine.records import unit_record
from agent.machine.records.setup_trigger import trigger
from agent.machine.records.unit_record import BAD, GOOD, UNDECIDED, UNIT, Record, State, make_name
from agent.machine.storage import holders
from agent.machine.system import Facts
from agent.settings.context import Context
from agent.units import leftovers
from agent.units.unit import Kind, Speaker, Work, describe_refusal, list_known, read, write

NOT_YET = "it has not started yet"
LOOK = 1.0
"""Seconds between two looks at the watched files while something is at work."""
BUSY_PAUSE = 5.0
"""Seconds until the next look at a kind that somebody carries out by hand."""


class BusyError(Exception):
    """Another process carries this kind out."""


class Setup:
    """One run."""

    def __init__(
        self,
        context: Context,
        kinds: Sequence[Kind],
        speaker: Speaker,
        order: Mapping[str, str] | None = None,
        watch: Iterable[Path] = (),
    ) -> None:
        """`order`: what is asked for by hand, though it may be done; None: all that is due.

        It maps a kind to the part that is meant, or to an empty text for all of it. `watch`: the
        files whose change may let one go on that waits.
        """
        self._context = context
        self._kinds = {kind.name: kind for kind in kinds if kind.wanted(context.settings)}
        self._speaker = speaker
        self._order = order
        self._news = News(watch)
        self._later: dict[str, float] = {}
        """Kind -> when it wants to be carried out again, in seconds of the monotonic clock."""
        self._ended: queue.SimpleQueue[Work | None] = queue.SimpleQueue()
        """The work that has ended; None: of one that goes on, enough is done."""
        self.unwritten: dict[str, Record] = {}
        """Unit -> how it stands, of those of which it could not be written: nobody else knows."""
        self.stopping = threading.Event()

    def find(self, name: str) -> Record | None:
        """Return how a unit stands, written or not; None: nobody has begun with it."""
        return read(self._context.facts, name, self.unwritten)

    def run(self) -> float | None:
        """Carry it out; return the seconds until the next run; None: none is needed."""
        running: set[str] = set()
        waiting = self._find_due(running)
        for kind in waiting:
            self._announce(kind)
        while not self.stopping.is_set():
            free = [each for each in waiting if not self._is_behind(each, waiting, running)]
            for kind in free:
                waiting.remove(kind)
                self._later.pop(kind.name, None)
                if self._has_needs(kind):
                    running.add(kind.name)
                    start_or_do(partial(self._carry_out, kind), daemon=True)
            if free:
                continue  # one that is not begun keeps nobody back any more
            if not running:
                break
            self._wait(running, LOOK)
            if running and self._has_news():
                waiting += self._find_due({*running, *(each.name for each in waiting)})
        while running:  # they end soon, because they are stopping
            self._wait(running, None)
        now = time.monotonic()
        return min((max(0.0, moment - now) for moment in self._later.values()), default=None)

    def wait_for_room(self) -> None:
        """Wait until it is written how all stand: a runtime folder that is full has room again.

        Till then it is known here alone, and another process would do again what has ended. What
        waits for something else goes on when that comes.
        """
        while self.unwritten and not self.stopping.wait(LOOK):
            for each in list(self.unwritten.values()):
                write(self._context.facts, each, self.unwritten)
            if self._has_news():
                self.run()

    def stop(self) -> None:
        """Have all work end as soon as it can."""
        self.stopping.set()

    def _wait(self, running: set[str], seconds: float | None) -> None:
        """Wait until one that runs has ended, or enough of it is done; at most these seconds."""
        with suppress(queue.Empty):
            if work := self._ended.get(timeout=seconds):
                running.discard(work.kind.name)
                if work.next_run is not None:
                    self._later[work.kind.name] = time.monotonic() + work.next_run

    def _has_news(self) -> bool:
        """Return whether one that waits may go on: its time has come, or a watched file is new."""
        if self._order is not None:
            return False
        now = time.monotonic()
        return self._news.look() or any(moment <= now for moment in self._later.values())

    def _find_due(self, others: Collection[str]) -> list[Kind]:
        """Return the kinds that are due, except for these."""
        known = list_known(self._context.facts, self.unwritten)
        kinds = (kind for kind in self._kinds.values() if kind.name not in others)
        return [kind for kind in kinds if self._is_due(kind, known)]

    def _is_due(self, kind: Kind, known: Sequence[Record]) -> bool:
        if self._order is not None:
            return kind.name in self._order
        states = {each.name: each.state for each in known if each.kind == kind.name}
        return kind.name not in states or not UNDECIDED.isdisjoint(states.values())

    def _announce(self, kind: Kind) -> None:
        """Let everybody see from the beginning what there will be."""
        if self.find(kind.name) is None:
            first = Record(kind.name, State.WAITING, timestamp(time.time()), reason=NOT_YET)
            write(self._context.facts, first, self.unwritten)

    def _is_behind(self, kind: Kind, waiting: Iterable[Kind], running: Iterable[str]) -> bool:
        before = {*kind.needs, *kind.after(self._context.settings)}
        behind = {name for name in running if name in kind.needs or not self._has_enough(name)}
        return not before.isdisjoint({*behind, *(each.name for each in waiting)})

    def _has_enough(self, name: str) -> bool:
        """Return whether as much of a kind is done as others wait for."""
        part = self._kinds[name].enough
        found = self.find(make_name(name, part)) if part else None
        return found is not None and found.state in GOOD

    def _has_needs(self, kind: Kind) -> bool:
        """Return whether all that a kind needs is there; else note for what it waits."""
        for name in kind.needs if self._order is None else ():
            needed = self.find(name) if name in self._kinds else None
            if needed and needed.state not in GOOD:
                how = "has failed" if needed.state in BAD else "is not done yet"
                hint = needed.hint if needed.state in BAD else ""
                self._make_work(kind).own.wait(f"{name} {how}", hint)
                return False
        return True

    def _make_work(self, kind: Kind) -> Work:
        order = self._order or {}
        return Work(
            self._context, kind, self._speaker, self.stopping,
            again=kind.name in order, only=order.get(kind.name, ""), unwritten=self.unwritten,
            wake=lambda: self._ended.put(None),
        )  # fmt: skip

    def _carry_out(self, kind: Kind) -> None:
        work = self._make_work(kind)
        try:
            with hold(self._context.facts, kind.name, is_repeated=self._order is None):
                try:
                    leftovers.end(self._context.facts, kind.name)
                    kind.carry_out(work)
                except Exception as error:
                    fail(work, error)
                if self._order is not None or not self.stopping.is_set():
                    for unit in end_interrupted(work):
                        self._speaker.end(unit, ())
        except BusyError:
            work.again_in(BUSY_PAUSE)
        except OSError as error:
            fail(work, error)
        finally:
            self._ended.put(work)


def fail(work: Work, error: Exception) -> None:
    """Let a kind's own unit fail for what its work has raised.

    Where the runtime folder takes nothing, what it refuses waits for room.
    """
    if isinstance(error, AgentError):
        problem = error.problems[0]
        work.own.fail(problem.message, problem.hint)
    elif isinstance(error, OSError) and work.unwritten:
        work.own.wait(describe_refusal(error), f"make room in {work.context.facts.runtime}")
    elif isinstance(error, OSError):
        work.own.fail_for(error, f"devcopilot rerun {work.kind.name}")
    else:
        work.own.fail(f"internal error: {faults.describe(error)}", "please report this line")


class News:
    """Notices when a file is not the one of the last look."""

    def __init__(self, paths: Iterable[Path]) -> None:
        self._paths = tuple(paths)
        self._seen = self._stamp()

    def look(self) -> bool:
        """Return whether any of them has changed since the last look."""
        before, self._seen = self._seen, self._stamp()
        return self._seen != before

    def _stamp(self) -> list[tuple[int, int] | None]:
        return [_find_stamp(path) for path in self._paths]


def _find_stamp(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns


@contextmanager
def hold(facts: Facts, kind: str, *, is_repeated: bool = False) -> Iterator[None]:
    """Be the only process that carries this kind out. Raises BusyError, and OSError.

    `is_repeated`: if it is killed, somebody begins again.
    """
    path = unit_record.find_lock(facts, kind)
    path.parent.mkdir(0o700, exist_ok=True)
    with path.open("a") as file:
        if not holders.take_alone(file.fileno()):
            raise BusyError
        with suppress(OSError):  # a full disk
            how = unit_record.REPEATED if is_repeated else unit_record.ONCE
            holders.set_name(file.fileno(), f"{how} {os.getpid()}")  # for the editor's companion
        yield


def end_interrupted(work: Work) -> list[Record]:
    """Let no unit of a kind be running on which nobody works any more; return them.

    Somebody has stopped the work, or killed an earlier run. Only who holds the kind, and has done
    its work, may call it. One whose end could not be written is not interrupted.
    """
    facts = work.context.facts
    found = [each for each in list_known(facts, work.unwritten)
             if each.kind == work.kind.name and each.state is State.RUNNING]  # fmt: skip
    now = timestamp(time.time())
    ended = [replace(unit_record.interrupt(each), since=now) for each in found]
    for each in ended:
        write(facts, each, work.unwritten)
    return ended


def is_settled(facts: Facts) -> bool:
    """Return whether all units are decided: none is at work, or waits for something."""
    return UNDECIDED.isdisjoint(each.state for each in unit_record.list_written(facts))


def reopen(facts: Facts) -> None:
    """Have kinds looked at again that had nothing to do: there may be something now."""
    for known in list(unit_record.list_all(facts)):
        if known.state is State.SKIPPED and known.kind == known.name:
            UNIT.write(facts, replace(known, state=State.WAITING, reason=NOT_YET), known.name)
    trigger(facts)
