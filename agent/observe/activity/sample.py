"""One sample: look at all signals, and write what they mean for everybody who asks. Light.

The document is RUNTIME/activity.json; docs/json.md says what is in it.
"""

import json
import os

from agent.machine.light import runtime
from agent.observe.activity import last_sample, lease, moment, rules, verdict
from agent.observe.activity.all import SIGNALS
from agent.observe.activity.last_sample import Memory
from agent.observe.activity.signal import Sighting, Signal
from agent.observe.activity.verdict import Verdict
from agent.observe.activity.view import View, read_object

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

FILE = "activity.json"
"""In the runtime folder."""
PERSON = "person"
"""In the memory, beside the signals: when somebody was here last."""


class Sample:
    """What one look has found."""

    def __init__(self, view: View) -> None:
        self.view = view
        if view.memory.has_gap(view.now, view.rules):
            view.memory.begin = view.now.boot
        self.sightings = [(signal, look(view, signal)) for signal in SIGNALS]
        self.holds = [found.why for _, found in self.sightings if found.holds]
        """Why nothing may be stopped at this moment."""
        self.verdict = self._judge()

    def _judge(self) -> Verdict:
        memory = self.view.memory
        signs = [
            (memory.seen[signal.name][0], -number, memory.seen[signal.name][1])
            for number, (signal, found) in enumerate(self.sightings)
            if found.counts and signal.name in memory.seen
        ]
        last = max(signs, default=None)
        sign = (last[0], last[2]) if last else None
        held = [each.until for each in self.view.once(lease.find) if not each.pid]
        return verdict.find(self.view.rules, self.view.now, memory.begin, sign, held)

    def make_document(self) -> "dict[str, Any]":
        """Return what everybody may read."""
        view, found = self.view, self.verdict
        return {
            "at": view.now.tell(view.now.boot),
            "boot": view.now.boot,
            "active": found.active,
            "reason": found.reason,
            "last": view.now.tell(found.last),
            "stops": view.now.tell(found.stops),
            "holds": self.holds,
            "signals": [self._describe(signal, sighting) for signal, sighting in self.sightings],
            "leases": [
                {"name": each.name, "until": view.now.tell(each.until), "why": each.why,
                 "pid": each.pid}
                for each in view.once(lease.find)
            ],
            "ide": self._describe_connections("ide", view.rules.editor_port),
            "ssh": self._describe_connections("ssh", view.rules.ssh_port),
        }  # fmt: skip

    def _describe(self, signal: Signal, sighting: Sighting) -> "dict[str, Any]":
        seen = self.view.memory.seen.get(signal.name)
        return {
            "name": signal.name,
            "last": self.view.now.tell(seen[0]) if seen else None,
            "detail": seen[1] if seen else "",
            "counts": sighting.counts and not sighting.is_capped,
            "why": sighting.why,
        }

    def _describe_connections(self, name: str, port: int) -> "dict[str, Any]":
        count = self.view.sockets.get(port, 0)
        seen = self.view.memory.seen
        if count:
            seen[f"{name} connection"] = [self.view.now.boot, ""]
        last = seen.get(f"{name} connection")
        return {"connections": count, "last": self.view.now.tell(last[0]) if last else None}


def look(view: View, signal: Signal) -> Sighting:
    """Return what a signal sees, and keep when it counted last."""
    found = signal.look(view)
    seen, limit = view.memory.seen, view.rules.job_max
    if found.last is not None and found.counts and not signal.of_person:
        here = max([view.memory.begin, *seen.get(PERSON, ())[:1]])
        if view.now.boot - here > limit:
            hours = f"{limit / 3600:g} h"
            why = f"nobody has been here for {hours}, the limit of DEV8_ACTIVITY_JOB_MAX"
            return Sighting(why=f"{found.detail}, but {why}", is_capped=True)
    if found.last is not None:
        known = seen.get(signal.name)
        if known is None or found.last >= known[0]:
            seen[signal.name] = [found.last, found.detail]
        if found.counts and signal.of_person:
            before = seen[PERSON][0] if PERSON in seen else found.last
            seen[PERSON] = [max(before, found.last), ""]
    return found


def take(folder: str, *, kept: Memory | None = None) -> Sample:
    """Return a sample of the workspace of this runtime folder; nothing is written."""
    known = last_sample.load(folder) if kept is None else kept
    return Sample(View(folder, rules.load(folder), known, moment.read()))


def save(folder: str, sample: Sample) -> "dict[str, Any]":
    """Leave a sample for those who ask, and for the next one; return the document.

    Since it was taken the lock is held, see `last_sample.hold`. Raises OSError.
    """
    document = sample.make_document()
    known = sample.view.memory
    known.close(sample.view.now)
    last_sample.save(folder, known)
    content = json.dumps(document, separators=(",", ":")).encode()
    runtime.write_atomic(os.path.join(folder, FILE), content)
    return document


def find(folder: str, younger_than: float) -> "dict[str, Any]":
    """Return the document of the last sample, or of one taken now if that is too old.

    Raises OSError.
    """
    if fresh := read_fresh(folder, younger_than):
        return fresh
    with last_sample.hold(folder):  # somebody else may have taken one while we waited
        return read_fresh(folder, younger_than) or save(folder, take(folder))


def read_fresh(folder: str, younger_than: float) -> "dict[str, Any]":
    """Return the document of the last sample; an empty one if that is too old."""
    document = read_object(os.path.join(folder, FILE))
    boot = document.get("boot")
    is_fresh = isinstance(boot, float) and 0 <= moment.read().boot - boot < younger_than
    return document if is_fresh else {}
