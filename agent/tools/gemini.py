"""Gemini CLI: its .env holds the key."""

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

from agent.machine.errors import Problem
from agent.machine.formats import jsonc
from agent.machine.places import find_folder
from agent.machine.planning.resources import Resource
from agent.machine.system import Facts
from agent.settings.everything import Settings
from agent.tools.config_entries import JSON_WITH_COMMENTS, Config, Entries
from agent.tools.json_edit import edit_json, set_default
from agent.tools.key import key_file
from agent.tools.mcp import MEMBER, Server
from agent.tools.tool import AiTool, Endpoint, Login, Models


def resources(settings: Settings, facts: Facts) -> Iterator[Resource | Problem]:
    """Yield Gemini CLI's .env, and the choice of a key as its way to sign in."""
    source = settings.ai.gemini_key
    # What the variable names stands for the home.
    home = find_folder(facts, "GEMINI_CLI_HOME", "", "Gemini CLI")
    wanted = source is not None
    if isinstance(home, Problem):
        if wanted:
            yield home
        return
    yield from key_file(
        source, facts, home / ".gemini/.env", lambda key: f"GEMINI_API_KEY='{key}'\n"
    )
    yield edit_json(
        home / ".gemini/settings.json",
        wanted,
        partial(set_default, wanted, ("security", "auth", "selectedType"), "gemini-api-key"),
        jsonc.parse,
    )


def find_settings(name: str, facts: Facts) -> Path | Problem:
    """Return one of the files in Gemini CLI's folder."""
    home = find_folder(facts, "GEMINI_CLI_HOME", "", "Gemini CLI")
    return home if isinstance(home, Problem) else home / ".gemini" / name


def make_servers(servers: Mapping[str, Server]) -> Entries:
    """Return Gemini CLI's entries for MCP servers."""
    names = {name: name for name in ("command", "args", "env", "cwd", "url", "headers")}
    return {
        (MEMBER, name): server.render(names) | ({"type": server.transport} if server.url else {})
        for name, server in servers.items()
    }


KEY = Login(
    "GEMINI_API_KEY",
    lambda settings: settings.ai.gemini_key,
    # https://ai.google.dev/gemini-api/docs/troubleshooting
    Models("/v1beta/models", "x-goog-api-key", refusal=b"API_KEY_INVALID"),
)
TOOL = AiTool(
    "gemini",
    "Gemini CLI",
    (KEY,),
    resources,
    Config(partial(find_settings, "settings.json"), JSON_WITH_COMMENTS, make_servers),
    Config(
        partial(find_settings, "trustedFolders.json"),
        JSON_WITH_COMMENTS,
        lambda folder: {(str(folder),): "TRUST_FOLDER"},
    ),
    Endpoint("https://generativelanguage.googleapis.com", "GOOGLE_GEMINI_BASE_URL"),
    secrets=(".gemini/.env", ".gemini/oauth_creds.json"),
    kept=(".gemini/GEMINI.md", ".gemini/settings.json", ".gemini/commands"),
    project=(".gemini/settings.json", ".gemini/.env", ".gemini/extensions/"),
    headless=("-p", "--prompt"),
)
