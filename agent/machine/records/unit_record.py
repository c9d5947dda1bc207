"""How each unit stands: the one vocabulary that `status`, `wait`, `log` and `rerun` speak.

         there is nothing to do            it is there
WAITING ──────────────────────> SKIPPED      ┌──────> DONE
  ^ │                                        │
  │ └──────────────────────────────> RUNNING ┼──────> FAILED
  │     what it waits for came         │     │
  └────────────────────────────────────┘     └──────> TIMEOUT
    it waits again, for a token say

A process that was killed leaves its units RUNNING. Whoever reads looks whether one is at work: it
holds the kind's lock.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from agent.machine.records.documents import RUNTIME, Document, fill
from agent.machine.storage import holders
from agent.machine.system import Facts
from agent.machine.values import frozen

FOLDER = "units"
"""In the runtime folder: a file for each unit."""
SEPARATOR = ":"
"""Between a kind and its part: hooks:postCreate."""
REPEATED, ONCE = "repeated", "once"
"""What the holder of a kind says first, then its process: whether somebody begins again if it is
killed, as of the setup job."""
INTERRUPTED = "it was interrupted"
BEGINS_AGAIN = "it was interrupted and begins again"
LONGEST_NAME = 100
"""Characters of the name of a unit: it is the name of a file."""


class State(StrEnum):
    """The state of a unit."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    TIMEOUT = "timeout"
    SKIPPED = "skipped"


GOOD = frozenset({State.DONE, State.SKIPPED})
"""Nobody needs to wait for it any more."""
BAD = frozenset({State.FAILED, State.TIMEOUT})
"""It is over, and somebody must do something."""
UNDECIDED = frozenset({State.WAITING, State.RUNNING})
"""It is not over."""


@frozen
class Record:
    """What is known of one unit."""

    name: str
    """Its kind, or its kind and its part: clone, clone:demo."""
    state: State
    since: str
    """When it came to this state: RFC 3339."""
    took: float | None = None
    """Seconds of the run that ended last."""
    exit: int | None = None
    """Exit code of the command that decided it."""
    reason: str = ""
    """One plain sentence."""
    hint: str = ""
    """What to do about it."""
    log: str = ""
    """Path of the log of the last run."""
    progress: int | None = None
    """Per cent of the work that goes on."""

    @property
    def kind(self) -> str:
        """Return the kind of the unit."""
        return self.name.split(SEPARATOR, 1)[0]


def find_open(records: Iterable[Record]) -> list[Record]:
    """Return the units that are not done, each once: not one of which a part says the same."""
    found = [each for each in records if each.state not in GOOD]
    return [each for each in found if not any(_tells_of(part, each) for part in found)]


def _tells_of(part: Record, whole: Record) -> bool:
    """Return whether the whole stands as it does because this part of it stands so."""
    if not part.name.startswith(f"{whole.name}{SEPARATOR}") or part.state is not whole.state:
        return False
    return whole.state is State.RUNNING or whole.reason.startswith(f"{part.name}: ")


def parse(row: dict[str, Any]) -> Record:
    """Return a record from its JSON. Raises ValueError or TypeError where it is damaged."""
    return fill(Record, {**row, "state": State(row["state"])})


UNIT = Document[Record | None](
    RUNTIME, f"{FOLDER}/UNIT.json", "how a unit stands, which `devcopilot status` reads",
    parse, lambda: None, key="UNIT",
)  # fmt: skip


def read(facts: Facts, name: str) -> Record | None:
    """Return how a unit stands; None: nobody has begun with it."""
    written = UNIT.read(facts, name)
    return judge(facts, written) if written else None


def list_all(facts: Facts) -> Iterator[Record]:
    """Yield how all units stand, by name."""
    return (judge(facts, written) for written in list_written(facts))


def list_written(facts: Facts) -> Iterator[Record]:
    """Yield what was written of all units: one of a process that was killed is RUNNING."""
    try:
        paths = sorted((facts.runtime / FOLDER).glob("*.json"))
    except OSError:
        return
    for path in paths:
        if record := UNIT.read(facts, path.stem):
            yield record


def judge(facts: Facts, written: Record) -> Record:
    """Return how a unit stands of which this was written."""
    if written.state is not State.RUNNING:
        return written
    path = find_lock(facts, written.kind)
    if holders.is_held(path):
        return written
    written = UNIT.read(facts, written.name) or written  # it may just have ended
    if written.state is not State.RUNNING:
        return written
    if holders.find_last_name(path).startswith(REPEATED):
        return replace(written, state=State.WAITING, reason=BEGINS_AGAIN, progress=None)
    return interrupt(written)


def interrupt(unit: Record) -> Record:
    """Return how a unit stands whose work was interrupted."""
    return replace(unit, state=State.FAILED, reason=INTERRUPTED, progress=None)


def find_lock(facts: Facts, kind: str) -> Path:
    """Return the file that is locked as long as somebody carries out a kind."""
    return facts.runtime / FOLDER / f"{kind}.lock"


def make_name(kind: str, part: str) -> str:
    """Return the name of a part's unit: of what strangers call it only what fits in file names."""
    plain = re.sub(r"[^\w.:+-]+", "-", part, flags=re.ASCII).strip("-.") or "unnamed"
    return f"{kind}{SEPARATOR}{plain}"[:LONGEST_NAME]
