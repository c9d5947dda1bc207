"""Tell how the workspace is: its phase, services, GitHub token, AI tools, backups, problems."""

import argparse
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from agent.backup import undo
from agent.backup.report import find_backups
from agent.commands.layout import Page
from agent.commands.options import add_json_option
from agent.commands.output import Printer
from agent.github import published
from agent.github.hosts import find_accounts
from agent.github.record import read_record
from agent.life import record
from agent.life.record import GOOD, State
from agent.machine.clock import parse_time, timestamp
from agent.machine.errors import AgentError, Problem
from agent.machine.exits import Exit
from agent.machine.human import find_left, format_age, format_duration, format_size, format_wait
from agent.machine.system import Facts
from agent.services import registered, supervisord
from agent.services.probes import find_state
from agent.services.service import Service
from agent.settings import context
from agent.settings.context import Context
from agent.tools.all import TOOLS
from agent.tools.tool import describe as describe_tools
from agent.workspace import signing

DEADLINE = 15.0
"""Seconds for all of it: a file of the home may be on a server that is gone."""
NO_TOKEN = "no token configured; set GITHUB_TOKEN_FILE, or run: devcopilot login"  # noqa: S105 - words


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's options."""
    add_json_option(parser)


def run(_arguments: argparse.Namespace, printer: Printer) -> int:
    """Print the status; exit 0 whatever it says: `health` is the verb that judges."""
    try:
        with context.deadline(DEADLINE):
            document = collect(context.load())
    except TimeoutError as error:
        problem = Problem(
            f"cannot show the status: it took longer than {DEADLINE:g} s",
            "check /proc/mounts for a network file system whose server is gone",
        )
        raise AgentError(problem) from error
    printer.show(document, format_lines(document), lambda: make_page(document))
    return Exit.OK


def make_page(document: dict[str, Any]) -> Page:
    """Return what a terminal shows."""
    from agent.commands import status_page  # noqa: PLC0415 - 20 ms that a pipe is spared

    return status_page.make_page(document)


def collect(current: Context) -> dict[str, Any]:
    """Join what init, supervisord, the token's record and `configure` say of the workspace."""
    settings, facts = current.settings, current.facts
    state = context.read_state(facts)
    if state is None:
        raise AgentError(Problem("the agent is not running here", "`devcopilot run` starts it"))
    return {
        **state,
        "jobs": {name: describe_job(row) for name, row in state["jobs"].items()},
        "workspace": str(settings.workspace.folder),
        "services": collect_services(current, registered.ROSTER.read(facts).services),
        "tokens": collect_tokens(current),
        "units": [asdict(row) for row in record.list_all(facts)],
        "tools": [asdict(row) for row in describe_tools(TOOLS, settings, facts)],
        "backups": [asdict(row) for row in find_backups(current)],
        "problems": collect_problems(current),
        "agent": collect_processes(int(state["pid"])),
    }


