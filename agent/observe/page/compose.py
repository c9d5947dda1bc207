"""Makes the view of the page from what the parts of the agent say."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import field, replace
from datetime import datetime

from agent.backup import history
from agent.machine.light.clock import parse_time
from agent.machine.light.human import format_age, format_duration, format_wait
from agent.machine.records.unit_record import GOOD, Record, State
from agent.machine.values import frozen
from agent.observe.activity.answer import Activity
from agent.observe.describe import (
    describe_backup,
    describe_backups,
    describe_problem,
    describe_report,
    describe_service,
    describe_start,
    describe_tokens,
    describe_tool,
    describe_unit,
)
from agent.observe.findings import Row
from agent.observe.item import Item
from agent.observe.page.trouble import find_trouble
from agent.observe.page.view import Entry, Gauge, Limits, Log, Section, View
from agent.observe.recent_log import Line
from agent.observe.status import Status
from agent.services import code_server, sshd
from agent.services import status as services
from agent.settings.check import Result

OURS = {service.NAME for service in (code_server, sshd)}
"""Services to which no link leads: one leads here, the other speaks no HTTP."""
MOST_LINES = 200
"""Of the log."""
RESULTS = {Result.FAIL: "bad", Result.WARN: "warning", Result.UNKNOWN: "idle"}
"""What of doctor's word is worth a line."""


@frozen
class Sources:
    """What the page is made from; a part that nobody knows is empty."""

    name: str
    status: Status
    moment: datetime
    days: history.History = field(default_factory=dict)
    gauges: Sequence[Gauge] = ()
    findings: Sequence[Row] = ()
    lines: Sequence[Line] = ()
    chosen: str = ""
    """The source of the log whose lines are wanted."""
    versions: Sequence[tuple[str, str]] = ()
    ports: Section | None = None
    failed: Sequence[Item] = ()
    """The parts that could not be asked."""


def compose(sources: Sources) -> View:
    """Return the view."""
    trouble = find_trouble(sources.status, sources.gauges, sources.findings, sources.moment)
    return View(
        sources.name,
        sources.moment,
        summarize(sources),
        describe_state(sources.status),
        [*trouble, *sources.failed],
        tuple(part for part in list_parts(sources) if part),
    )


def describe_state(status: Status) -> Item:
    """Return the headline of a workspace in which nothing is wrong."""
    match status.phase:
        case "starting":
            return Item("idle", "Starting", "")
        case "stopping":
            return Item("warning", "Stopping", "", list(filter(None, [status.stopping_because])))
    going_on = [row for row in status.units if row.state not in GOOD]
    return Item("idle", "Setting up", "") if going_on else Item("good", "All well", "")


def summarize(sources: Sources) -> str:
    """Return the sentences under the headline."""
    parts = (sources.status.workspace, *describe_start(sources.status))
    return ", ".join(parts) + "."


def list_parts(sources: Sources) -> Iterator[Section | Limits | Log | None]:
    """Yield the parts in their order; None for one that has nothing to say."""
    status = sources.status
    yield make_section("Services", map(show_service, status.services))
    yield make_section("GitHub", map(show_missing, describe_tokens(status.tokens)))
    yield make_section("AI tools", (Entry(describe_tool(row)) for row in status.tools))
    yield make_section("Backups", show_backups(sources))
    yield sources.ports
    yield Limits(sources.gauges) if sources.gauges else None
    yield make_activity_section(status.activity) if status.activity else None
    units = (row for row in status.units if row.state is not State.SKIPPED)
    yield make_section("Setup", map(show_unit, units))
    reports = [status.report] if status.report else []
    yield make_section("Control plane", (Entry(describe_report(row)) for row in reports))
    yield make_section("Problems", (Entry(describe_problem(row)) for row in status.problems))
    yield make_doctor_section(sources.findings)
    yield make_log(sources.lines, sources.chosen)
    yield make_section("Versions", (Entry(Item("", name, text)) for name, text in sources.versions))


def make_section(title: str, entries: Iterable[Entry]) -> Section | None:
    """Return a section, or None without an entry."""
    found = tuple(entries)
    return Section(title, found) if found else None


def show_missing(item: Item) -> Entry:
    """Return an item; of one that is not set up the text says how to, and is a hint."""
    if item.mark == "idle" and item.name.startswith("no "):
        return Entry(replace(item, text="", hint=item.text))
    return Entry(item)


def show_service(row: services.Row) -> Entry:
    """Return a service; the port of one of the user's own is a link."""
    item = describe_service(row)
    if item.mark in ("warning", "bad"):
        item = replace(item, hint=f"devcopilot explain {row.name}")
    is_linked = row.name not in OURS and row.state == "RUNNING"
    return Entry(item, row.probe_port if is_linked else None)


def show_backups(sources: Sources) -> Iterator[Entry]:
    """Yield each destination with its last weeks."""
    rows = sources.status.backups
    if not rows:
        yield from map(show_missing, describe_backups(()))
    for row in rows:
        item = describe_backup(row)
        more = list(item.more)
        if verified := parse_time(row.verified):
            more.append(f"verified {format_age(verified)}")
        hint = "devcopilot backup restore" if row.snapshot else "devcopilot backup create"
        item = replace(item, more=more, hint=item.hint or hint)
        yield Entry(item, None, sources.days.get(row.target, ()))


def show_unit(row: Record) -> Entry:
    """Return a unit, with what it took if it is done."""
    item = describe_unit(row)
    if row.state not in GOOD:
        return Entry(item)
    took = f", took {format_duration(row.took)}" if row.took and row.took >= 1 else ""
    return Entry(replace(item, mark="good", text=f"{row.state}{took}"))


def make_activity_section(found: Activity) -> Section:
    """Return why the workspace goes on: what was seen, the newest first, and the leases."""
    seen = [(moment, sign) for sign in found.signals if (moment := parse_time(sign.last or ""))]
    seen.sort(key=lambda pair: pair[0], reverse=True)
    signs = [
        Item("good" if sign.counts else "idle", sign.name.replace("_", " "),
             ", ".join(filter(None, (format_age(moment), sign.detail, sign.why))))
        for moment, sign in seen
    ]  # fmt: skip
    leases = [
        Item("good", f"lease {lease.name}",
             ", ".join(filter(None, (f"ends {format_wait(until)}", lease.why))))
        for lease in found.leases if (until := parse_time(lease.until))
    ]  # fmt: skip
    return Section("Activity", tuple(map(Entry, (*signs, *leases))), found.reason)


def make_doctor_section(rows: Sequence[Row]) -> Section | None:
    """Return what `devcopilot doctor` said last, of what is not well; None: it never ran."""
    moments = [moment for moment in (parse_time(row.at) for row in rows) if moment]
    if not moments:
        return None
    entries = [
        Entry(Item(RESULTS[row.result], row.name, row.sentence,
                   (), row.fix))
        for row in rows if row.result in RESULTS
    ]  # fmt: skip
    good = sum(row.result is Result.OK for row in rows)
    note = f"{good} checks are fine. Last run {format_age(max(moments))}: `devcopilot doctor`."
    return Section("Doctor", entries, note)


def make_log(lines: Sequence[Line], chosen: str) -> Log | None:
    """Return the newest lines, those of one source where there is such a source."""
    sources = sorted({line.source for line in lines})
    if not lines:
        return None
    if chosen in sources:
        lines = [line for line in lines if line.source == chosen]
    return Log(lines[-MOST_LINES:], sources, chosen if chosen in sources else "")
