"""What a service is: how it is run, and how it is asked whether it answers."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import field
from pathlib import Path

from agent.machine.errors import Problem
from agent.machine.network.addresses import LOOPBACK
from agent.machine.planning.resources import Resource
from agent.machine.values import frozen
from agent.settings.context import Context


@frozen
class HttpProbe:
    """Answers when a request without a body yields one of these statuses."""

    port: int
    path: str
    host: str = LOOPBACK
    method: str = "GET"
    expected: tuple[int, ...] = (200,)
    accept: str = ""


@frozen
class BannerProbe:
    """Answers when a connection yields a first line with this prefix."""

    port: int
    prefix: str
    reply: str = ""
    """Sent back as a line: without it some servers log a fault for each probe."""
    host: str = LOOPBACK
    busy: tuple[str, ...] = ()
    """First lines of a server that has too many callers: it lives, and must not be restarted."""


@frozen
class LoginProbe(BannerProbe):
    """Answers when an ssh server greets, and its user can log in."""

    login: tuple[str, ...] = ()
    """A command that logs in with `key` and ends with 0."""
    key: str = ""
    """Path of the private key, beside which lies its public half; made where there is none."""


@frozen
class PortProbe:
    """Answers when a connection is accepted."""

    port: int
    host: str = LOOPBACK


@frozen
class CommandProbe:
    """Answers when the command ends with 0."""

    argv: tuple[str, ...]


Probe = HttpProbe | BannerProbe | LoginProbe | PortProbe | CommandProbe


MARK = "DEV8_SERVICE"
"""Variable with the name of the service that a process is of, in services of the user's own. The
agent's have none: what is started in a terminal of the editor must outlive the editor."""


@frozen
class Service:
    """A long-running program that supervisord keeps."""

    name: str
    argv: tuple[str, ...]
    essential: bool = True
    probe: Probe | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    """Added to the clean environment. No secrets: they go through files."""
    directory: Path | None = None
    first: Probe | None = None
    """Asked beside it until the workspace is ready: what costs too much to be asked for ever."""
    own_secrets: bool = True
    """It is, or starts, programs of the user's: it gets the secrets of the user's own."""
    without: tuple[str, ...] = ()
    """Names that are taken from the clean environment and from the own secrets."""


@frozen
class ServiceKind:
    """One service of the agent's: its files, and how to run it (None: not here, or off)."""

    name: str
    resources: Callable[[Context], Iterable[Resource | Problem]]
    service: Callable[[Context], Service | Problem | None]
    begin: Callable[[Context], object] = lambda _: None
    """As of a step."""

    def find(self, context: Context) -> Service | Problem | None:
        """Return how to run it; looked for once per run."""
        return context.once(self.service)

    def find_resources(self, context: Context) -> Iterator[Resource | Problem]:
        """Yield its files; of one that is not to run, nothing."""
        if isinstance(self.find(context), Service):
            yield from self.resources(context)
