"""An AI tool is at work. One that waits at its prompt is not."""

from agent.observe.activity.known_programs import find_tools, is_headless
from agent.observe.activity.proc_stat import Process
from agent.observe.activity.signal import Sighting, Signal
from agent.observe.activity.view import View

BUSY = 0.02
"""Of one processor, with all that it has started: one that waits draws nothing."""
RESTING = 0.005
"""Below this what its terminal shows is not its own: an echo, a message of ours."""


def look(view: View) -> Sighting:
    """Return when an AI tool was at work last."""
    found = Sighting(why="no AI tool runs")
    for pid, tool in view.once(find_tools).items():
        last = find_last(view, tool, view.processes[pid])
        if last is None:
            if found.last is None:
                found.why = f"{tool} waits at its prompt"
        elif found.last is None or last > found.last:
            found = Sighting(last, f"{tool} is at work")
    return found


def find_last(view: View, tool: str, process: Process) -> float | None:
    """Return when this tool was at work last; None: it waits."""
    used = sum(each.used for each in view.family.find([process]))
    if used >= BUSY or is_headless(view, tool, process):
        return view.now.boot
    terminal = view.find_terminal(process)
    if terminal and used >= RESTING and terminal.output >= view.previous:
        return terminal.output
    return None


SIGNAL = Signal(
    "ai",
    "An AI tool, such as `claude`, uses the processor, or what it has started does; or it does one "
    "task and ends (`claude -p`, `codex exec`, …).",
    "unless it waits at its prompt",
    look,
)
