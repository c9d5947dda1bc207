"""The parts of the page: a function for each kind."""

from collections.abc import Iterator
from datetime import datetime
from urllib.parse import urlencode

from agent.machine.light.expressions import regex
from agent.machine.light.human import format_share
from agent.observe.item import Item
from agent.observe.page.markup import Content, Markup, element
from agent.observe.page.plots import plot_days, plot_gauge
from agent.observe.page.view import Entry, Gauge, Limits, Log, Section
from agent.observe.recent_log import Line

WORDS = {"warning": "Warning: ", "bad": "Problem: "}
"""What a screen reader says of a mark; of the others nothing."""
ALMOST, NEARLY = 0.8, 0.95
"""Shares of a limit from which on it is worth a look, and a problem."""
COMMAND = regex(r"`([^`]+)`|(?<![\w./-])(devcopilot(?: (?!or |and )[^\s,;()]+)+)")
"""A command in a sentence: between backquotes, or the agent's own up to the next comma."""
PLACEHOLDER = regex(r"\b[A-Z]{3,}\b|…")
"""In a command that nobody can paste as it is."""


def show_part(part: Section | Limits | Log, moment: datetime) -> Markup:
    """Return a part with its heading."""
    if isinstance(part, Section):
        return show_section(part, moment)
    if isinstance(part, Log):
        return show_log(part)
    gauges = (show_gauge(gauge, moment) for gauge in part.gauges)
    return wrap("Limits", element("div", gauges, class_="gauges"))


def wrap(title: str, *content: Content) -> Markup:
    """Return a section of the page."""
    key = title.lower().replace(" ", "-")
    return element("section", element("h2", title, id=f"{key}-title"),
                   element("div", *content, class_="content"),
                   id=key, aria_labelledby=f"{key}-title")  # fmt: skip


def show_section(section: Section, moment: datetime) -> Markup:
    """Return a titled list."""
    words = list(split_commands(section.note))
    note = element("p", words, class_="note") if section.note else None
    rows = element("ul", (show_entry(each, moment) for each in section.entries), class_="rows")
    return wrap(section.title, note, rows if section.entries else None)


def show_entry(entry: Entry, moment: datetime) -> Markup:
    """Return a line of a list: its mark, its name, and beside that the rest."""
    item = entry.item
    main, comma, rest = item.text.partition(", ")
    bars = plot_days(item.name, entry.days, moment)
    link = None
    if entry.port is not None:
        told = element("span", f" port {entry.port}", class_="spoken")
        link = element("a", "open", told, href=f"../{entry.port}/", class_="open", rel="noopener",
                       target=f"port-{entry.port}", data_port=entry.port)  # fmt: skip
    text = element("p", element("strong", main), f"{comma}{rest}", " " if link else None, link)
    return element(
        "li",
        show_mark(item.mark),
        element("span", item.name, class_="name"),
        element("div", text if item.text or link else None, show_notes(item),
                element("div", bars, class_="days") if bars else None, class_="text"),
        class_=item.mark or None,
    )  # fmt: skip


def show_mark(mark: str) -> Markup:
    """Return a mark; its shape says the same as its colour."""
    if not mark:
        return element("span", class_="mark")
    word = element("span", WORDS[mark], class_="spoken") if mark in WORDS else None
    return element("span", word, class_=f"mark {mark}")


def show_notes(item: Item) -> Iterator[Markup]:
    """Return the further lines of an item, and what fixes it."""
    yield from (element("p", line, class_="note") for line in item.more)
    if item.hint:
        yield show_hint(item.hint)


def show_hint(hint: str) -> Markup:
    """Return what fixes something; the commands in it stand out, and the first can be copied."""
    found = [match[1] or match[2] for match in COMMAND.finditer(hint)]
    ready = [command for command in found if not PLACEHOLDER.search(command)]
    button = None
    if ready:
        told = element("span", f": {ready[0]}", class_="spoken")
        button = element("button", "copy", told, type="button", data_copy=ready[0], class_="copy")
    return element("p", list(split_commands(hint)), " " if button else None, button, class_="hint")


def split_commands(hint: str) -> Iterator[Content]:
    """Yield a sentence with its commands as such."""
    place = 0
    for match in COMMAND.finditer(hint):
        yield hint[place : match.start()]
        yield element("code", match[1] or match[2])
        place = match.end()
    yield hint[place:]


def show_gauge(gauge: Gauge, moment: datetime) -> Markup:
    """Return how much of a limit is used, now and in the last day."""
    mark = ""
    if gauge.share is not None and gauge.share >= ALMOST:
        mark = "bad" if gauge.share >= NEARLY else "warning"
    limit = element("span", f" {gauge.limit}", class_="limit") if gauge.limit else None
    share = format_share(gauge.share) if gauge.share is not None else ""
    return element(
        "div",
        element("h3", gauge.name, element("span", share, class_="share") if share else None),
        element("p", show_mark(mark) if mark else None, element("strong", gauge.used), limit),
        plot_gauge(gauge, moment),
        class_=f"gauge {mark}".strip(),
    )  # fmt: skip


def show_log(log: Log) -> Markup:
    """Return the newest lines, and links that leave those of one source."""
    links = [link_source(name, name, log.chosen) for name in log.sources]
    links.insert(0, link_source("", "all", log.chosen))
    lines = element("ol", (show_line(line) for line in log.lines))
    return wrap(
        "Log",
        element("nav", links, aria_label="Lines of the log"),
        element("div", lines, class_="log", role="region", tabindex="0",
                aria_labelledby="log-title"),
    )  # fmt: skip


def link_source(name: str, words: str, chosen: str) -> Markup:
    """Return the link that shows the lines of a source, or of all."""
    current = "true" if name == chosen else None
    return element("a", words, href=f"?{urlencode({'log': name})}#log", aria_current=current)


def show_line(line: Line) -> Markup:
    """Return a line of the log."""
    word = element("span", f"{line.level}: ", class_="spoken")
    loud = line.level in ("warning", "error")
    return element(
        "li",
        element("time", line.time),
        element("span", line.source, class_="source"),
        element("span", word if loud else None, line.message, class_="message"),
        class_=line.level if loud else None,
    )  # fmt: skip
