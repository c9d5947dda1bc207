"""A program works in the foreground of a terminal, connected or not: in tmux it goes on."""

from agent.observe.activity import origins
from agent.observe.activity.known_programs import SHELLS, WAITING, find_aside
from agent.observe.activity.proc_stat import Process
from agent.observe.activity.signal import Sighting, Signal
from agent.observe.activity.terminals import Terminal
from agent.observe.activity.view import View

BUSY = 0.01
"""Of one processor: a program that uses less only waits."""


def look(view: View) -> Sighting:
    """Return when a program in a terminal was at work last."""
    found = Sighting(why="no program runs in a terminal")
    for name, members in view.once(find_foregrounds).items():
        jobs = find_jobs(view, members)
        if not jobs:
            if found.last is None and not is_prompt(members):
                found.why = f"{members[0].name} in pts/{name} only shows something or waits"
            continue
        last = find_last(view, view.terminals[name], jobs)
        if last is None:
            if found.last is None and not is_prompt(members):
                found.why = f"{jobs[0].name} in pts/{name} waits"
        elif found.last is None or last > found.last:
            found = Sighting(last, f"{jobs[0].name} works in terminal pts/{name}")
    return found


def find_foregrounds(view: View) -> dict[str, list[Process]]:
    """Return the processes in the foreground of each terminal."""
    found: dict[str, list[Process]] = {}
    for process in view.processes.values():
        if process.has_terminal and process.is_in_foreground:
            name = process.terminal
            if name in view.terminals:
                found.setdefault(name, []).append(process)
    return found


def find_jobs(view: View, members: list[Process]) -> list[Process]:
    """Return those in a foreground that may be at work, with all that they have started."""
    aside = view.once(find_aside)
    kept = {each.pid for each in aside}
    heads = [each for each in members if each.pid not in kept]
    return [
        each
        for each in view.family.find(heads, without=aside)
        if each.name not in WAITING and not origins.is_agent(view, each)
    ]


def is_prompt(members: list[Process]) -> bool:
    """Tell whether this is a shell at its prompt."""
    first = members[0]
    return len(members) == 1 and first.leads_session and first.name in SHELLS


def find_last(view: View, terminal: Terminal, jobs: list[Process]) -> float | None:
    """Return when programs in the foreground of a terminal were at work; None: they only wait."""
    if sum(each.used for each in jobs) >= BUSY:
        return view.now.boot
    members = view.once(find_foregrounds)[terminal.name]
    if is_prompt(members):
        return None  # what it prints is the echo of a key, or a program's in the background
    started = min(each.start_moment for each in jobs)
    return terminal.output if terminal.output >= started else None


SIGNAL = Signal(
    "terminal-job",
    "A program in the foreground of a terminal prints something, or it and what it has started "
    "use more than 1 % of a processor. In tmux it goes on when the connection breaks.",
    "unless it is a shell at its prompt, only shows something (`top`, `tail`, `watch`, …) or "
    "waits for a key (`vim`, `less`, …)",
    look,
)
