"""supervisord: its configuration, the command that starts it, and how to ask it for its services.

No value of a service stands in the INI file, where `%`, `;`, quotes and line breaks have a meaning:
each service has a launcher script, and the INI file names only paths that we chose. The launcher
replaces itself by the program, so it costs nothing once the program runs.
"""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from agent.machine.light import runtime
from agent.machine.planning.resources import File
from agent.machine.system import Facts
from agent.machine.values import frozen
from agent.services import launchers
from agent.services.service import Service

GROUP = "services"
"""All services are in one group: supervisord stops groups one after the other, a group at once."""
LISTENER = "listener"
"""The event listener's script, in the runtime folder."""
START_SECONDS = 10
"""A service that lives as long counts as started; supervisord backs off only from shorter lives."""
START_RETRIES = 3
"""Further starts of an essential service, a second later each; then the container ends."""
OPTIONAL_RETRIES = 1_000_000
"""Of another one, which is never given up; after a day the pause is seven minutes."""
STARTING, RUNNING = "STARTING", "RUNNING"
"""States of a service: it has yet to live for START_SECONDS; it has."""
QUESTION = "supervisor.getAllProcessInfo"
"""https://supervisord.org/api.html"""
QUERY_TIMEOUT = 2.0
"""Seconds that supervisord has to answer."""
STOP_SHARE = 0.75
"""Share of the whole time to stop that a service has before it is killed; what it leaves is for
final jobs, orphans and the log."""

_ACCOUNT = "devcopilot"
"""User and password on the socket. Not a secret: the folder's mode 0700 is what keeps others out,
and a process of the same uid could read any password. Without one supervisord logs an alarm."""

_CONFIG = """\
; Written by the agent. %(here)s is the folder of this file.
[unix_http_server]
file=%(here)s/{socket}
chmod=0600
username={account}
password={account}

[supervisorctl]
serverurl=unix://%(here)s/{socket}
username={account}
password={account}

[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface

[rpcinterface:fork]
supervisor.rpcinterface_factory=agent.services.supervisord_fork:plug_in

[supervisord]
identifier=devcopilot
; the log goes to the standard output
logfile=/dev/null
logfile_maxbytes=0
silent=false
loglevel=info
pidfile=%(here)s/supervisord.pid
childlogdir=%(here)s
nocleanup=true
; take the limits as they are: the defaults refuse to start under lower ones
minfds=16
minprocs=1

[eventlistener:{listener}]
command=/bin/sh '%(here)s/{listener}' '%(here)s/{events}'
events=PROCESS_STATE
buffer_size=1000
autorestart=true
; its output is the protocol: a copy in a file would grow for ever
stdout_logfile=NONE
stderr_logfile=NONE

[group:{group}]
programs={programs}
"""

_PROGRAM = """
[program:{name}]
command=/bin/bash -p '%(here)s/{launchers}/{name}'
autorestart=true
startsecs={start_seconds}
startretries={start_retries}
stopwaitsecs={stop_seconds}
stopasgroup=true
killasgroup=true
redirect_stderr=true
; the launcher leads the output to the log
stdout_logfile=NONE
"""

_LISTENER = """\
#!/bin/sh
# Tells init of every change of a service's state: one line `STATE NAME` to the FIFO $1.
# The protocol: https://supervisord.org/events.html#event-listeners-and-event-notifications
while printf 'READY\\n' && read -r header; do
    event=${header##*eventname:PROCESS_STATE_}
    payload=$(head -c "${header##*len:}")
    case $payload in
    *' groupname:services '*)
        name=${payload#processname:}
        printf '%s %s\\n' "${event%% *}" "${name%% *}" 1<>"$1"
        ;;
    esac
    printf 'RESULT 2\\nOK'
done
"""


@frozen
class ServiceState:
    """What supervisord says of one service."""

    name: str
    state: str
    """STOPPED, STARTING, RUNNING, BACKOFF, STOPPING, EXITED, FATAL or UNKNOWN."""
    pid: int
    """0: not running."""
    started: float | None
    """Seconds since the epoch; None: not running."""
    description: str
    """supervisord's own words, such as the exit code of the last run."""


def resources(services: Sequence[Service], facts: Facts, stop_timeout: float) -> Iterator[File]:
    """Yield the files that supervisord needs to run these services; none without services."""
    if not services:
        return
    content = render_config(services, stop_timeout)
    folder = facts.runtime
    yield File(folder / runtime.SUPERVISORD_CONFIG, content.encode(), 0o600, adopt=True)
    yield File(folder / LISTENER, _LISTENER.encode(), 0o600, adopt=True)
    yield from launchers.resources(services, facts)


def command(facts: Facts) -> tuple[str, ...]:
    """Return the argv that starts supervisord in the foreground."""
    config = facts.runtime / runtime.SUPERVISORD_CONFIG
    return (sys.executable, "-I", "-m", "supervisor.supervisord", "-n", "-c", str(config))


def render_config(services: Sequence[Service], stop_timeout: float) -> str:
    """Return supervisord.conf for these services; `stop_timeout` in seconds."""
    names = ",".join(service.name for service in services)
    head = _CONFIG.format(
        socket=runtime.SUPERVISORD_SOCKET, account=_ACCOUNT, listener=LISTENER,
        events=runtime.EVENTS, group=GROUP, programs=names)  # fmt: skip
    stop_seconds = max(1, int(stop_timeout * STOP_SHARE))
    programs = (
        _PROGRAM.format(
            name=service.name,
            launchers=runtime.LAUNCHERS,
            stop_seconds=stop_seconds,
            start_seconds=START_SECONDS,
            start_retries=START_RETRIES if service.essential else OPTIONAL_RETRIES,
        )
        for service in services
    )
    return head + "".join(programs)


def query_states(folder: Path, timeout: float = QUERY_TIMEOUT) -> dict[str, ServiceState]:
    """Ask the supervisord of this runtime folder; return name -> state.

    Raises OSError when it does not answer within `timeout` seconds, or not with sense.
    """
    from agent.services import rpc  # noqa: PLC0415 - a start writes the configuration only

    rows = rpc.call(
        folder / runtime.SUPERVISORD_SOCKET, f"{_ACCOUNT}:{_ACCOUNT}", QUESTION, timeout
    )
    try:
        return {row["name"]: _read_state(row) for row in rows if row["group"] == GROUP}
    except (KeyError, TypeError, ValueError) as error:
        raise OSError(f"supervisord does not say {error}") from error


def _read_state(row: dict[str, Any]) -> ServiceState:
    running = row["pid"] > 0
    return ServiceState(
        name=row["name"],
        state=row["statename"],
        pid=row["pid"],
        started=float(row["start"]) if running else None,
        description=row["spawnerr"] or row["description"],
    )
