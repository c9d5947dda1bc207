"""How to open a port from outside, and what helps where that would fail."""

import re
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

from agent.machine.network.addresses import is_address, join_port
from agent.machine.network.sockets import TCP
from agent.machine.values import frozen
from agent.observe.ports.listeners import Listener, unmap
from agent.observe.ports.listening_programs import Program

HOST = "HOST"
"""Stands for the machine's name, which the workspace does not know."""
PRIVILEGED = 1024
MOVED = 10000
"""Added to a port that only root may listen on, for the end that is at home."""


@frozen
class Doors:
    """The ways into the workspace."""

    editor: str | None
    """What the editor's address begins with; empty: it is not known; None: there is no editor."""
    ssh_port: int | None
    """None: sshd does not run."""
    user: str
    host: str = HOST
    show: Callable[[int], str] | None = None
    """Returns where the editor shows a port; None: below its own address."""

    @property
    def prefix(self) -> str:
        """Return the path in front of the editor's own."""
        return urlsplit(self.editor or "").path

    @property
    def has_name(self) -> bool:
        """Tell whether people come by a name, which servers may refuse."""
        return self.host != HOST and not is_address(self.host)

    def find_url(self, listener: Listener) -> str | None:
        """Return the address at which the editor shows it; None: it cannot reach it."""
        if self.editor is None or listener.protocol != TCP or not listener.is_on_ipv4:
            return None
        return self.show(listener.port) if self.show else f"{self.editor}/proxy/{listener.port}/"

    def find_ssh(self, listener: Listener) -> str | None:
        """Return the command that brings the port to another machine."""
        if self.ssh_port is None or listener.protocol != TCP:
            return None
        here = listener.port if listener.port >= PRIVILEGED else listener.port + MOVED
        target = find_target(listener)
        return (
            f"ssh -N -L {here}:{target}:{listener.port} -p {self.ssh_port} {self.user}@{self.host}"
        )


def find_target(listener: Listener) -> str:
    """Return where sshd finds it."""
    if listener.is_on_ipv4:
        return "localhost"
    address = unmap(listener.addresses[0])
    return f"[{address}]" if ":" in address else address


# --- advice -------------------------------------------------------------------------------------


PATH, NAME = "PATH", "NAME"
"""In a word of advice: the path that a server is at, and the name that it is called by."""


@frozen
class Kind:
    """A kind of server that needs to know where it is."""

    name: str
    pattern: re.Pattern[str]
    """Found in its command."""
    base: str
    """What gives it its path."""
    hosts: str = ""
    """What has it take a name; empty: it takes any."""


def _match(program: str) -> re.Pattern[str]:
    """Return a pattern for a program that is started by its name, its file, or under a title."""
    return re.compile(rf"(^|[/ ])({program})( |$)")


KINDS = (
    Kind("Vite", _match(r"vite|vite\.js"), "vite --base PATH/",
         "set __VITE_ADDITIONAL_SERVER_ALLOWED_HOSTS=NAME, or server.allowedHosts"),
    Kind("Next.js", _match(r"next|next-server"), 'basePath: "PATH" in next.config.js',
         'allowedDevOrigins: ["NAME"] in next.config.js'),
    Kind("Create React App", _match(r"react-scripts|react-scripts/scripts/start\.js"),
         "PUBLIC_URL=PATH WDS_SOCKET_PATH=PATH/ws"),
    Kind("Angular", _match(r"ng serve"), "ng serve --serve-path PATH"),
    Kind("Vue CLI", _match(r"vue-cli-service|vue-cli-service\.js"),
         'publicPath: "PATH" in vue.config.js'),
)  # fmt: skip
"""https://github.com/coder/code-server/blob/main/docs/guide.md#stripping-proxyport-from-the-request-path
"""


def advise(listener: Listener, doors: Doors) -> Iterator[str]:
    """Yield what helps where the port would not open in the editor, a sentence each."""
    if doors.editor is None or listener.protocol != TCP:
        return
    if doors.find_url(listener) is None:
        address = join_port(unmap(listener.addresses[0]), listener.port)
        yield (
            f"it listens on {address} only, which the editor cannot reach: have it listen on "
            "127.0.0.1"
        )
    kind = find_kind(listener.program) if listener.program else None
    if kind is None or listener.program is None:
        return
    base = f"{doors.prefix}/absproxy/{listener.port}"
    if base not in listener.program.line:
        yield (
            f"{kind.name} expects to be at /. Behind the editor, use "
            f"{kind.base.replace(PATH, base)}, and open {doors.editor}/absproxy/{listener.port}/"
        )
    if kind.hosts and doors.has_name:
        yield f"if {kind.name} refuses the host: {kind.hosts.replace(NAME, doors.host)}"


def find_kind(program: Program) -> Kind | None:
    """Return the kind of server that a program is; None: it is of no kind that needs help."""
    return next((kind for kind in KINDS if kind.pattern.search(program.line)), None)