def describe_job(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return what init says of a job; `next` is the moment of its next run by today's clock."""
    due = row["next_at"]
    if due is not None:
        left = max(0.0, due - time.clock_gettime(time.CLOCK_BOOTTIME))
        due = timestamp(time.time() + left, digits=0)
    return {**{name: row[name] for name in row if name != "next_at"}, "next": due}


def collect_problems(current: Context) -> list[dict[str, Any]]:
    """Return what `configure` could not do, and what is wrong by now."""
    known = context.PROBLEMS.read(current.facts)
    signing_now = signing.check_own(current.settings, current.facts)
    found = [asdict(signing_now)] if signing_now else []
    found = [row for row in found if row["message"] not in [each["message"] for each in known]]
    return [*known, *found, *find_unfinished(current.facts)]


def find_unfinished(facts: Facts) -> list[dict[str, Any]]:
    """Return the problem of a restore that was stopped on its way, in this life or before."""
    found = undo.find_unfinished(facts)
    return [asdict(found.describe())] if found else []


def collect_services(current: Context, services: Sequence[Service]) -> list[dict[str, Any]]:
    """Return a row for each service: how it is, and in `supervisord` that one's own word."""
    try:
        states = supervisord.query_states(current.facts.runtime)
    except OSError as error:
        unknown = f"unknown: supervisord does not answer ({error.strerror or error})"
        states = {}
    else:
        unknown = "not running"
    rows = []
    for service in services:
        found = states.get(service.name)
        rows.append({
            "name": service.name,
            "state": find_state(service, found, current.facts) if found else unknown,
            "supervisord": found.state if found else None,
            "pid": found.pid if found else 0,
            "since": timestamp(found.started, digits=0) if found and found.started else None,
            "essential": service.essential,
            "probe_port": getattr(service.probe, "port", None),
        })  # fmt: skip
    return rows


def collect_tokens(current: Context) -> list[dict[str, Any]]:
    """Return what is known of each host's token, without the token."""
    accounts = current.once(find_accounts)
    hosts = [account.host for account in accounts.known]
    hosts += sorted(accounts.in_trouble)
    return [_collect_token(host, accounts.in_trouble.get(host), current) for host in hosts]


def _collect_token(host: str, trouble: Problem | None, current: Context) -> dict[str, Any]:
    record = read_record(current.facts, host)
    token = published.read_token(current.facts, host)
    left = token.left(current.facts.clock) if token else None
    names = ("host", "login", "kind", "source", "grants", "checked")
    return {
        **{name: getattr(record, name) for name in names},
        "expires": record.expires if left is None else timestamp(time.time() + left, digits=0),
        "problem": "; ".join(filter(None, (record.problem, str(trouble or "")))),
        "published": token is not None,
    }


def collect_processes(pid: int) -> dict[str, Any]:
    """Return memory and processor time of init and of the children that are the agent's own."""
    import psutil  # noqa: PLC0415 - 30 ms that no other verb pays

    try:
        main = psutil.Process(pid)
        family = [main, *main.children()]
        memory = sum(item.memory_info().rss for item in family)
        seconds = sum(sum(item.cpu_times()[:2]) for item in family)
    except psutil.Error:
        return {}
    return {
        "processes": len(family),
        "rss_mb": round(memory / 2**20, 1),
        "cpu_seconds": round(seconds, 2),
    }


def format_lines(document: dict[str, Any]) -> list[str]:
    """Return the status for a person, a line each."""
    ready = document.get("ready_seconds")
    lines = [f"phase     {document['phase']}" + (f", ready after {ready:g} s" if ready else "")]
    lines += [f"service   {row['name']}: {row['state']}"
              + (f", pid {row['pid']}" if row["pid"] else "")
              + (f", port {row['probe_port']}" if row["probe_port"] else "")
              for row in document["services"]]  # fmt: skip
    tokens = [_describe_token(token) for token in document["tokens"]]
    lines += [f"token     {words}" for words in tokens or [NO_TOKEN]]
    lines += [f"unit      {row['name']}: {_describe_unit(row)}" for row in document["units"]
              if row["state"] not in GOOD]  # fmt: skip
    lines += [f"tool      {row['name']}: {_describe_tool(row)}" for row in document["tools"]]
    lines += [f"backup    {row['target']}: {_describe_backup(row)}" for row in document["backups"]]
    for row in document["problems"]:
        lines.append(f"problem   {Problem(row['message'], row['hint'])}")
    return lines


def _describe_token(token: dict[str, Any]) -> str:
    text = f"{token['host']}: "
    if token["published"]:
        text += f"{token['login'] or 'no user'}, {token['kind'] or 'unknown'} token"
        text += f" from {token['source']}"
        text += f", permissions: {token['grants']}" if token["grants"] else ""
        if expires := parse_time(token["expires"]):
            left = find_left(expires)
            text += f", ends in {format_duration(left)}" if left > 0 else ", expired"
        text += f", checked {token['checked']}" if token["checked"] else ", not checked yet"
    else:
        text += "no token yet"
    return text + (f"; {token['problem']}" if token["problem"] else "")


def _describe_unit(row: dict[str, Any]) -> str:
    text = str(row["state"])
    text += f", {row['progress']} %" if row["progress"] is not None else ""
    if row["state"] == State.RUNNING and (since := parse_time(row["since"])):
        text += f", for {format_duration(-find_left(since))}"
    text += f": {row['reason']}" if row["reason"] else ""
    return text + (f" ({row['hint']})" if row["hint"] else "")


def _describe_tool(row: dict[str, Any]) -> str:
    text = str(row["state"])
    text += f", {row['program']}" if row["program"] else ""
    text += f", {row['package']}" if row["package"] else ""
    return text + (f"; {row['problem']}" if row["problem"] else "")


def _describe_backup(row: dict[str, Any]) -> str:
    seen = parse_time(row["seen"])
    text = "no backup yet"
    if seen:
        text = f"{format_age(seen)}, {row['files']:,} files, {format_size(row['size'])}"
    next_one = parse_time(row["next"])
    if row["missing"]:
        text += f"; it lacks {row['lacking']} files, such as {row['missing'][0]}"
    if row["overdue"]:
        text += f"; overdue since {row['next']}"
    elif next_one:
        text += f"; the next {format_wait(next_one)}"
    faults = (row[name] for name in ("problem", "finding", "lost", "rival", "shrunk", "hook"))
    return "; ".join(filter(None, (text, *faults)))
