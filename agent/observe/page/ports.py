"""The ports on the page."""

from collections.abc import Iterator, Sequence

from agent.machine.light.clock import parse_time
from agent.machine.light.human import format_age
from agent.observe.item import Item
from agent.observe.page.view import Entry, Section
from agent.observe.ports.overview import Report, Row


def show_ports(found: Report) -> Section | None:
    """Return the section; None where nothing listens."""
    entries = tuple(map(show_port, found.rows))
    return Section("Ports", entries, " ".join(found.notes)) if entries else None


def show_port(row: Row) -> Entry:
    """Return a port; one that the editor reaches is a link."""
    name = f"{row.port} {row.label}" if row.label else str(row.port)
    more: Sequence[str] = row.advice
    return Entry(Item("good", name, ", ".join(describe(row)), more), row.port if row.url else None)


def describe(row: Row) -> Iterator[str]:
    """Yield what there is to say of a port."""
    yield row.program or f"a program of uid {row.uid}"
    if row.reach != "loopback":
        yield "open to the container's network"
    if since := parse_time(row.since or ""):
        yield f"started {format_age(since)}"
