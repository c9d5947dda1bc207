"""How the parts of a workspace are, in the words that a terminal, a pipe and the page share."""

from collections.abc import Iterator, Sequence
from urllib.parse import urlsplit

from agent.backup import status as backup
from agent.backup.targets.all import explain_setting
from agent.github import status as github
from agent.machine.light.clock import parse_time
from agent.machine.light.human import (
    find_left,
    format_age,
    format_duration,
    format_size,
    format_wait,
)
from agent.machine.records.unit_record import BAD, Record, State, find_open
from agent.machine.values import frozen
from agent.observe.item import Item
from agent.observe.report.status import Row as Report
from agent.observe.status import Status, Trouble
from agent.services import status as services
from agent.tools import rows

SERVICES = {"RUNNING": "good", "STARTING": "idle", "STOPPING": "idle", "STOPPED": "idle"}
"""supervisord's words; another one is bad: http://supervisord.org/subprocess.html#process-states"""
TOOLS = {"installed": "good", "installing": "idle", "waiting": "idle", "missing": "idle",
         "skipped": "warning"}  # fmt: skip
SOON = 300.0
"""Seconds before a token's end at which somebody may want to know."""


@frozen
class Section:
    """The items of one kind."""

    title: str
    label: str
    """The word for one of them."""
    items: Sequence[Item]


def describe(status: Status) -> list[Section]:
    """Return all parts that have something to say."""
    units = rows.leave_out(find_open(status.units))
    reports = [status.report] if status.report else []
    found = (
        Section("Services", "service", [describe_service(row) for row in status.services]),
        Section("Setup", "unit", [describe_unit(row) for row in units]),
        Section("GitHub", "token", describe_tokens(status.tokens)),
        Section("Backups", "backup", describe_backups(status.backups)),
        Section("AI tools", "tool", [describe_tool(row) for row in status.tools]),
        Section("Control plane", "report", [describe_report(row) for row in reports]),
        Section("Problems", "problem", [describe_problem(row) for row in status.problems]),
    )
    return [section for section in found if section.items]


def describe_workspace(status: Status) -> Iterator[str]:
    """Yield what there is to say of all of it."""
    why = status.stopping_because
    yield f"{status.workspace} is {status.phase}" + (f": {why}" if why else "")
    yield from describe_start(status)


def describe_start(status: Status) -> Iterator[str]:
    """Yield when it was started, and how long that took."""
    if started := parse_time(status.started):
        yield f"up {format_duration(-find_left(started))}"
    if ready := status.ready_seconds:
        yield f"ready after {ready:.1f} s"


def describe_service(row: services.Row) -> Item:
    """Return the item of a service."""
    mark = SERVICES.get(row.state, "bad" if row.essential else "warning")
    parts = [row.state.lower()]
    if row.probe_port:
        parts.append(f"port {row.probe_port}")
    if since := parse_time(row.since or ""):
        parts.append(f"for {format_duration(-find_left(since))}")
    return Item(mark, row.name, ", ".join(parts))


def describe_unit(row: Record) -> Item:
    """Return the item of a unit that is not done."""
    parts = [str(row.state)]
    if row.progress is not None:
        parts.append(f"{row.progress} %")
    if row.state == State.RUNNING and (since := parse_time(row.since)):
        parts.append(f"for {format_duration(-find_left(since))}")
    more = [row.reason] if row.reason else []
    if row.state in BAD and row.log:
        more.append(f"its output: devcopilot log {row.name}")
    mark = "bad" if row.state in BAD else "idle"
    return Item(mark, row.name, ", ".join(parts), more, row.hint)


def describe_tokens(rows: Sequence[github.Row]) -> list[Item]:
    """Return an item for each host."""
    if not rows:
        return [Item("idle", "no token", "set GITHUB_TOKEN_FILE, or run: devcopilot login")]
    return [describe_token(row) for row in rows]


def describe_token(row: github.Row) -> Item:
    """Return the item of a host's token; how much time it has left comes first."""
    more = [row.problem] if row.problem else []
    if not row.published:
        return Item("bad" if more else "idle", row.host, "no token yet", more)
    mark, parts = "warning" if more else "good", []
    if expires := parse_time(row.expires):
        left = find_left(expires)
        parts.append(f"{format_duration(left)} left" if left > 0 else "expired")
        if left < SOON:
            mark = "warning" if left > 0 else "bad"
    parts += [row.login or "no user", f"{row.kind or 'unknown'} token"]
    checked = parse_time(row.checked)
    seen = f"checked {format_age(checked)}" if checked else "not checked yet"
    more.append(f"from {row.source}, {seen}")
    if row.grants:
        more.append(f"permissions: {row.grants}")
    return Item(mark, row.host, ", ".join(parts), more)


def describe_backups(rows: Sequence[backup.Row]) -> list[Item]:
    """Return an item for each target."""
    if not rows:
        return [Item("idle", "no destination", explain_setting())]
    return [describe_backup(row) for row in rows]


def describe_backup(row: backup.Row) -> Item:
    """Return the item of a target: the last good backup, the next one, and what is wrong."""
    seen, due = parse_time(row.seen), parse_time(row.next)
    parts = ["no backup yet"]
    if seen:
        parts = [format_age(seen), f"{row.files:,} files", format_size(row.size)]
    if due:
        late = f"overdue for {format_duration(-find_left(due))}"
        parts.append(late if row.overdue else f"next {format_wait(due)}")
    more = []
    if row.missing:
        more.append(f"lacks {row.lacking} files, such as {row.missing[0]}")
    more += row.faults
    mark = "bad" if row.red else "warning" if more else "good" if seen else "idle"
    return Item(mark, row.target, ", ".join(parts), more)


def describe_tool(row: rows.Row) -> Item:
    """Return the item of an AI tool."""
    mark = TOOLS.get(row.state, "warning")
    more = [row.problem] if row.problem else []
    parts = (row.state, row.package or row.program)
    return Item("warning" if more else mark, row.name, ", ".join(filter(None, parts)), more)


def describe_report(row: Report) -> Item:
    """Return the item of the reports to the control plane."""
    accepted, due = parse_time(row.accepted or ""), parse_time(row.next or "")
    mark = "bad" if row.refused else "warning" if row.problem else "good" if accepted else "idle"
    words = f"accepted {format_age(accepted)}" if accepted else "none accepted yet"
    if due and not row.refused:
        words += f", next {format_wait(due)}"
    more = ["not sent again until something changes"] if row.refused else []
    return Item(mark, urlsplit(row.url).hostname or row.url, words, [row.url, *more])


def describe_problem(row: Trouble) -> Item:
    """Return the item of a problem, with what fixes it."""
    mark = {"info": "idle", "error": "bad"}.get(row.level, "warning")
    return Item(mark, row.message, "", hint=row.hint)
