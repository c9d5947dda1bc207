"""The workspace as a whole."""

from collections import Counter

from agent import __version__
from agent.machine.light.log import LEVELS
from agent.machine.records.unit_record import State
from agent.observe.metrics.family import Family, Kind, Sample, moment, one
from agent.observe.status import Status

PHASES = ("starting", "ready", "stopping")


def count_units(status: Status) -> list[Sample]:
    """Return how many units are in each state: a label for each unit would name repositories."""
    found = Counter(unit.state for unit in status.units)
    return [Sample(found[state], {"state": state.value}) for state in State]


def count_problems(status: Status) -> list[Sample]:
    """Return how many problems there are of each severity."""
    found = Counter(trouble.level for trouble in status.problems)
    return [Sample(found[level], {"severity": level}) for level in LEVELS if level != "debug"]


def count_lost_lines(status: Status) -> list[Sample]:
    """Return how many lines of each stream were lost."""
    return [Sample(count, {"stream": name}) for name, count in status.lost_lines.items()]


FAMILIES = (
    Family[Status](
        "devcopilot_info", Kind.INFO, "The version of the agent.",
        lambda _: one(1, version=__version__), ("version",),
    ),
    Family[Status](
        "devcopilot_phase", Kind.GAUGE, "1 for the phase that the workspace is in.",
        lambda status: [Sample(status.phase == phase, {"phase": phase}) for phase in PHASES],
        ("phase",),
    ),
    Family[Status](
        "devcopilot_start_time_seconds", Kind.GAUGE, "When the container was started.",
        lambda status: one(moment(status.started)),
    ),
    Family[Status](
        "devcopilot_ready_seconds", Kind.GAUGE,
        "How long the workspace took from the start of the container until it was ready.",
        lambda status: one(status.ready_seconds),
    ),
    Family[Status](
        "devcopilot_units", Kind.GAUGE,
        "Units (clone, dotfiles, hooks, extensions, tools) in each state.",
        count_units, ("state",),
    ),
    Family[Status](
        "devcopilot_problems", Kind.GAUGE, "Problems that `devcopilot status` lists.",
        count_problems, ("severity",),
    ),
    Family[Status](
        "devcopilot_log_lines_dropped_total", Kind.COUNTER,
        "Lines that the log gave up, since whoever reads the container's output was too slow.",
        count_lost_lines, ("stream",),
    ),
)  # fmt: skip
