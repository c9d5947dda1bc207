"""The workspace page: what it says, and that nobody's words become part of it."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from typing import Any

import pytest

from agent.backup.history import Day
from agent.machine.light.clock import timestamp
from agent.machine.records.unit_record import State
from agent.observe.activity.answer import Lease, Sign
from agent.observe.findings import Row
from agent.observe.item import Item
from agent.observe.page.compose import Sources, compose
from agent.observe.page.ports import show_ports
from agent.observe.page.render import HEADERS, find_digest, render
from agent.observe.page.view import Entry, Gauge, Section, View
from agent.observe.ports.overview import Report as PortReport
from agent.observe.ports.overview import Row as PortRow
from agent.observe.recent_log import Line
from agent.observe.report import status as reports
from agent.observe.status import Trouble
from agent.settings.check import Result
from agent.tools import rows as tools
from tests.worlds.statuses import (
    make_activity,
    make_backup,
    make_service,
    make_status,
    make_token,
    make_unit,
    tell,
)  # fmt: skip

NOW = datetime.now(UTC)
HOSTILE = "</script></style><img src=x onerror=alert(1)>\"'&\x1b[31m\u202e\x00`id`"


def make_good() -> dict[str, Any]:
    """Return the parts of a workspace that is well, by now."""
    return {
        "services": [make_service(), make_service(name="code-server", probe_port=8080)],
        "units": [make_unit(state=State.DONE, progress=None, took=4.0)],
        "backups": [make_backup()],
        "problems": [],
        "activity": None,
    }  # fmt: skip


class Reader(HTMLParser):
    """What a browser makes of a page, as far as these tests ask."""

    def __init__(self, page: bytes) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.texts: dict[str, list[str]] = {}
        self.feed(page.decode())
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "link"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"</{tag}> ends another element"

    def handle_data(self, data: str) -> None:
        self.texts.setdefault(self.open[-1] if self.open else "", []).append(data)

    @property
    def text(self) -> str:
        shown = (texts for tag, texts in self.texts.items() if tag not in ("style", "script"))
        return " ".join(text for texts in shown for text in texts)

    def find(self, name: str) -> list[str]:
        """Return the values of an attribute, wherever it is."""
        return [attributes[name] or "" for _, attributes in self.tags if name in attributes]


def make_report(**changes: Any) -> reports.Row:
    values: dict[str, Any] = {
        "url": "https://plane.example/", "accepted": tell(minutes=-1), "attempted": tell(),
        "failures": 0, "next": None, "refused": False, "problem": "", "hint": "", **changes,
    }  # fmt: skip
    return reports.Row(**values)


def make_sources(**changes: Any) -> Sources:
    status = make_status(**{**make_good(), **changes.pop("status", {})})
    return replace(Sources("demo", status, NOW), **changes)


def read(**changes: Any) -> Reader:
    return Reader(render(compose(make_sources(**changes))))


def say_headline(reader: Reader) -> str:
    return reader.texts["title"][0]


def test_a_workspace_that_is_well_says_so() -> None:
    reader = read()
    assert say_headline(reader) == "All well · demo"
    assert "/workspace, up 2 h 0 min, ready after 0.7 s." in reader.text
    assert "54 min left" in reader.text
    assert "3 min ago" in reader.text
    assert reader.open == []


@pytest.mark.parametrize(
    ("status", "headline", "command"),
    [
        (lambda: {"services": [make_service(state="FATAL")]}, "sshd is not running",
         "devcopilot explain sshd"),
        (lambda: {"tokens": [make_token(expires=tell(hours=-1))]},
         "The token for github.com has expired",
         "devcopilot refresh"),
        (lambda: {"tokens": [make_token(problem="it was refused (devcopilot login, or wait)")]},
         "The token for github.com needs attention", "devcopilot login"),
        (lambda: {"tokens": [make_token(published=False, problem="no such file", expires="")]},
         "There is no token for github.com", "devcopilot login"),
        (lambda: {"tokens": [make_token(expires=tell(minutes=3))]},
         "The token for github.com ends in 3 min", "devcopilot refresh"),
        (lambda: {"units": [make_unit(name="hooks", state=State.FAILED, hint="devcopilot rerun")]},
         "hooks failed", "devcopilot rerun"),
        (lambda: {"backups": [make_backup(red=True, why="no space (devcopilot backup prune)")]},
         "Backups to local need attention", "devcopilot backup prune"),
        (lambda: {"problems": [Trouble("", "cannot sign commits", "run: devcopilot login")]},
         "cannot sign commits", "devcopilot login"),
        (lambda: {"report": make_report(problem="it took too long", hint="`devcopilot doctor`")},
         "The control plane does not get reports", "devcopilot doctor"),
        (lambda: {"report": make_report(problem="no", refused=True, hint="`devcopilot doctor`")},
         "The control plane refuses reports", "devcopilot doctor"),
    ],
)  # fmt: skip
def test_what_is_wrong_comes_first_with_the_command_that_fixes_it(
    status: Callable[[], dict[str, Any]], headline: str, command: str
) -> None:
    reader = read(status=status())
    assert say_headline(reader) == f"{headline} · demo"
    assert reader.find("data-copy")[0] == command


def test_the_worst_comes_first_and_each_once() -> None:
    trouble = Trouble("", "cannot sign commits")
    view = compose(make_sources(status={
        "problems": [trouble, trouble],
        "services": [make_service(name="web", essential=False, state="FATAL"),
                     make_service(state="FATAL")],
    }))  # fmt: skip
    assert [(item.mark, item.name) for item in view.trouble] == [
        ("bad", "sshd is not running"), ("warning", "web is not running"),
        ("warning", "cannot sign commits"),
    ]  # fmt: skip


def test_a_full_disk_is_trouble_and_a_busy_processor_is_not() -> None:
    gauges = (Gauge("CPU", "2.00", "of 2 cores", 1.0), Gauge("Disk", "97 GB", "of 100 GB", 0.97))
    reader = read(gauges=gauges)
    assert say_headline(reader) == "The disk of the workspace is 97 % full · demo"


def test_what_doctor_found_counts_for_a_day() -> None:
    rows = (
        Row("token", "GitHub", Result.FAIL, "the token may not push", "devcopilot login",
            at=timestamp(NOW.timestamp() - 3600)),
        Row("disk", "Storage", Result.OK, "there is room"),
    )  # fmt: skip
    assert say_headline(read(findings=rows)) == "the token may not push · demo"
    old = (replace(rows[0], at=timestamp((NOW - timedelta(days=2)).timestamp())),)
    reader = read(findings=old)
    assert say_headline(reader) == "All well · demo"
    assert "the token may not push" in reader.text, "it is still told"


@pytest.mark.parametrize(
    ("status", "headline"),
    [
        ({"phase": "starting", "ready_seconds": None, "units": []}, "Starting"),
        ({"phase": "stopping", "stopping_because": "SIGTERM"}, "Stopping"),
        ({"units": [make_unit()]}, "Setting up"),
        ({"services": [], "tokens": [], "units": [], "tools": [], "backups": []}, "All well"),
    ],
)
def test_a_young_or_empty_workspace_has_a_page(status: dict[str, Any], headline: str) -> None:
    reader = read(status=status)
    assert say_headline(reader) == f"{headline} · demo"
    assert reader.open == []


def test_nothing_to_say_means_no_section() -> None:
    empty: dict[str, Any] = {
        "services": [], "tokens": [], "units": [], "tools": [], "backups": [], "report": None,
    }  # fmt: skip
    titles = read(status=empty).texts["h2"]
    assert titles == ["GitHub", "Backups"], "which say how to turn them on"


def test_why_it_goes_on_is_told_with_what_was_seen_and_what_keeps_it() -> None:
    reader = read(status={"activity": make_activity()})
    for words in ("Active: somebody types.", "terminal input", "1 min ago", ", pts/0",
                  "lease keep", "ends in 2 h 0 min", ", a build"):  # fmt: skip
        assert words in reader.text, words
    assert "no AI tool works" not in reader.text, "it was never seen"


def test_reports_that_arrive_are_told() -> None:
    reader = read(status={"report": make_report()})
    assert "https://plane.example/" in reader.text
    assert say_headline(reader) == "All well · demo"


def make_hostile() -> Sources:
    """Return sources in which every word is somebody's attack."""
    rows = (Row(HOSTILE, "x", Result.FAIL, HOSTILE, HOSTILE, part=HOSTILE, at=tell()),)
    return make_sources(
        status={
            "workspace": f"/{HOSTILE}",
            "services": [make_service(name=HOSTILE, state=HOSTILE)],
            "tokens": [make_token(host=HOSTILE, login=HOSTILE, grants=HOSTILE, problem=HOSTILE)],
            "units": [make_unit(name=HOSTILE, state=State.FAILED, reason=HOSTILE, hint=HOSTILE)],
            "tools": [tools.Row(HOSTILE, "installed", HOSTILE, problem=HOSTILE)],
            "backups": [make_backup(target=HOSTILE, red=True, why=HOSTILE, problem=HOSTILE)],
            "problems": [Trouble("", HOSTILE, HOSTILE)],
            "activity": make_activity(
                reason=HOSTILE, leases=(Lease(HOSTILE, tell(hours=1), HOSTILE, None),),
                signals=(Sign(HOSTILE, tell(), HOSTILE, counts=True, why=HOSTILE),)),
        },
        name=HOSTILE, findings=rows, versions=((HOSTILE, HOSTILE),),
        days={HOSTILE: (Day(str(NOW.date()), 1, size=5),)},
        lines=(Line(HOSTILE, "error", HOSTILE, HOSTILE),),
        ports=Section("Ports", (Entry(Item("good", HOSTILE, HOSTILE, (HOSTILE,), HOSTILE), 1),)),
    )  # fmt: skip


