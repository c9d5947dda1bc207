"""What a unit has done, and must not do again: a mark is written after success.

What is of the volume, such as a clone, outlives the container with the state folder; what is of
the container, such as a program that its start hooks began, ends with the runtime folder.
"""

from functools import partial

from agent.machine.records.documents import RUNTIME, STATE, Document, fill
from agent.machine.system import Facts
from agent.machine.values import frozen

RUNNING, DONE = "running", "done"


@frozen
class Mark:
    """That a unit has begun, or has done its work."""

    state: str = ""
    """running or done; empty: neither is known."""
    fingerprint: str = ""
    """Of what it was done with; another one is another work."""


def _make_document(folder: str, meaning: str) -> Document[Mark]:
    return Document(
        folder, "life/UNIT.json", meaning, partial(fill, Mark), Mark,
        spare=folder == STATE, durable=folder == STATE, key="UNIT",
    )  # fmt: skip


ON_VOLUME = _make_document(STATE, "what a unit has done on this volume")
IN_CONTAINER = _make_document(RUNTIME, "what a unit has done in this container")


@frozen
class Marks:
    """The mark of one unit."""

    facts: Facts
    name: str
    document: Document[Mark] = ON_VOLUME

    def is_done(self, fingerprint: str) -> bool:
        """Return whether this work has been done."""
        return self._read() == Mark(DONE, fingerprint)

    def was_interrupted(self) -> bool:
        """Return whether a run had begun and has not ended: somebody killed it."""
        return self._read().state == RUNNING

    def set_running(self, fingerprint: str) -> None:
        """Note that the work begins. Raises OSError."""
        self._write(Mark(RUNNING, fingerprint))

    def set_done(self, fingerprint: str) -> None:
        """Note that the work is done. Raises OSError."""
        self._write(Mark(DONE, fingerprint))

    def forget(self) -> None:
        """Take the mark away: the next run does the work again. Raises OSError."""
        if self._read() != Mark():
            self._write(Mark())

    def _read(self) -> Mark:
        return self.document.read(self.facts, self.name)

    def _write(self, mark: Mark) -> None:
        self.document.write(self.facts, mark, self.name)
