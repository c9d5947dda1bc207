"""The ports of the workspace in rows: for people, for programs, for the page."""

import pwd
from collections.abc import Iterator, Mapping, Set
from contextlib import suppress
from urllib.parse import urlsplit

from agent.machine.errors import AgentError
from agent.machine.light import proc
from agent.machine.light.clock import format_time
from agent.machine.network import sockets
from agent.machine.values import frozen
from agent.observe.ports import labels, listeners, listening_programs
from agent.observe.ports.listeners import Listener, unmap
from agent.observe.ports.opening import HOST, Doors, advise
from agent.services import registered, supervisord
from agent.services.code_server import NAME as EDITOR
from agent.services.sshd import NAME as SSHD
from agent.settings import context
from agent.settings.context import Context

AGENT = "devcopilot"
"""What a port of the agent itself is called."""
RESOLVER = "127.0.0.11"
"""https://docs.docker.com/engine/network/#dns-services"""


@frozen
class Row:
    """One port. Times are RFC 3339, in UTC."""

    port: int
    protocol: str
    addresses: tuple[str, ...]
    reach: str
    """loopback: only programs in the container reach it; all; or address: those named."""
    uid: int
    user: str | None
    program: str | None
    """None: it is of another user, and cannot be seen."""
    pid: int | None
    folder: str | None
    """Where the program works."""
    label: str
    since: str | None
    """When the program was started."""
    url: str | None
    """Where the editor shows it, as a path where its own address is not known; None: nowhere."""
    ssh: str | None
    """The command that brings it to another machine."""
    advice: tuple[str, ...]
    usual: bool
    """Whether it is neither the agent's own nor a port that an editor keeps for itself."""

    @property
    def identity(self) -> object:
        """Return what tells it from another program's port."""
        return self.protocol, self.port, self.addresses, self.uid, self.pid


@frozen
class Report:
    """All ports, and what cannot be seen."""

    rows: list[Row]
    notes: list[str]


class Services:
    """The services of this life of the container, and the processes that they are."""

    def __init__(self, current: Context, pids: Mapping[str, int] | None) -> None:
        self.names: set[str] = set()
        self._pids: dict[int, str] = {}
        with suppress(AgentError, OSError):  # it is not running here
            self.names = {each.name for each in registered.ROSTER.read(current.facts).services}
            if pids is None:
                states = supervisord.query_states(current.facts.runtime)
                pids = {name: each.pid for name, each in states.items()}
            self._pids = {pid: name for name, pid in pids.items() if pid}
        editor, ssh = current.settings.editor, current.settings.ssh
        self._own = {EDITOR: editor.port, SSHD: ssh.port}
        self._init = (context.read_state(current.facts) or {}).get("pid")

    def find(self, listener: Listener) -> str:
        """Return which service a port is of, AGENT if init holds it; empty: it is of none."""
        if listener.program is None:
            return ""
        if listener.program.pid == self._init:
            return AGENT
        for pid in listening_programs.list_ancestors(listener.program.pid):
            name = self._pids.get(pid, "")
            if name:  # what somebody starts in the editor is below it as well
                return name if self._own.get(name, listener.port) == listener.port else ""
        return ""

    def is_own(self, name: str) -> bool:
        """Tell whether a service is one of the agent's."""
        return name == AGENT or name in self._own


def collect(
    current: Context, *, everything: bool = False, pids: Mapping[str, int] | None = None
) -> Report:
    """Look at all ports; those that are not usual and UDP only where `everything` is asked for.

    `pids`: of the services, by name; None: supervisord is asked.
    """
    found = listeners.find(current.facts.clock, with_udp=everything)
    services, names = Services(current, pids), labels.load(current).find(found)
    doors = find_doors(current, services.names)
    ephemeral = listeners.read_ephemeral()
    rows = []
    for each, name in zip(found, names, strict=True):
        service = services.find(each)
        kept = each.port in ephemeral and each.program and each.program.is_of_editor
        usual = not (services.is_own(service) or kept or is_resolver(each))
        if usual or everything:
            rows.append(describe(each, name or service, doors, usual=usual))
    return Report(rows, list(find_notes()))


def is_resolver(listener: Listener) -> bool:
    """Tell whether this is the name server that docker puts into networks that people make."""
    return set(listener.addresses) == {RESOLVER} and listener.program is None


def find_doors(current: Context, running: Set[str]) -> Doors:
    """Return the ways into this workspace. `running`: the names of its services."""
    settings, facts = current.settings, current.facts
    public = settings.front.public_url or ""
    return Doors(
        public if EDITOR in running else None,
        settings.ssh.port if SSHD in running else None,
        find_user(facts.uid) or str(facts.uid),
        urlsplit(public).hostname or HOST,
        settings.front.find_port_url,
    )


def describe(listener: Listener, label: str, doors: Doors, *, usual: bool) -> Row:
    """Return the row of a port."""
    program = listener.program
    return Row(
        port=listener.port,
        protocol=listener.protocol,
        addresses=tuple(dict.fromkeys(map(unmap, listener.addresses))),
        reach="all" if listener.is_for_all else "loopback" if listener.is_local else "address",
        uid=listener.uid,
        user=find_user(listener.uid),
        program=program.name if program else None,
        pid=program.pid if program else None,
        folder=program.folder if program else None,
        label=label,
        since=format_time(program.since) if program else None,
        url=doors.find_url(listener),
        ssh=doors.find_ssh(listener),
        advice=tuple(advise(listener, doors)) if usual else (),
        usual=usual,
    )


def find_user(uid: int) -> str | None:
    """Return the name of a user; None: it has none here."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return None


def find_notes() -> Iterator[str]:
    """Yield what cannot be seen from here."""
    names = {}
    for pid in sockets.list_processes():
        try:
            names[pid] = proc.read_stat(f"/proc/{pid}")[0]
        except OSError:
            continue
    if engine := listening_programs.find_engine(names):
        yield (
            f"{engine} runs: ports of containers may be missing here, since their networks are "
            "their own; publish them with -p"
        )
