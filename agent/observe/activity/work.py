"""The user's programs work in the background: builds started with nohup, tests, training."""

from agent.observe.activity import origins
from agent.observe.activity.known_programs import WAITING, find_aside
from agent.observe.activity.proc_stat import Process
from agent.observe.activity.signal import Sighting, Signal
from agent.observe.activity.terminal_job import find_foregrounds, find_jobs
from agent.observe.activity.view import View

BUSY = 0.10
"""Of one processor, all of them together."""
WORTH = 0.005
"""Less than this of one process is not looked at."""
PATIENCE = 120.0
"""Seconds for which it must go on: what lasts shorter is everyday business."""


def look(view: View) -> Sighting:
    """Return whether the user's programs have worked for some time."""
    workers = find_workers(view)
    memory = view.memory
    if sum(each.used for each in workers) < BUSY:
        memory.busy = None
        return Sighting(why="no program works in the background")
    first = max(workers, key=lambda each: each.used)
    if memory.busy is None:
        memory.busy = min(view.previous, view.now.boot)
        if memory.boot is None:
            memory.busy = max(memory.begin, first.start_moment)
    if view.now.boot - memory.busy < PATIENCE:
        return Sighting(why=f"{first.name} works, but not for 2 min yet")
    return Sighting(view.now.boot, f"{first.name} works in the background")


def find_workers(view: View) -> list[Process]:
    """Return the user's processes that use the processor and that no other signal tells of."""
    others = {each.pid for each in view.once(find_aside)}
    for members in view.once(find_foregrounds).values():
        others.update(each.pid for each in find_jobs(view, members))
    return [
        each
        for each in view.processes.values()
        if each.used >= WORTH and each.pid not in others and each.name not in WAITING
        if origins.find(view, each) == origins.USER
    ]


SIGNAL = Signal(
    "work",
    "Your programs in the background use more than 10 % of a processor for 2 minutes, such as a "
    "build started with nohup.",
    "unless they are services, or belong to the editor: extensions and language servers",
    look,
)
