"""Claude Code: its `apiKeyHelper` prints the key; a token of a subscription is in its own file."""

import json
import shlex
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

from agent.machine.errors import Problem
from agent.machine.formats.parsing import parse_json
from agent.machine.light.files import SETTINGS
from agent.machine.places import find_folder
from agent.machine.planning.resources import File, Resource
from agent.machine.system import Facts
from agent.settings.everything import Settings
from agent.tools.config_entries import JSON, Config, Entries
from agent.tools.json_edit import Document, edit_json, set_default
from agent.tools.key import find_file, find_key, key_file
from agent.tools.mcp import MEMBER, Server
from agent.tools.tool import AiTool, Endpoint, Login, Models

MARK = "# devcopilot"
"""The end of every command that the agent puts into a file of the user: by it we know our own."""


CREDENTIALS = ".credentials.json"
KEPT = ("CLAUDE.md", "settings.json", "agents", "commands", "skills")


def resources(settings: Settings, facts: Facts) -> Iterator[Resource | Problem]:
    """Yield Claude Code's files: its `apiKeyHelper` prints the key, which it never stores.

    https://code.claude.com/docs/en/settings; the second file keeps its first start from asking,
    also where only the folder with the credentials came from an older container.
    """
    source, token = settings.ai.anthropic_key, settings.ai.claude_token
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
    wanted = source is not None or token is not None
    if isinstance(folder, Problem):
        if wanted:
            yield folder
        return
    yield from key_file(token, facts, folder / CREDENTIALS, encode_token)
    if source and token:
        yield Problem(
            "Claude Code uses ANTHROPIC_API_KEY, not CLAUDE_CODE_OAUTH_TOKEN",
            "unset one of them",
            "info",
        )
    is_known = wanted or is_users_login(folder / CREDENTIALS, facts)
    moved = folder / "settings.json", folder / ".claude.json"
    files = moved if facts.environ.get("CLAUDE_CONFIG_DIR") else usual
    if files != usual:
        yield edit_json(usual[0], False, partial(set_key_helper, None))
    yield edit_json(files[0], source is not None, partial(set_key_helper, command))
    yield edit_json(
        files[1], wanted, partial(set_default, is_known, ("hasCompletedOnboarding",), True)
    )


def encode_token(token: str) -> str:
    """Return what Claude Code reads as a login with a token that neither ends nor is renewed.

    As a key such a token is refused: it has to be sent in another header, with a mark beside it.
    """
    login = {"accessToken": token, "refreshToken": None, "expiresAt": None,
             "scopes": ["user:inference"], "subscriptionType": None}  # fmt: skip
    return json.dumps({"claudeAiOauth": login}) + "\n"


def is_users_login(path: Path, facts: Facts) -> bool:
    """Return whether the user has signed in: what the file holds is not what the agent writes."""
    try:
        content = facts.read(path, SETTINGS) or b""
        token = parse_json(content)["claudeAiOauth"]["accessToken"]
        return content != encode_token(str(token)).encode()
    except (OSError, ValueError, KeyError, TypeError):
        return False


def set_key_helper(command: str | None, document: Document) -> Document:
    """Return Claude's settings with this helper, or without ours; the user's own stays."""
    present = document.get("apiKeyHelper")
    if present is not None and not str(present).endswith(MARK):
        return document
    others = {name: value for name, value in document.items() if name != "apiKeyHelper"}
    if command is None:
        return others
    return document if present == command else {**others, "apiKeyHelper": command}


def find_state(facts: Facts) -> Path | Problem:
    """Return the file beside its folder in which Claude Code keeps servers and folders."""
    if not facts.environ.get("CLAUDE_CONFIG_DIR"):
        return facts.home / ".claude.json"
    folder = find_folder(facts, "CLAUDE_CONFIG_DIR", ".claude", "Claude Code")
    return folder if isinstance(folder, Problem) else folder / ".claude.json"


def make_servers(servers: Mapping[str, Server]) -> Entries:
    """Return Claude Code's entries for MCP servers."""
    names = {name: name for name in ("command", "args", "env", "url", "headers")}
    return {
        (MEMBER, name): {"type": server.transport, **server.render(names)}
        for name, server in servers.items()
    }


TOOL = AiTool(
    "claude",
    "Claude Code",
    (
        Login(
            "ANTHROPIC_API_KEY",
            lambda settings: settings.ai.anthropic_key,
            Models("/v1/models", "x-api-key", more={"anthropic-version": "2023-06-01"}),
        ),
        Login("CLAUDE_CODE_OAUTH_TOKEN", lambda settings: settings.ai.claude_token),
    ),
    resources,
    Config(find_state, JSON, make_servers),
    Config(
        find_state,
        JSON,
        lambda folder: {("projects", str(folder), "hasTrustDialogAccepted"): True},
    ),
    Endpoint("https://api.anthropic.com", "ANTHROPIC_BASE_URL"),
    status=("auth", "status"),
    secrets=(".claude.json", ".claude/.credentials.json"),
    kept=tuple(f".claude/{name}" for name in KEPT),
    project=(".mcp.json", ".claude/settings.json", ".claude/settings.local.json"),
    headless=("-p", "--print"),
    fed="--input-format",
)
