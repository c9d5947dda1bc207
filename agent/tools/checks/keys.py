"""Whether each AI tool's host takes the key that was given: it is asked for its list of models."""

from collections.abc import Iterator
from urllib.parse import urlsplit

from agent.machine.errors import Problem
from agent.machine.network import web
from agent.machine.system import Facts
from agent.settings.check import Check, Finding, Result
from agent.settings.context import Context
from agent.tools.all import TOOLS
from agent.tools.key import find_key
from agent.tools.tool import AiTool, Endpoint, Login, Models

REFUSED = (401, 403)
INVALID = 400
VERSION = "/v1"
"""With which some variables for a URL end, such as OPENAI_BASE_URL."""


def look(context: Context) -> Iterator[Finding]:
    """Yield a finding for each key that was given."""
    for tool in TOOLS:
        for login in tool.logins:
            if login.find(context.settings):
                yield from look_at_key(tool, login, context)


def look_at_key(tool: AiTool, login: Login, context: Context) -> Iterator[Finding]:
    """Ask the host of one key."""
    part = login.variable
    key = find_key(login.find(context.settings), context.facts)
    if isinstance(key, Problem):
        yield Finding(Result.FAIL, key.message, key.hint or f"set {part}_FILE", part=part)
    elif key is not None and login.models and tool.endpoint:
        yield ask(key, login, tool.endpoint, login.models, context.facts)


def ask(key: str, login: Login, endpoint: Endpoint, models: Models, facts: Facts) -> Finding:
    """Return what the host says to the key."""
    url = find_url(endpoint, models, facts)
    host, part = urlsplit(url).hostname, login.variable
    headers = {**models.more, models.header: f"{models.scheme}{key}", "user-agent": "devcopilot"}
    try:
        status, _, body = web.ask("GET", url, facts.environ, headers)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error) or type(error).__name__
        return Finding(Result.UNKNOWN, f"{host} cannot be asked: {why}",
                       "devcopilot doctor network", part=part)  # fmt: skip
    said = {"status": status, "host": host}
    is_invalid = status == INVALID and models.refusal and models.refusal in body
    if status in REFUSED or is_invalid:
        return Finding(Result.FAIL, f"{host} refuses {part} (status {status})",
                       f"put a valid key into {part}_FILE, then: devcopilot configure", said,
                       part)  # fmt: skip
    if status == 200:
        return Finding(Result.OK, f"{host} takes {part}", facts=said, part=part)
    return Finding(Result.UNKNOWN, f"{host} answered with status {status}, which does not show "
                   f"whether {part} is good", facts=said, part=part)  # fmt: skip


def find_url(endpoint: Endpoint, models: Models, facts: Facts) -> str:
    """Return the address of the list, at the host that the tool uses."""
    base = endpoint.find(facts.environ).rstrip("/")
    path = models.path
    return base + (path.removeprefix(VERSION) if base.endswith(VERSION) else path)


CHECK = Check(
    "ai-keys",
    "AI tools",
    "whether the host of each AI tool takes the given key (lists its models, which is free)",
    look,
    network=True,
    documents="docs/ai-tools.md",
)
