"""What is killed: everything in the lists of the agent's own code, so that a new thing is among it.

A verb runs without words unless WORDS has some for it; a unit is carried out by `rerun`; a job is
started as init starts it. `tests/unit/test_victims.py` sees that nothing is left out.
"""

import random
import threading
from collections.abc import Iterable
from dataclasses import dataclass

from agent.__main__ import VERBS
from agent.services.all import SERVICES
from agent.units.all import KINDS
from agent.workspace.jobs import JOBS

PID_1 = {"run", "init"}
"""They are what must survive."""
WORDS: dict[str, tuple[tuple[str, ...], ...]] = {
    "editor": (("/",),),
    "exec": (("--", "sleep", "0.5"),),
    "hooks": ((), ("run",)),
    "clone": (("octo/demo",),),
    "wait": (("--timeout", "1s"),),
    "rerun": (("--all",),),
    "done": (("a-step",),),
    "backup": (("create",), ("list",), ("verify",), ("prune",), ("undo", "--yes")),
    "keep": (("1m",),),
    "support-bundle": (("--out", "-"),),
}
"""Verb -> what it is called with."""


@dataclass(frozen=True)
class Victim:
    """Something that is killed."""

    kind: str
    """kept, service, session, job, unit, verb, or anything: whatever lives just then."""
    name: str = ""
    words: tuple[str, ...] = ()
    """Of its command line: those of a verb are all, and `devcopilot` comes before them."""

    def __str__(self) -> str:
        return f"{self.kind} {self.name}".strip()


COPY = ("agent.init", "--booted")
"""Words of a copy of init."""
KEPT = (
    Victim("kept", "log process", ("agent.init.logger",)),
    Victim("kept", "watch", COPY),
    Victim("kept", "listener", ("/listener",)),
)
"""What is always there besides the services."""


def list_jobs() -> tuple[Victim, ...]:
    """Return all jobs of init."""
    return tuple(
        Victim("job", kind.job.name, COPY if kind.job.in_copy else tuple(kind.job.argv[1:]))
        for kind in JOBS
    )


def list_verbs() -> tuple[Victim, ...]:
    """Return all verbs that do not become PID 1, as people call them."""
    return tuple(
        Victim("verb", " ".join((verb, *words)), (verb, *words))
        for verb in VERBS if verb not in PID_1
        for words in WORDS.get(verb, ((),))
    )  # fmt: skip


def list_units() -> tuple[Victim, ...]:
    """Return all kinds of units, as somebody has them carried out again."""
    return tuple(Victim("unit", kind.name, ("rerun", kind.name)) for kind in KINDS)


def list_services() -> tuple[Victim, ...]:
    """Return the agent's own services."""
    return tuple(Victim("service", service.name) for service in SERVICES)


class Deck:
    """Victims in random order, each as often as any other; several threads draw from it."""

    def __init__(self, victims: Iterable[Victim], chance: random.Random) -> None:
        self._victims = tuple(victims)
        self._chance = chance
        self._left: list[Victim] = []
        self._later: list[Victim] = []
        self._lock = threading.Lock()

    def draw(self) -> Victim:
        """Return the next one."""
        with self._lock:
            if not self._left:
                self._left = [*self._victims, *self._later]
                self._later.clear()
                self._chance.shuffle(self._left)
            return self._left.pop()

    def put_back(self, victim: Victim) -> None:
        """Have one come again in the next round that could not be killed in this."""
        with self._lock:
            self._later.append(victim)
