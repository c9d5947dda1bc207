"""The tools of dev8-mvp, and a script that asks each for its version where it runs."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Tool:
    """A program: its name, and words that make it tell of itself."""

    name: str
    words: str = "--version"


TOOLS = (
    Tool("devcopilot", "version"),
    *(Tool(name) for name in ("code-server", "bash", "git", "gh", "git-lfs")),
    *(Tool(name) for name in ("node", "npm", "npx", "pnpm", "yarn", "bun", "bunx")),
    Tool("pnpx", "--help"),
    *(Tool(name) for name in ("python3.11", "python3", "python", "pip", "pip3", "pipx")),
    *(Tool(name) for name in ("poetry", "black", "pytest")),
    Tool("go", "version"),
    Tool("gofmt", ""),
    *(Tool(name) for name in ("gcc", "g++", "cc", "c++", "make", "pkg-config", "ld")),
    *(Tool(name) for name in ("aws", "az", "copilot", "rclone")),
    Tool("restic", "version"),
    *(Tool(name) for name in ("jq", "rg", "vim", "nano", "less", "curl", "rsync", "patch")),
    Tool("tmux", "-V"),
    *(Tool(name, "-v") for name in ("zip", "unzip")),
    *(Tool(name, "-V") for name in ("ssh", "xz")),
)
"""Everything that a person finds, whichever way they come in."""

SCRIPT = "\n".join(
    f"{tool.name} {tool.words} </dev/null >/dev/null 2>&1 && "
    f"echo {tool.name} $(command -v {tool.name})"
    for tool in TOOLS
)
"""Prints the name and the place of each tool that runs, a line each."""


def find_missing(report: str) -> dict[str, str]:
    """Return, from what it printed, the tools that did not run and those that the home holds."""
    places = dict(line.split(maxsplit=1) for line in report.splitlines() if " " in line)
    wrong = {tool.name: "does not run" for tool in TOOLS if tool.name not in places}
    wrong |= {name: place for name, place in places.items() if place.startswith("/home")}
    return wrong
