"""Codex: its auth.json holds the key."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from agent.machine.errors import Problem
from agent.machine.formats.parsing import parse_toml
from agent.machine.light.files import SETTINGS
from agent.machine.places import find_folder
from agent.machine.planning.resources import Resource
from agent.machine.system import Facts
from agent.settings.everything import Settings
from agent.tools.config_entries import TOML, Config, Entries
from agent.tools.key import key_file
from agent.tools.mcp import Server
from agent.tools.tool import AiTool, Endpoint, Login, Models, Sandbox

CODEX_REFUSALS = {"cli_auth_credentials_store": ("keyring",), "forced_login_method": ("chatgpt",)}
"""Settings of Codex with which it does not read auth.json, or takes no key from it."""


def resources(settings: Settings, facts: Facts) -> Iterator[Resource | Problem]:
    """Yield Codex's auth.json, as `codex login --with-api-key` writes it."""
    source = settings.ai.openai_key
    folder = find_folder(facts, "CODEX_HOME", ".codex", "Codex")
    if isinstance(folder, Problem):
        if source:
            yield folder
        return
    yield from key_file(
        source,
        facts,
        folder / "auth.json",
        lambda key: json.dumps({"auth_mode": "apikey", "OPENAI_API_KEY": key}) + "\n",
    )
    if source:
        yield from check_codex(folder / "config.toml", facts)


def check_codex(path: Path, facts: Facts) -> Iterator[Problem]:
    """Yield what in Codex's own settings keeps it from the key in auth.json.

    https://github.com/openai/codex/blob/main/docs/config.md
    """
    try:
        document = parse_toml(facts.read(path, SETTINGS) or b"")
    except (OSError, ValueError):
        return  # Codex itself says so, at each start
    for name, words in CODEX_REFUSALS.items():
        if document.get(name) in words:
            yield Problem(
                f"Codex does not use OPENAI_API_KEY: {path} sets {name} to {document[name]}",
                f"remove {name} from {path}, or unset OPENAI_API_KEY",
            )


def find_config(facts: Facts) -> Path | Problem:
    """Return the file of Codex's settings."""
    folder = find_folder(facts, "CODEX_HOME", ".codex", "Codex")
    return folder if isinstance(folder, Problem) else folder / "config.toml"


def make_servers(servers: Mapping[str, Server]) -> Entries:
    """Return Codex's entries for MCP servers. It does not know the transport sse."""
    names = {"command": "command", "args": "args", "env": "env", "cwd": "cwd", "url": "url",
             "headers": "http_headers"}  # fmt: skip
    return {
        ("mcp_servers", name): server.render(names)
        for name, server in servers.items()
        if server.transport != "sse"
    }


KEY = Login(
    "OPENAI_API_KEY",
    lambda settings: settings.ai.openai_key,
    Models("/v1/models", "authorization", "Bearer "),
)
TOOL = AiTool(
    "codex",
    "Codex",
    (KEY,),
    resources,
    Config(find_config, TOML, make_servers),
    Config(
        find_config, TOML, lambda folder: {("projects", str(folder)): {"trust_level": "trusted"}}
    ),
    Endpoint("https://api.openai.com", "OPENAI_BASE_URL"),
    status=("login", "status"),
    sandbox=Sandbox(("sandbox", "--"), find_config, ("sandbox_mode", "danger-full-access")),
    secrets=(".codex/auth.json",),
    kept=(".codex/AGENTS.md", ".codex/config.toml", ".codex/prompts"),
    project=(".codex/config.toml", ".codex/hooks.json", ".codex/rules/"),
    headless=("exec", "e"),
)
