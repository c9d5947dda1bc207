"""Whether AI tools can run commands: a sandbox needs rights that a hardened container lacks.

One may also end without an error, and without having run anything: so the output counts, too.
https://github.com/openai/codex/issues/15057
"""

from collections.abc import Iterator

from agent.machine.errors import Problem
from agent.machine.formats.lines import find_last_line
from agent.machine.formats.parsing import parse_toml
from agent.machine.light.files import SETTINGS
from agent.machine.programs import external_commands
from agent.machine.programs.external_commands import TOO_LONG
from agent.machine.system import Facts
from agent.settings.check import Check, Finding, Result
from agent.settings.context import Context
from agent.tools.all import TOOLS
from agent.tools.tool import AiTool, Sandbox

WORD = "devcopilot"
USAGE = 2
"""Code of a tool that has no such command."""
PATIENCE = 15.0


def look(context: Context) -> Iterator[Finding]:
    """Try each tool that is here and has a sandbox."""
    for tool in TOOLS:
        if tool.sandbox and context.facts.which(tool.name):
            yield try_sandbox(tool, tool.sandbox, context.facts)


def try_sandbox(tool: AiTool, sandbox: Sandbox, facts: Facts) -> Finding:
    """Run a harmless command in the sandbox, unless the user has turned that off.

    The command for it may not read the setting from the file, as `codex sandbox`.
    """
    file, title = sandbox.find_settings(facts), tool.title
    if is_off(sandbox, facts):
        return Finding(Result.OK, f"{title} runs commands without a sandbox of its own: {file}")
    argv = (tool.name, *sandbox.words, "echo", WORD)
    done = external_commands.run(argv, facts.user_environ, timeout=PATIENCE)
    ran = WORD in done.stdout.decode(errors="replace").split()
    if done.returncode == 0 and ran:
        return Finding(Result.OK, f"{title} can run commands")
    if done.returncode in (USAGE, TOO_LONG, external_commands.NOT_FOUND):
        why = find_last_line(done.stderr, f"it ended with {done.returncode}")
        return Finding(Result.UNKNOWN, f"cannot try {title}'s sandbox: {why}")
    why = find_last_line(done.stderr) if done.returncode else "it ran nothing, and said nothing"
    why = why.partition(", likely")[0][:200]
    place = f"the settings of {title}" if isinstance(file, Problem) else file
    name, value = sandbox.off
    return Finding(
        Result.WARN, f"{title} cannot run commands in its sandbox here: {why}",
        f'the container is the sandbox: put {name} = "{value}" at the top of {place}',
        {"exit": done.returncode},
    )  # fmt: skip


def is_off(sandbox: Sandbox, facts: Facts) -> bool:
    """Return whether the tool's own settings turn its sandbox off."""
    file = sandbox.find_settings(facts)
    name, value = sandbox.off
    try:
        content = None if isinstance(file, Problem) else facts.read(file, SETTINGS)
        return parse_toml(content or b"").get(name) == value
    except (OSError, ValueError):
        return False  # the tool itself says so, at each start


CHECK = Check(
    "ai-sandbox",
    "AI tools",
    f"whether {' and '.join(tool.title for tool in TOOLS if tool.sandbox)} can run commands in its "
    "sandbox (runs echo)",
    look,
    documents="docs/ai-tools.md#a-tool-cannot-run-commands",
)
