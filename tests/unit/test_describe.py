"""What `status` says of each part, on a terminal and in a pipe."""

import io
import re
from typing import Any

import pytest

from agent.commands.layout import Item
from agent.commands.status import format_lines, make_page
from agent.commands.terminal import print_page
from agent.observe.describe import (
    describe_backup,
    describe_report,
    describe_service,
    describe_token,
    describe_tokens,
)
from agent.observe.status import Status
from tests.worlds.statuses import (
    make_backup,
    make_report,
    make_service,
    make_status,
    make_token,
    tell,
)


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


def show(status: Status, columns: int, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    stream = Terminal()
    print_page(make_page(status), stream)
    return stream.getvalue()


def strip(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


def test_everything_is_on_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    text = strip(show(make_status(), 80, monkeypatch))
    assert re.search(
        r"● /workspace is ready · up 2 h 0 min · ready after 0.7 s *\n +http://127.0.0.1:8079/",
        text,
    )
    assert re.search(r"● sshd +running, port 2222, for 2 h 0 min", text)
    assert re.search(r"▲ web +fatal", text)
    assert re.search(r"● github\.com +54 min left, octocat, installation token", text)
    assert re.search(r" from GITHUB_APP_ID, checked 2 min ago", text)
    assert re.search(r"✖ local +3 min ago, 1,234 files, 12\.3 MB, next in 27 min", text)
    assert re.search(r"○ clone +running, 40 %, for 2 min *\n +demo", text)
    assert re.search(
        r"✖ hooks +failed *\n +it ended with 3 *\n +its output: devcopilot log hooks", text
    )
    assert not re.search(r"tools +done", text)
    assert re.search(r"● claude +installed, /usr/bin/claude", text)
    assert re.search(r"▲ cannot sign commits: there is no key *\n +set SSH_PRIVATE_KEY_FILE", text)


def test_a_pipe_gets_the_words_of_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    status = make_status()
    lines = list(format_lines(status))
    assert lines[:2] == [
        "workspace /workspace is ready, up 2 h 0 min, ready after 0.7 s",
        "page      http://127.0.0.1:8079/",
    ]
    assert "service   sshd: running, port 2222, for 2 h 0 min" in lines
    assert "unit      clone: running, 40 %, for 2 min; demo" in lines
    assert (
        "unit      hooks: failed; it ended with 3; its output: devcopilot log hooks "
        "(devcopilot rerun hooks)"
    ) in lines
    last = "problem   cannot sign commits: there is no key (set SSH_PRIVATE_KEY_FILE)"
    assert lines[-1] == last
    page = " ".join(strip(show(status, 500, monkeypatch)).split())
    for line in lines[2:]:
        words = re.sub(r"[();:]", " ", line[10:]).split()
        assert " ".join(words) in re.sub(r"\s+", " ", re.sub(r"[();:]", " ", page)), line


@pytest.mark.parametrize("columns", [40, 80])
def test_the_page_fits_the_terminal(columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    text = strip(show(make_status(), columns, monkeypatch))
    assert max(map(len, text.splitlines())) <= columns
    assert "no space left on it" in " ".join(text.split())


def test_what_is_wrong_is_red(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = show(make_status(), 80, monkeypatch)
    assert "\x1b[1;31m✖" in seen
    assert "\x1b[33m▲" in seen
    assert "\x1b[32m●" in seen


def test_empty_parts_say_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    parts = ("services", "tokens", "units", "backups", "tools", "problems")
    empty: dict[str, Any] = {name: [] for name in parts}
    text = strip(show(make_status(**empty), 80, monkeypatch))
    assert "devcopilot login" in text
    assert "set BACKUP_DIR" in text
    assert "AI tools" not in text
    assert "Problems" not in text


@pytest.mark.parametrize(
    ("changes", "mark", "text"),
    [
        ({}, "good", "54 min left, "),
        ({"expires": ""}, "good", "octocat, "),
        ({"expires": 200}, "warning", "3 min left, "),
        ({"expires": -20}, "bad", "expired, "),
        ({"problem": "GitHub refuses it"}, "warning", "54 min left, "),
        ({"published": False}, "idle", "no token yet"),
        ({"published": False, "problem": "no file"}, "bad", "no token yet"),
    ],
)
def test_a_token_by_its_time_left(changes: dict[str, Any], mark: str, text: str) -> None:
    expires = changes.get("expires")
    if isinstance(expires, int):
        changes = {**changes, "expires": tell(seconds=expires)}
    found = describe_token(make_token(**changes))
    assert found.mark == mark
    assert found.text.startswith(text)


@pytest.mark.parametrize(
    ("changes", "mark"),
    [
        ({}, "good"), ({"seen": ""}, "idle"), ({"red": True, "problem": "x"}, "bad"),
        ({"missing": ("/w/a: denied",), "lacking": 3}, "warning"), ({"rival": "x"}, "warning"),
    ],
)  # fmt: skip
def test_a_target_by_how_it_stands(changes: dict[str, Any], mark: str) -> None:
    assert describe_backup(make_backup(**changes)).mark == mark


@pytest.mark.parametrize(
    ("changes", "mark", "text"),
    [
        ({}, "good", "accepted just now"), ({"accepted": None}, "idle", "none accepted yet"),
        ({"problem": "503", "failures": 2, "next": 130}, "warning",
         "accepted just now, next in 2 min"),
        ({"problem": "401", "refused": True}, "bad", "accepted just now"),
    ],
)  # fmt: skip
def test_reports_by_how_the_last_went(changes: dict[str, Any], mark: str, text: str) -> None:
    if "next" in changes:
        changes = {**changes, "next": tell(seconds=changes["next"])}
    found = describe_report(make_report(**changes))
    assert (found.mark, found.text) == (mark, text)


@pytest.mark.parametrize(
    ("state", "essential", "mark"),
    [
        ("RUNNING", True, "good"), ("STARTING", True, "idle"), ("FATAL", True, "bad"),
        ("BACKOFF", False, "warning"), ("not running", True, "bad"),
    ],
)  # fmt: skip
def test_a_service_by_its_state(state: str, essential: bool, mark: str) -> None:
    assert describe_service(make_service(state=state, essential=essential)).mark == mark


def test_without_a_host_there_is_one_item() -> None:
    assert [item.mark for item in describe_tokens([])] == ["idle"]
    assert isinstance(describe_tokens([])[0], Item)