def test_nobodys_words_become_part_of_the_page() -> None:
    page = render(compose(make_hostile()))
    reader = Reader(page)
    assert reader.open == []
    assert not [tag for tag, _ in reader.tags if tag == "img"]
    assert len([tag for tag, _ in reader.tags if tag in ("script", "style")]) == 2
    known = "alert(1)&gt;&quot;&#x27;&amp;\\x1b[31m\\u202e\\x00`id`"
    assert known in page.decode()
    for character in ("\x1b", "\u202e", "\x00"):
        assert character not in page.decode()


def test_no_attribute_runs_anything() -> None:
    for attributes in (
        attributes for _, attributes in Reader(render(compose(make_hostile()))).tags
    ):
        assert not [name for name in attributes if name.startswith("on") or name == "style"]


def test_every_address_is_relative_or_in_the_page() -> None:
    reader = Reader(render(compose(make_hostile())))
    for address in reader.find("href") + reader.find("src"):
        assert re.match(r"(\.\./\d+/$|\?log=|#|data:)", address), address
    assert b"http://" not in render(compose(make_sources())).replace(b"http%3A//www.w3.org", b"")


def test_the_policy_allows_its_own_script_and_style_and_nothing_else() -> None:
    reader, policy = read(), HEADERS["Content-Security-Policy"]
    (style,), (script,) = reader.texts["style"], reader.texts["script"]
    assert f"style-src {find_digest(style)};" in policy
    assert f"script-src {find_digest(script)};" in policy
    for word in ("default-src 'none'", "base-uri 'none'", "form-action 'none'"):
        assert word in policy
    assert "unsafe" not in policy


