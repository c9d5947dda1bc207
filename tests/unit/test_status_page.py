"""The page that `status` shows on a terminal."""

import io
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from agent.commands.layout import Item
from agent.commands.status_page import (
    describe_backup,
    describe_service,
    describe_token,
    describe_tokens,
    make_page,
)
from agent.commands.terminal import print_page
from agent.machine.clock import format_time


def tell(**delta: float) -> str:
    return format_time(datetime.now(UTC) + timedelta(**delta))


def make_token(**changes: Any) -> dict[str, Any]:
    return {
        "host": "github.com", "login": "octocat", "kind": "installation",
        "source": "GITHUB_APP_ID", "grants": "contents:write, metadata:read", "problem": "",
        "checked": tell(minutes=-2), "expires": tell(minutes=54, seconds=10), "published": True,
        **changes,
    }  # fmt: skip


def make_service(**changes: Any) -> dict[str, Any]:
    return {
        "name": "sshd", "state": "RUNNING", "since": tell(hours=-2), "essential": True,
        "probe_port": 2222, **changes,
    }  # fmt: skip


def make_backup(**changes: Any) -> dict[str, Any]:
    return {
        "target": "local", "seen": tell(minutes=-3, seconds=-5), "files": 1234, "size": 12_300_000,
        "missing": (), "lacking": 0, "next": tell(minutes=27, seconds=5), "overdue": False,
        "red": False, "problem": "", "finding": "", "lost": "", "rival": "", "shrunk": "",
        "hook": "", **changes,
    }  # fmt: skip


def make_unit(**changes: Any) -> dict[str, Any]:
    return {"name": "clone", "state": "running", "since": tell(minutes=-2), "reason": "demo",
            "hint": "", "log": "", "progress": 40, **changes}  # fmt: skip


def make_document(**changes: Any) -> dict[str, Any]:
    """Return a document of now."""
    return {
        "phase": "ready", "started": tell(hours=-2), "ready_seconds": 0.71,
        "workspace": "/workspace",
        "services": [make_service(), make_service(name="web", state="FATAL", essential=False)],
        "tokens": [make_token()],
        "units": [make_unit(), make_unit(name="hooks", state="failed", reason="it ended with 3",
                                         hint="devcopilot rerun hooks", log="/x", progress=None),
                  make_unit(name="tools", state="done")],
        "backups": [make_backup(red=True, problem="cannot back up: no space left on it " * 4)],
        "tools": [{"name": "claude", "state": "installed", "program": "/usr/bin/claude",
                   "package": None, "problem": None}],
        "problems": [{"message": "cannot sign commits: there is no key", "level": "warning",
                      "hint": "set SSH_PRIVATE_KEY_FILE"}],
        **changes,
    }  # fmt: skip


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


def show(document: dict[str, Any], columns: int, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    stream = Terminal()
    print_page(make_page(document), stream)
    return stream.getvalue()


def strip(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


def test_everything_is_on_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    text = strip(show(make_document(), 80, monkeypatch))
    assert "● /workspace is ready · up 2 h 0 min · ready after 0.7 s" in text
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


@pytest.mark.parametrize("columns", [40, 80])
def test_the_page_fits_the_terminal(columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    text = strip(show(make_document(), columns, monkeypatch))
    assert max(map(len, text.splitlines())) <= columns
    assert "no space left on it" in " ".join(text.split())


def test_what_is_wrong_is_red(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = show(make_document(), 80, monkeypatch)
    assert "\x1b[1;31m✖" in seen
    assert "\x1b[33m▲" in seen
    assert "\x1b[32m●" in seen


def test_empty_parts_say_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    parts = ("services", "tokens", "units", "backups", "tools", "problems")
    empty: dict[str, Any] = {name: [] for name in parts}
    text = strip(show(make_document(**empty), 80, monkeypatch))
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
