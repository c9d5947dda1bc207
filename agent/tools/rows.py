"""What `status` shows of the AI tools: which are there, where from, and what keeps the others."""

from collections.abc import Iterable, Iterator

from agent.machine.errors import Problem
from agent.machine.records import unit_record
from agent.machine.records.unit_record import BAD, Record, State, make_name
from agent.machine.system import Facts
from agent.machine.values import frozen
from agent.settings.everything import Settings
from agent.tools.tool import UNIT, AiTool, find_version, find_wanted, link_of, read_package


@frozen
class Row:
    """What `status` shows of a tool."""

    name: str
    state: str
    """installed, installing, waiting, failed, skipped: this image cannot have it, missing."""
    program: str | None = None
    by: str | None = None
    """agent, or other: the image's or the user's own."""
    package: str | None = None
    """Package and version, of one that the agent installed."""
    problem: str | None = None


def describe(tools: Iterable[AiTool], settings: Settings, facts: Facts) -> Iterator[Row]:
    """Yield a row for each tool that is wanted or there."""
    every = tuple(tools)
    wanted = find_wanted(every, settings)
    for tool in every:
        row = _describe(tool, facts)
        if tool in wanted or row.state not in ("missing", "waiting"):
            yield row


def leave_out(units: Iterable[Record]) -> Iterator[Record]:
    """Yield the units that are none of the tools', for whoever shows the rows of these as well."""
    yield from (unit for unit in units if unit.kind != UNIT)


def _describe(tool: AiTool, facts: Facts) -> Row:
    unit = unit_record.read(facts, make_name(UNIT, tool.name))
    state = unit.state if unit else None
    if state is State.RUNNING:
        return Row(tool.name, "installing")
    problem = (
        str(Problem(unit.reason, unit.hint)) if unit and state in (*BAD, State.SKIPPED) else None
    )
    if program := facts.which(tool.name):
        version = find_version(tool, facts)
        ours = version is not None and program == link_of(tool, facts)
        package = read_package(version) if version and ours else None
        by = "agent" if ours else "other"
        return Row(tool.name, "installed", str(program), by, package, problem)
    if problem:
        return Row(tool.name, "skipped" if state is State.SKIPPED else "failed", problem=problem)
    own = unit_record.read(facts, UNIT)
    return Row(tool.name, "waiting" if own and own.state is State.RUNNING else "missing")
