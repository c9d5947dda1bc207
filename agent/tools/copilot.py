"""Copilot: it takes the login of gh, which follows the token's rotation."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from agent.machine.errors import Problem
from agent.machine.light.token_prefixes import CLASSIC
from agent.machine.places import find_folder
from agent.machine.planning.resources import Resource
from agent.machine.system import Facts
from agent.settings.everything import Settings
from agent.tools.config_entries import JSON, Config, Entries
from agent.tools.key import find_key
from agent.tools.mcp import MEMBER, Server
from agent.tools.tool import AiTool

NAME = "copilot"


def resources(settings: Settings, facts: Facts) -> Iterator[Resource | Problem]:
    """Yield what keeps Copilot from working with the token that was given.

    It refuses a classic one before it asks anybody: "Classic Personal Access Tokens (ghp_) are not
    supported by Copilot".
    """
    named = NAME in settings.ai.tools
    token = find_key(settings.github.token, facts)  # others report what is wrong with it
    if isinstance(token, str) and token.startswith(CLASSIC) and (named or facts.which(NAME)):
        yield Problem(
            f"Copilot refuses the GitHub token: it is a classic one ({CLASSIC}...)",
            "use a fine-grained token (github_pat_...) with the right Copilot Requests, a user "
            "token of a GitHub App (ghu_...), or `devcopilot login` (gho_...)",
            "warning" if named else "info",
        )


def find_servers(facts: Facts) -> Path | Problem:
    """Return the file of Copilot's MCP servers."""
    folder = find_folder(facts, "COPILOT_HOME", ".copilot", "Copilot")
    return folder if isinstance(folder, Problem) else folder / "mcp-config.json"


def make_servers(servers: Mapping[str, Server]) -> Entries:
    """Return Copilot's entries for MCP servers, with all of their tools."""
    names = {name: name for name in ("command", "args", "env", "cwd", "url", "headers")}
    return {
        (MEMBER, name): {
            "type": "local" if server.command else server.transport,
            "tools": ["*"],
            **server.render(names),
        }
        for name, server in servers.items()
    }


TOOL = AiTool(
    NAME,
    "Copilot",
    (),
    resources,
    Config(find_servers, JSON, make_servers),
    overrides=("COPILOT_GITHUB_TOKEN",),
    secrets=(".config/github-copilot", ".copilot"),
    project=(
        ".github/mcp.json",
        ".github/copilot/settings.json",
        ".github/copilot/settings.local.json",
        ".github/hooks/",
    ),
    headless=("-p", "--prompt"),
)
