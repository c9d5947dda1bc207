"""How the workspace is: one typed document, to which each room contributes.

`status`, the page, metrics and reports are made from it. Nothing is asked over the network.
"""

import os
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict
from typing import Any

from agent.backup import status as backup
from agent.backup import undo
from agent.github import status as github
from agent.machine.errors import AgentError, Problem
from agent.machine.light import proc
from agent.machine.light.cgroup import Cgroup
from agent.machine.light.clock import timestamp
from agent.machine.light.files import SECRET, read_file
from agent.machine.records import unit_record
from agent.machine.system import Facts
from agent.machine.values import frozen
from agent.observe import activity, lost_lines
from agent.observe.activity.answer import Activity
from agent.observe.checks import memory
from agent.observe.report import status as reports
from agent.observe.usage import Usage, find_usage
from agent.services import status as services
from agent.settings import context, own_signing, surfaces
from agent.settings.context import Context
from agent.settings.everything import Settings
from agent.tools import rows
from agent.tools.all import TOOLS

UTIME, STIME, RSS = 11, 12, 21
"""Of the fields after the name: proc_pid_stat(5)."""


@frozen
class Job:
    """What init says of a job. Times are RFC 3339, in UTC."""

    running: bool
    runs: int
    last_exit: int | None
    last_started: str | None
    next: str | None
    """When it is to run again; None: only when something starts it."""


@frozen
class Processes:
    """Init and the children that are the agent's own."""

    processes: int
    rss_mb: float
    cpu_seconds: float


@frozen
class Trouble:
    """Something that is wrong, and what fixes it."""

    step: str
    """The part that noticed it; empty: found just now."""
    message: str
    hint: str = ""
    level: str = "warning"

    def __str__(self) -> str:
        return str(Problem(self.message, self.hint))


@frozen
class Status:
    """The workspace. Times are RFC 3339, in UTC."""

    version: int
    """Of this document."""
    pid: int
    """Of init."""
    phase: str
    """starting, ready or stopping."""
    started: str
    ready_seconds: float | None
    """From the start of the container; None: not ready yet."""
    stopping_because: str | None
    cmd: bool
    """Whether the container was started with a command."""
    jobs: Mapping[str, Job]
    workspace: str
    services: list[services.Row]
    tokens: list[github.Row]
    units: list[unit_record.Record]
    tools: list[rows.Row]
    backups: list[backup.Row]
    problems: list[Trouble]
    agent: Processes | None
    """None: they cannot be looked at."""
    usage: Usage
    activity: Activity | None
    """None: the runtime folder takes nothing."""
    page: str | None
    """Address of the workspace page, in here; None: it is turned off."""
    lost_lines: Mapping[str, int]
    """Of each stream of the log: its reader was too slow."""
    report: reports.Row | None = None
    """To the control plane; None: none is sent."""


def collect(current: Context, problems: Callable[[Context], list[Trouble]] | None = None) -> Status:
    """Look at all of it. Raises AgentError when the agent is not running here.

    `problems`: finds those in place of `find_problems`, which runs git.
    """
    settings, facts = current.settings, current.facts
    state = context.read_state(facts)
    if state is None:
        raise AgentError(Problem("the agent is not running here", "`devcopilot run` starts it"))
    return Status(
        version=state["version"],
        pid=state["pid"],
        phase=state["phase"],
        started=state["started"],
        ready_seconds=state["ready_seconds"],
        stopping_because=state["stopping_because"],
        cmd=state["cmd"],
        jobs={name: describe_job(row) for name, row in state["jobs"].items()},
        workspace=str(settings.workspace.folder),
        services=services.find_services(current),
        tokens=github.find_tokens(current),
        units=list(unit_record.list_all(facts)),
        tools=list(rows.describe(TOOLS, settings, facts)),
        backups=backup.find_backups(current),
        problems=(problems or find_problems)(current),
        agent=find_processes(state["pid"]),
        usage=find_usage(current),
        activity=find_activity(current),
        page=find_page(settings),
        lost_lines=lost_lines.FILE.read(facts),
        report=reports.find_row(facts),
    )


def find_page(settings: Settings) -> str | None:
    """Return where the workspace page is."""
    address = surfaces.find_addresses(settings).get(surfaces.PAGE)
    return f"http://{address}/" if address else None


def find_activity(current: Context) -> Activity | None:
    """Return whether somebody or something is at work."""
    try:
        return activity.find(current)
    except OSError:
        return None


def describe_job(row: Mapping[str, Any]) -> Job:
    """Return what init says of a job; `next` is the moment of its next run by today's clock."""
    due = row["next_at"]
    if due is not None:
        left = max(0.0, due - time.clock_gettime(time.CLOCK_BOOTTIME))
        due = timestamp(time.time() + left, digits=0)
    return Job(row["running"], row["runs"], row["last_exit"], row["last_started"], due)


def find_problems(current: Context) -> list[Trouble]:
    """Return what `configure` could not do, and what is wrong by now."""
    known = [Trouble(**row) for row in context.PROBLEMS.read(current.facts)]
    facts = current.facts
    found = [
        own_signing.check_own(current.settings, facts),
        find_unfinished(facts),
        memory.find_problem(Cgroup()),
        reports.find_problem(reports.find_row(facts)),
    ]
    told = {row.message for row in known}
    fresh = [Trouble("", each.message, each.hint, each.level) for each in found if each]
    return [*known, *(row for row in fresh if row.message not in told)]


def find_unfinished(facts: Facts) -> Problem | None:
    """Return the problem of a restore that was stopped on its way, in this life or before."""
    found = undo.find_unfinished(facts)
    return found.describe() if found else None


def find_processes(pid: int) -> Processes | None:
    """Return memory and processor time of init and of the children that are the agent's own."""
    found = []
    try:
        children = read_file(f"/proc/{pid}/task/{pid}/children", SECRET).split()
        found.append(proc.read_stat(f"/proc/{pid}")[1])
    except OSError:
        return None
    for child in children:
        with suppress(OSError):  # it has ended meanwhile
            found.append(proc.read_stat(f"/proc/{int(child)}")[1])
    seconds = sum(int(stat[UTIME]) + int(stat[STIME]) for stat in found) / os.sysconf("SC_CLK_TCK")
    memory = sum(int(stat[RSS]) for stat in found) * os.sysconf("SC_PAGE_SIZE")
    return Processes(len(found), round(memory / 2**20, 1), round(seconds, 2))


def make_document(status: Status) -> dict[str, Any]:
    """Return the status as `devcopilot status --json` prints it."""
    return asdict(status)
