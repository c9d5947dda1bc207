"""Carries out what is due of all kinds, side by side, each when what it needs is there.

It ends when nothing more can be done now. What waits for a token, a decision or a time is done by a
further run, which init starts: a change of a watched file or `Work.again_in` asks for it.
"""

import queue
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace

from agent.life import record
from agent.life.poke import poke
from agent.life.record import BAD, FOLDER, GOOD, UNIT, Record, State
from agent.life.unit import Kind, Speaker, Work, make_name
from agent.machine import faults, holders
from agent.machine.clock import timestamp
from agent.machine.errors import AgentError
from agent.machine.system import Facts
from agent.settings.context import Context

NOT_YET = "it has not started yet"
UNDECIDED = frozenset({State.WAITING, State.RUNNING})
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
    ) -> None:
        """`order`: what is asked for by hand, though it may be done; None: all that is due.

        It maps a kind to the part that is meant, or to an empty text for all of it.
        """
        self._context = context
        self._kinds = {kind.name: kind for kind in kinds if kind.wanted(context.settings)}
        self._speaker = speaker
        self._order = order
        self._ended: queue.SimpleQueue[Work | None] = queue.SimpleQueue()
        """The work that has ended; None: of one that goes on, enough is done."""
        self.stopping = threading.Event()

    def run(self) -> float | None:
        """Carry it out; return the seconds until it wants to be run again, None: not by itself."""
        known = list(record.list_all(self._context.facts))
        waiting = [kind for kind in self._kinds.values() if self._is_due(kind, known)]
        for kind in waiting:
            self._announce(kind)
        running: set[str] = set()
        pauses: list[float] = []
        while not self.stopping.is_set():
            free = [each for each in waiting if not self._is_behind(each, waiting, running)]
            for kind in free:
                waiting.remove(kind)
                if self._has_needs(kind):
                    running.add(kind.name)
                    threading.Thread(target=self._carry_out, args=(kind,), daemon=True).start()
            if free:
                continue  # one that is not begun keeps nobody back any more
            if not running:
                break
            if work := self._ended.get():
                running.discard(work.kind.name)
                pauses += [] if work.next_run is None else [work.next_run]
        while running:  # they end soon, since they are told to
            if work := self._ended.get():
                running.discard(work.kind.name)
        return min(pauses, default=None)

    def stop(self) -> None:
        """Have all work end as soon as it can."""
        self.stopping.set()

    def _is_due(self, kind: Kind, known: Sequence[Record]) -> bool:
        if self._order is not None:
            return kind.name in self._order
        states = {each.name: each.state for each in known if each.kind == kind.name}
        return kind.name not in states or not UNDECIDED.isdisjoint(states.values())

    def _announce(self, kind: Kind) -> None:
        """Let everybody see from the beginning what there will be."""
        facts = self._context.facts
        if record.read(facts, kind.name) is None:
            first = Record(kind.name, State.WAITING, timestamp(time.time()), reason=NOT_YET)
            with suppress(OSError):
                UNIT.write(facts, first, kind.name)

    def _is_behind(self, kind: Kind, waiting: Iterable[Kind], running: Iterable[str]) -> bool:
        before = {*kind.needs, *kind.after(self._context.settings)}
        behind = {name for name in running if name in kind.needs or not self._has_enough(name)}
        return not before.isdisjoint({*behind, *(each.name for each in waiting)})

    def _has_enough(self, name: str) -> bool:
        """Tell whether as much of a kind is done as others wait for."""
        part = self._kinds[name].enough
        found = record.read(self._context.facts, make_name(name, part)) if part else None
        return found is not None and found.state in GOOD

    def _has_needs(self, kind: Kind) -> bool:
        """Tell whether all that a kind needs is there; else note for what it waits."""
        for name in kind.needs if self._order is None else ():
            needed = record.read(self._context.facts, name) if name in self._kinds else None
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
            again=kind.name in order, only=order.get(kind.name, ""),
            wake=lambda: self._ended.put(None),
        )  # fmt: skip

    def _carry_out(self, kind: Kind) -> None:
        work = self._make_work(kind)
        try:
            with hold(self._context.facts, kind.name):
                kind.carry_out(work)
        except BusyError:
            work.again_in(BUSY_PAUSE)
        except AgentError as error:
            problem = error.problems[0]
            work.own.fail(problem.message, problem.hint)
        except OSError as error:
            work.own.fail_for(error, f"devcopilot rerun {kind.name}")
        except Exception as error:
            words = f"internal error: {faults.describe(error)}"
            work.own.fail(words, "please report this line")
        finally:
            self._ended.put(work)


@contextmanager
def hold(facts: Facts, kind: str) -> Iterator[None]:
    """Be the only process that carries this kind out. Raises BusyError, and OSError."""
    path = facts.runtime / FOLDER / f"{kind}.lock"
    path.parent.mkdir(0o700, exist_ok=True)
    with path.open("a") as file:
        if not holders.take(file.fileno()):
            raise BusyError
        yield


def reopen(facts: Facts) -> None:
    """Have kinds looked at again that had nothing to do: there may be something now."""
    for known in list(record.list_all(facts)):
        if known.state is State.SKIPPED and known.kind == known.name:
            UNIT.write(facts, replace(known, state=State.WAITING, reason=NOT_YET), known.name)
    poke(facts)
