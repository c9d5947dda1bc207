"""The step that gives the MCP servers of DEV8_MCP to every tool, and takes them back."""

from collections.abc import Iterator

from agent.machine.errors import Problem
from agent.machine.planning.resources import Keep, Resource
from agent.settings.context import Context
from agent.settings.step import Step
from agent.tools.all import TOOLS
from agent.tools.config_entries import make_record, plan_configs
from agent.tools.mcp import read_servers

RECORD = make_record("mcp.json", "MCP servers that the agent has written into files of AI tools")


def resources(context: Context) -> Iterator[Resource | Problem]:
    """Yield the entries of all tools. While the file cannot be read, they stay as they are."""
    path, facts = context.settings.ai.mcp, context.facts
    servers = None
    if path is not None:
        found = read_servers(path, facts)
        if isinstance(found, Problem):
            yield found
            yield Keep(RECORD.path(facts))
            return
        servers, problems = found
        yield from problems
    configs = [tool.servers for tool in TOOLS if tool.servers]
    yield from plan_configs(configs, servers, RECORD, facts)


STEP = Step("mcp", resources)
