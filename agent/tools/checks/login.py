"""Whether each AI tool says of itself that it is signed in."""

from collections.abc import Iterator

from agent.machine.formats.lines import find_last_line
from agent.machine.programs import external_commands
from agent.machine.programs.external_commands import TOO_LONG
from agent.settings.check import Check, Finding, Result
from agent.settings.context import Context
from agent.tools.all import TOOLS
from agent.tools.tool import AiTool

PATIENCE = 20.0
TITLES = [tool.title for tool in TOOLS if tool.status]


def look(context: Context) -> Iterator[Finding]:
    """Ask each tool that is here and can tell."""
    for tool in TOOLS:
        if tool.status and context.facts.which(tool.name):
            yield ask(tool, context)


def ask(tool: AiTool, context: Context) -> Finding:
    """Return what a tool says."""
    argv = (tool.name, *tool.status)
    done = external_commands.run(argv, context.facts.user_environ, timeout=PATIENCE)
    command, part = " ".join(argv), tool.name
    if done.returncode == 0:
        return Finding(Result.OK, f"{tool.title} is signed in", part=part)
    if done.returncode >= TOO_LONG:  # it did not run to its end
        why = find_last_line(done.stderr, f"it ended with {done.returncode}")
        return Finding(Result.UNKNOWN, f"`{command}` does not work: {why}", part=part)
    if not tool.has_login(context.settings):
        words = f"{tool.title} is not signed in, and no key is given"
        return Finding(Result.SKIPPED, words, f"{tool.name} signs in", part=part)
    names = " and ".join(login.variable for login in tool.logins if login.find(context.settings))
    return Finding(
        Result.FAIL, f"{tool.title} is not signed in although {names} is given",
        f"devcopilot configure; then: {command}", {"exit": done.returncode}, part,
    )  # fmt: skip


CHECK = Check(
    "ai-login",
    "AI tools",
    f"whether {' and '.join(TITLES)} say that they are signed in",
    look,
    network=True,
    documents="docs/ai-tools.md",
)
