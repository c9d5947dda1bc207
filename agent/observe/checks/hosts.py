"""The hosts that this workspace needs, and what for."""

from collections.abc import Iterator
from urllib.parse import urlsplit

from agent.backup.target import find_targets
from agent.backup.targets.all import TARGETS
from agent.github.api import find_api_url
from agent.github.hosts import find_accounts
from agent.machine.values import frozen
from agent.services import code_server
from agent.settings.context import Context
from agent.settings.github import GitHub
from agent.tools.all import TOOLS

GALLERY = "https://open-vsx.org"
"""code-server's own default: https://coder.com/docs/code-server/FAQ"""


@frozen
class Host:
    """A server that something here talks to."""

    url: str
    """Scheme, name and port."""
    use: str
    """What for: GitHub, backups."""

    @property
    def name(self) -> str:
        """Return its name, and its port if that is not the usual one."""
        parts = urlsplit(self.url)
        return f"{parts.hostname}:{parts.port}" if parts.port else str(parts.hostname)


def find_hosts(current: Context) -> tuple[Host, ...]:
    """Return each host once."""
    found: dict[str, Host] = {}
    for host in _find_all(current):
        parts = urlsplit(host.url)
        if parts.scheme in ("http", "https") and parts.hostname:
            found.setdefault(host.name, Host(f"{parts.scheme}://{parts.netloc}", host.use))
    return tuple(found.values())


def _find_all(current: Context) -> Iterator[Host]:
    accounts = current.once(find_accounts).known or (current.settings.github,)
    for account in accounts:
        yield from _find_github(account)
    for entry in current.settings.repositories.entries or ():
        yield Host(entry.find_url(current.settings.github.host), "repositories")
    yield from _find_backups(current)
    if url := current.settings.report_url:
        yield Host(url, "control plane")
    for tool in TOOLS:
        if tool.endpoint and tool.has_login(current.settings):
            yield Host(tool.endpoint.find(current.facts.environ), tool.title)
    if current.settings.editor.enabled and current.facts.which(code_server.NAME):
        gallery = current.settings.extensions.gallery
        yield Host(str(gallery["serviceUrl"]) if gallery else GALLERY, "extensions")


def _find_github(account: GitHub) -> Iterator[Host]:
    yield Host(find_api_url(account), "GitHub")
    yield Host(f"https://{account.host}", "GitHub")


def _find_backups(current: Context) -> Iterator[Host]:
    for target in find_targets(TARGETS, current.settings, current.facts).ready:
        if target.server:
            yield Host(target.server, "backups")
