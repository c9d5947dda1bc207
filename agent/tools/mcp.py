"""The MCP servers of DEV8_MCP: one file for all AI tools, without secrets.

https://modelcontextprotocol.io; every tool keeps its servers in another file and form.
"""

from collections.abc import Mapping
from dataclasses import field
from pathlib import Path
from typing import Any

from agent.machine.errors import Problem
from agent.machine.formats import jsonc
from agent.machine.hints import find_hint
from agent.machine.light.expressions import regex
from agent.machine.light.files import SETTINGS
from agent.machine.light.token_prefixes import AWS, GITHUB, SERVICES, WEB_TOKEN
from agent.machine.system import Facts
from agent.machine.values import frozen
from agent.settings.credentials import is_secret

MEMBER = "mcpServers"
VARIABLE = "DEV8_MCP"
TRANSPORTS = {
    None: "", "stdio": "stdio", "local": "stdio", "http": "http", "streamable-http": "http",
    "sse": "sse",
}  # fmt: skip
MEMBERS = {"type", "command", "args", "env", "cwd", "url", "headers"}
_NAME = regex(r"[A-Za-z0-9_-]{1,64}")
_TOKEN = regex(
    rf"\b(?:{GITHUB}|{SERVICES}|{AWS}|{WEB_TOKEN})[\w-]{{10,}}"
    r"|\bBearer +\S|://[^/@\s]*:[^/@\s]+@"
)
_KEPT_ELSEWHERE = ("authorization", "cookie", "proxy-authorization")
INSTEAD = (
    "let the server read it from a file, or for GitHub's token start it with "
    '"command": "devcopilot", "args": ["exec", "--", …]'
)


@frozen
class Server:
    """One server: a program (`command`), or an address (`url`)."""

    command: str = ""
    args: list[str] = field(default_factory=list)
    env: dict[str, str] = field(default_factory=dict)
    cwd: str = ""
    url: str = ""
    transport: str = "stdio"
    """stdio, http or sse."""
    headers: dict[str, str] = field(default_factory=dict)

    def render(self, names: Mapping[str, str]) -> dict[str, Any]:
        """Return what is not empty of it, under a tool's names for each part."""
        return {given: value for name, given in names.items() if (value := getattr(self, name))}


def read_servers(path: Path, facts: Facts) -> tuple[dict[str, Server], list[Problem]] | Problem:
    """Return the servers of a file with what is wrong with others, or why it cannot be read."""
    try:
        document = jsonc.parse_lenient((facts.read(path, SETTINGS) or b"").decode("utf-8-sig"))
    except OSError as error:
        return Problem(f"cannot read {VARIABLE}={path}: {error.strerror}", find_hint(error, path))
    except ValueError:
        missing = facts.mode(path) is None
        cause = "no such file" if missing else "it is not JSON"
        return Problem(f"cannot read {VARIABLE}={path}: {cause}", f"fix or unset {VARIABLE}")
    rows = document.get(MEMBER) if isinstance(document, dict) else None
    if not isinstance(rows, dict):
        return Problem(f"cannot use {VARIABLE}={path}: it has no object {MEMBER}",
                       f'write {{"{MEMBER}": {{"NAME": {{"command": "…"}}}}}}')  # fmt: skip
    servers, problems = {}, []
    for name, row in rows.items():
        try:
            servers[name] = read_server(name, row)
        except ValueError as error:
            secret = error.args[1:] == (True,)
            hint = INSTEAD if secret else f"fix {name} in {path}"
            problems.append(Problem(f"left out MCP server {name}: {error.args[0]}", hint))
    return servers, problems


def read_server(name: str, row: Any) -> Server:
    """Return a server. Raises ValueError(cause), and with True as well if it holds a secret."""
    if not _NAME.fullmatch(name):
        raise ValueError("a name has only letters, digits, - and _")
    if not isinstance(row, dict) or set(row) - MEMBERS:
        known = ", ".join(sorted(MEMBERS))
        raise ValueError(f"it is not an object of {known}")
    given = row.get("type")
    if not (given is None or isinstance(given, str)) or given not in TRANSPORTS:
        raise ValueError("its type is not stdio, http or sse")
    for part in ("command", "cwd", "url"):
        if not isinstance(row.get(part, ""), str):
            raise ValueError(f"its {part} is not a text")
    if bool(row.get("command")) == bool(row.get("url")):
        raise ValueError("it has no command and no url, or both")
    if not _are_texts(row.get("args", [])) or not isinstance(row.get("args", []), list):
        raise ValueError("its args are not a list of texts")
    for part in ("env", "headers"):
        value = row.get(part, {})
        if not isinstance(value, dict) or not _are_texts(list(value.values())):
            raise ValueError(f"its {part} are not an object of texts")
    transport = "stdio" if row.get("command") else TRANSPORTS[given] or "http"
    parts = {key: value for key, value in row.items() if key != "type"}
    server = Server(**parts, transport=transport)
    check_secrets(server)
    return server


def check_secrets(server: Server) -> None:
    """Raise ValueError(cause, True) where a text is a secret, or asks an environment for one."""
    named = [*server.env.items(), *server.headers.items()]
    for name, value in named:
        plain = name.replace("-", "_")
        if is_secret(plain, value) or (value and name.lower() in _KEPT_ELSEWHERE):
            raise ValueError(f"{name} is a secret, which these files do not hold", True)
    texts = [server.command, server.url, server.cwd, *server.args, *(value for _, value in named)]
    for text in texts:
        if "${" in text:
            raise ValueError("${…} finds nothing: no environment here holds a secret", True)
        if _TOKEN.search(text):
            raise ValueError("it holds a secret, which these files do not", True)


def _are_texts(values: Any) -> bool:
    return isinstance(values, list) and all(
        isinstance(value, str) and value.isprintable() for value in values
    )
