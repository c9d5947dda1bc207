"""The step that hands the keys over: each tool's files, as the tool itself reads them."""

from collections.abc import Iterator

from agent.machine.errors import Problem
from agent.machine.planning.resources import Resource
from agent.settings.context import Context
from agent.settings.step import Step
from agent.tools.all import TOOLS


def resources(context: Context) -> Iterator[Resource | Problem]:
    """Yield each tool's files: with a key what it needs, without one what takes that back."""
    for tool in TOOLS:
        yield from tool.resources(context.settings, context.facts)


STEP = Step("ai", resources)