def test_ids_are_unique_and_what_is_named_is_there() -> None:
    days = (Day(str(NOW.date()), 1, size=5),)
    samples = [(NOW.timestamp() - ago, 0.5) for ago in range(0, 80_000, 300)]
    gauges = (Gauge("CPU", "1.00", "of 2 cores", 0.5, samples),)
    reader = read(days={"local": days}, gauges=gauges, lines=(Line("12:00:00", "info", "a", "b"),))
    ids = reader.find("id")
    assert len(ids) == len(set(ids))
    named = {name for value in reader.find("aria-labelledby") for name in value.split()}
    assert named <= set(ids)
    assert {address[1:] for address in reader.find("href") if address[0] == "#"} <= set(ids)


def test_a_part_that_has_no_link_is_not_linked() -> None:
    own = [make_service(name="web", probe_port=3000), make_service(name="job", probe_port=None)]
    reader = read(status={"services": [*make_good()["services"], *own]})
    assert reader.find("data-port") == ["3000"], "sshd speaks no HTTP, and code-server leads here"


@pytest.mark.parametrize(
    ("hint", "commands"),
    [
        ("devcopilot login, or set GITHUB_TOKEN_FILE", ["devcopilot login"]),
        ("set GITHUB_TOKEN_FILE, or run: devcopilot login", ["devcopilot login"]),
        ("`devcopilot backup undo` restores the state before", ["devcopilot backup undo"]),
        ("devcopilot log hooks; devcopilot rerun hooks", ["devcopilot log hooks"]),
        ("devcopilot backup restore x --to DIR", []),
        ("free some space on the volume of /x", []),
        ("", []),
    ],
)
def test_the_first_command_of_a_hint_can_be_copied(hint: str, commands: list[str]) -> None:
    item = Item("warning", "x", "", (), hint)
    view = View("demo", NOW, "", item, parts=())
    reader = Reader(render(view))
    assert reader.find("data-copy") == commands
    assert hint == "" or hint.replace("`", "") in "".join(
        text for tag in ("p", "code") for text in reader.texts.get(tag, [])
    ) or commands, "the words stay"  # fmt: skip


LINES = tuple(
    Line("12:00:00", "info", name, f"line {number}")
    for number in range(300)
    for name in ("agent", "web")
)


@pytest.mark.parametrize(
    ("chosen", "sources", "first"),
    [("", {"agent", "web"}, 200), ("web", {"web"}, 100), (HOSTILE, {"agent", "web"}, 200)],
)
def test_the_log_shows_the_newest_lines_of_a_source(
    chosen: str, sources: set[str], first: int
) -> None:
    reader = read(lines=LINES, chosen=chosen)
    shown = [text for text in reader.texts["span"] if text.startswith("line ")]
    assert len(shown) == 200
    assert shown[0] == f"line {first}"
    assert shown[-1] == "line 299"
    assert {text for text in reader.texts["span"] if text in ("agent", "web")} == sources


def test_ports_are_links_where_the_editor_reaches_them() -> None:
    web = PortRow(
        3000, "tcp", ("127.0.0.1",), "loopback", 1000, "dev8", "node server.js", 7, "/w", "web",
        tell(minutes=-3), "/proxy/3000/", "ssh …", ("use --base",), usual=True,
    )  # fmt: skip
    other = replace(web, port=5432, reach="all", uid=0, program=None, label="", since=None,
                    url=None, advice=())  # fmt: skip
    reader = read(ports=show_ports(PortReport([web, other], ["podman runs"])))
    assert "../3000/" in reader.find("href")
    assert "../5432/" not in reader.find("href")
    for text in ("3000 web", "node server.js", ", started 3 min ago", "use --base", "podman runs",
                 "a program of uid 0", ", open to the container's network"):  # fmt: skip
        assert text in reader.text
    assert show_ports(PortReport([], [])) is None
