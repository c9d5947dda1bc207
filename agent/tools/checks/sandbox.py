"""Whether Codex can run commands: its sandbox needs rights that a hardened container lacks.

It may also end without an error, and without having run anything: so the output counts, too.
https://github.com/openai/codex/issues/15057
"""

from collections.abc import Iterator
from pathlib import Path

from agent.machine import commands
from agent.machine.commands import TOO_LONG
from agent.machine.errors import Problem
from agent.machine.files import SETTINGS
from agent.machine.lines import find_last_line
from agent.machine.parsing import parse_toml
from agent.machine.system import Facts
from agent.settings.check import Check, Finding, Result
from agent.settings.context import Context
from agent.tools.codex import TOOL, find_config

WORD = "devcopilot"
ARGV = (TOOL.name, "sandbox", "--", "echo", WORD)
USAGE = 2
"""Code of a Codex that has no such command."""
OFF = "danger-full-access"
SETTING = f'sandbox_mode = "{OFF}"'
PATIENCE = 15.0


def look(context: Context) -> Iterator[Finding]:
    """Run a harmless command in the sandbox, unless the user has turned that off.

    `codex sandbox` itself does not read the setting from the file.
    """
    facts = context.facts
    if facts.which(TOOL.name) is None:
        return
    file = find_config(facts)
    if is_off(file, facts):
        yield Finding(Result.OK, f"Codex runs commands without a sandbox of its own: {file}")
        return
    done = commands.run(ARGV, facts.user_environ, timeout=PATIENCE)
    ran = WORD in done.stdout.decode(errors="replace").split()
    if done.returncode == 0 and ran:
        yield Finding(Result.OK, "Codex can run commands")
    elif done.returncode == USAGE or done.returncode in (TOO_LONG, commands.NOT_FOUND):
        why = find_last_line(done.stderr, f"it ended with {done.returncode}")
        yield Finding(Result.UNKNOWN, f"cannot try Codex's sandbox: {why}")
    else:
        why = find_last_line(done.stderr) if done.returncode else "it ran nothing, and said nothing"
        why = why.partition(", likely")[0][:200]
        place = "~/.codex/config.toml" if isinstance(file, Problem) else file
        yield Finding(
            Result.WARN, f"Codex cannot run commands in its sandbox here: {why}",
            f"the container is the sandbox: put {SETTING} at the top of {place}",
            {"exit": done.returncode},
        )  # fmt: skip


def is_off(file: Path | Problem, facts: Facts) -> bool:
    """Return whether Codex's own settings turn its sandbox off."""
    try:
        content = None if isinstance(file, Problem) else facts.read(file, SETTINGS)
        return parse_toml(content or b"").get("sandbox_mode") == OFF
    except (OSError, ValueError):
        return False  # Codex itself says so, at each start


CHECK = Check(
    "ai-sandbox",
    "AI tools",
    "whether Codex can run commands in its sandbox (runs echo)",
    look,
    documents="docs/ai-tools.md#codex-cannot-run-commands",
)
