"""Claude Code: its `apiKeyHelper` prints the key."""

import shlex
from collections.abc import Iterator
from functools import partial

from agent.machine.errors import Problem
from agent.machine.places import find_folder
from agent.machine.resources import File, Resource
from agent.machine.secret import SecretInput
from agent.machine.system import Facts
from agent.tools.json_edit import Document, edit_json, set_default
from agent.tools.key import find_file, find_key
from agent.tools.tool import AiTool

MARK = "# devcopilot"
"""The end of every command that the agent puts into a file of the user: by it we know our own."""


def resources(source: SecretInput | None, facts: Facts) -> Iterator[Resource | Problem]:
    """Yield Claude Code's files: its `apiKeyHelper` prints the key, which it never stores.

    https://code.claude.com/docs/en/settings; the second file keeps its first start from asking.
    """
    key = find_key(source, facts)
    if isinstance(key, Problem):
        yield key
    command = None
    if source:
        file = find_file(source, key, facts)
        if isinstance(file, File):
            yield file
        path = file.path if isinstance(file, File) else file
        command = f"cat {shlex.quote(str(path))} {MARK}"
    usual = facts.home / ".claude/settings.json", facts.home / ".claude.json"
    folder = find_folder(facts, "CLAUDE_CONFIG_DIR", ".claude", "Claude Code", empty_is_unset=False)
    wanted = source is not None
    if isinstance(folder, Problem):
        if wanted:
            yield folder
        return
    moved = folder / "settings.json", folder / ".claude.json"
    files = moved if facts.environ.get("CLAUDE_CONFIG_DIR") else usual
    if files != usual:
        yield edit_json(usual[0], False, partial(set_key_helper, None))
    yield edit_json(files[0], wanted, partial(set_key_helper, command))
    yield edit_json(
        files[1], wanted, partial(set_default, wanted, ("hasCompletedOnboarding",), True)
    )


def set_key_helper(command: str | None, document: Document) -> Document:
    """Return Claude's settings with this helper, or without ours; the user's own stays."""
    present = document.get("apiKeyHelper")
    if present is not None and not str(present).endswith(MARK):
        return document
    others = {name: value for name, value in document.items() if name != "apiKeyHelper"}
    if command is None:
        return others
    return document if present == command else {**others, "apiKeyHelper": command}


TOOL = AiTool(
    "claude",
    "Claude Code",
    "ANTHROPIC_API_KEY",
    lambda settings: settings.ai.anthropic_key,
    resources,
)
