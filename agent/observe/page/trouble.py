"""What is wrong, each as a sentence with the command that fixes it: the headline of the page."""

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta

from agent.backup import status as backup
from agent.github import status as github
from agent.machine.light.clock import parse_time
from agent.machine.light.expressions import regex
from agent.machine.light.human import find_left, format_age, format_duration, format_share
from agent.machine.records.unit_record import BAD, Record
from agent.observe.describe import SOON, describe_problem, describe_report, describe_service
from agent.observe.findings import Row
from agent.observe.item import Item
from agent.observe.page.view import Gauge
from agent.observe.report import status as reports
from agent.observe.status import Status
from agent.services import status as services
from agent.settings.check import Result

RED = ("bad", "warning")
FULL = 0.95
"""Share of a disk or of the memory from which on something is about to fail."""
FRESH = timedelta(hours=24)
"""How long the word of `devcopilot doctor` counts."""
_HINT = regex(r"(.+?) \((.+)\)", re.DOTALL)
"""A problem as one line, with its hint: see `agent.machine.errors.Problem`."""


def find_trouble(
    status: Status, gauges: Sequence[Gauge], findings: Sequence[Row], now: datetime
) -> list[Item]:
    """Return what is wrong, the worst first."""
    found = [
        *find_in_services(status.services),
        *find_in_tokens(status.tokens),
        *find_in_units(status.units),
        *find_in_backups(status.backups),
        *find_in_gauges(gauges),
        *find_in_report(status.report),
        *filter(is_red, map(describe_problem, status.problems)),
        *find_in_findings(findings, now),
    ]
    return sorted(drop_repeated(found), key=lambda item: RED.index(item.mark))


def is_red(item: Item) -> bool:
    """Tell whether somebody should look."""
    return item.mark in RED


def drop_repeated(items: Iterable[Item]) -> list[Item]:
    """Return the items, each sentence once: two parts may have noticed the same."""
    return list({item.name: item for item in reversed([*items])}.values())[::-1]


def split_problem(text: str) -> tuple[str, str]:
    """Return what is wrong and what fixes it, of a problem written as one line."""
    found = _HINT.fullmatch(text)
    return (found[1], found[2]) if found else (text, "")


def find_in_services(rows: Iterable[services.Row]) -> Iterator[Item]:
    """Yield the services that do not run."""
    for row in rows:
        mark = describe_service(row).mark
        if mark in RED:
            hint = f"devcopilot explain {row.name}"
            yield Item(mark, f"{row.name} is not running", "", [row.state.lower()], hint)


def find_in_tokens(rows: Iterable[github.Row]) -> Iterator[Item]:
    """Yield the hosts whose token is not good."""
    for row in rows:
        problem, hint = split_problem(row.problem)
        more = [problem] if problem else []
        expires = parse_time(row.expires)
        left = find_left(expires) if row.published and expires else SOON
        if left <= 0:
            yield Item("bad", f"The token for {row.host} has expired", "", more,
                       hint or "devcopilot refresh")  # fmt: skip
        elif problem and not row.published:
            yield Item("bad", f"There is no token for {row.host}", "", more,
                       hint or "devcopilot login")  # fmt: skip
        elif problem:
            words = f"The token for {row.host} needs attention"
            yield Item("warning", words, "", more, hint or "devcopilot refresh")
        elif left < SOON:
            words = f"The token for {row.host} ends in {format_duration(left)}"
            yield Item("warning", words, "", (), "devcopilot refresh")


def find_in_units(rows: Iterable[Record]) -> Iterator[Item]:
    """Yield the units that failed; what sums up others is not told beside them."""
    bad = [row for row in rows if row.state in BAD]
    parts = {row.kind for row in bad if row.name != row.kind}
    for row in bad:
        if row.name not in parts:
            more = [row.reason] if row.reason else []
            hint = row.hint or f"devcopilot log {row.name}"
            yield Item("bad", f"{row.name} failed", "", more, hint)


def find_in_backups(rows: Iterable[backup.Row]) -> Iterator[Item]:
    """Yield the destinations that somebody should look at."""
    for row in rows:
        if row.red:
            problem, hint = split_problem(row.why)
            yield Item("bad", f"Backups to {row.target} need attention", "", [problem],
                       hint or f"devcopilot backup create --target {row.target}")  # fmt: skip


def find_in_gauges(gauges: Iterable[Gauge]) -> Iterator[Item]:
    """Yield what is nearly used up. The processor may be: that is what it is for."""
    names = {"Disk": "The disk of the workspace", "Home": "The disk of the home folder"}
    disk = "free some space; `df -h` shows all disks"
    hints = {"Memory": "end what you do not need; `top -o %MEM` shows what uses most"}
    for gauge in gauges:
        if gauge.name != "CPU" and gauge.share is not None and gauge.share >= FULL:
            words = f"{names.get(gauge.name, gauge.name)} is {format_share(gauge.share)} full"
            more = [f"{gauge.used} {gauge.limit}"]
            yield Item("bad", words, "", more, hints.get(gauge.name, disk))


def find_in_report(row: reports.Row | None) -> Iterator[Item]:
    """Yield that the control plane does not know how the workspace is."""
    if row and row.problem:
        words = "refuses reports" if row.refused else "does not get reports"
        mark = describe_report(row).mark
        yield Item(mark, f"The control plane {words}", "", [row.problem], row.hint)


def find_in_findings(rows: Iterable[Row], now: datetime) -> Iterator[Item]:
    """Yield what `devcopilot doctor` said does not work, unless that was long ago."""
    for row in rows:
        found = parse_time(row.at)
        if row.result is Result.FAIL and found and now - found < FRESH:
            again = f"`devcopilot doctor {row.name}` looks again; found {format_age(found)}"
            yield Item("bad", row.summary, "", [again], row.fix)
