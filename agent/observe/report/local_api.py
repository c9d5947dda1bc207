"""The local API: /health and /status as the original's supervisor answers, and Jupyter's own.

Its documentation and its code name the connections differently: both names are there. The answers
hold no secret, since every user of the machine may read them.
"""

import json
import os
import time
from datetime import UTC, datetime
from typing import Any

from agent.machine.light.clock import parse_time
from agent.machine.light.proc import read_stat
from agent.observe import activity
from agent.observe.activity import sample
from agent.observe.report import body
from agent.observe.report.look import Look, make_look
from agent.observe.serve.surface import NotFoundError, Request, Response, Surface
from agent.settings import context, surfaces
from agent.settings.context import Context

TICKS = os.sysconf("SC_CLK_TCK")
FRESH = 2.0
"""Seconds: whoever asks more often gets the same answer."""
START = 19
"""Of the fields after a process's name, that of its start: proc_pid_stat(5)."""


def answer(request: Request, current: Context) -> Response:
    """Answer one request."""
    answers = {"/health": make_health, "/status": make_status, "/api/status": make_jupyter_status}
    if request.path not in answers:
        raise NotFoundError
    document = answers[request.path](current)
    text = json.dumps(document, indent=2, sort_keys=True) + "\n"
    return Response(text.encode(), "application/json")


def make_health(current: Context) -> dict[str, Any]:
    """Return what the original says of its health: that it answers is the news."""
    uptime = find_uptime(current)
    return {"healthy": True, "uptimeSeconds": uptime, **name_connections(look_now(current))}


def make_status(current: Context) -> dict[str, Any]:
    """Return how the workspace is used."""
    look = look_now(current)
    return {
        "uptime": format_duration(round(find_uptime(current))),
        "startedAt": f"{find_start(current):%Y-%m-%dT%H:%M:%SZ}",
        "lastIDEActivity": body.shorten(look.ide_used),
        "lastSSHActivity": body.shorten(look.ssh_used),
        **name_connections(look),
    }


def make_jupyter_status(current: Context) -> dict[str, Any]:
    """Return the same as a Jupyter server would, for what culls those.

    https://jupyter-server.readthedocs.io/en/latest/developers/rest-api.html
    """
    started, found = find_start(current), activity.find(current, FRESH)
    last = parse_time(found.at if found.active else found.last) or started
    return {
        "started": f"{started:%Y-%m-%dT%H:%M:%S.%fZ}",
        "last_activity": f"{last:%Y-%m-%dT%H:%M:%S.%fZ}",
        "connections": found.ide.connections + found.ssh.connections,
        "kernels": 0,
    }


def look_now(current: Context) -> Look:
    """Return how the workspace is used. Raises OSError."""
    document = sample.find(str(current.facts.runtime), FRESH)
    clock = current.facts.clock
    return make_look(document, time.time_ns(), clock.uptime())


def name_connections(look: Look) -> dict[str, int]:
    """Return the open connections by the names of the original's code, and of its documentation."""
    return {
        "activeIDE": look.ide,
        "activeSSH": look.ssh,
        "activeIDEConnections": look.ide,
        "activeSSHConnections": look.ssh,
    }


def find_start(current: Context) -> datetime:
    """Return when the workspace started."""
    state = context.read_state(current.facts) or {}
    return parse_time(str(state.get("started", ""))) or datetime.now(UTC)


def find_uptime(current: Context) -> float:
    """Return the seconds since then, whatever has become of the clock on the wall."""
    pid = (context.read_state(current.facts) or {}).get("pid", "self")
    started = int(read_stat(f"/proc/{pid}")[1][START]) / TICKS
    return max(0.0, current.facts.clock.uptime() - started)


def format_duration(seconds: int) -> str:
    """Return whole seconds as Go prints a duration: 2h11m30s."""
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}h{minutes}m{rest}s"
    return f"{minutes}m{rest}s" if minutes else f"{rest}s"


SURFACE = Surface(surfaces.API, answer, password=lambda settings: settings.serving.api_password)
