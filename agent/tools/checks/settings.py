"""Whether each AI tool can be set up as it is asked for, and takes the token that it is given."""

from collections.abc import Iterator

from agent.machine.errors import Problem
from agent.settings.check import Check, Finding, Result
from agent.settings.context import Context
from agent.tools.all import TOOLS
from agent.tools.tool import find_wanted


def look(context: Context) -> Iterator[Finding]:
    """Yield what is in the way of each tool that is wanted or here, as `configure` finds it."""
    settings, facts = context.settings, context.facts
    wanted = find_wanted(TOOLS, settings)
    for tool in TOOLS:
        if tool not in wanted and facts.which(tool.name) is None:
            continue
        planned = tool.resources(settings, facts)
        problems = [item for item in planned if isinstance(item, Problem)]
        for problem in problems:
            result = Result.SKIPPED if problem.level == "info" else Result.WARN
            fix = problem.hint or "devcopilot configure"
            yield Finding(result, problem.message, fix, part=tool.name)
        if not problems and tool.has_login(settings):
            yield Finding(Result.OK, f"{tool.title} is given its key", part=tool.name)


CHECK = Check(
    "ai-settings",
    "AI tools",
    "whether each AI tool gets its key, or accepts the kind of GitHub token given",
    look,
    documents="docs/ai-tools.md",
)
