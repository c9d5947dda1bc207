"""The page as it is served: from what really lies in a runtime folder, whole or broken."""

from collections.abc import Callable
from pathlib import Path

import pytest

from agent.backup import history
from agent.observe import findings, recent_log
from agent.observe.page import gather
from agent.observe.page.surface import SURFACE
from agent.observe.ports import overview
from agent.observe.serve.surface import NotFoundError, Request
from agent.services import registered
from agent.settings import context
from agent.settings.context import Context
from agent.settings.everything import Settings
from tests.worlds.machine import make_facts

STATE = {
    "version": 2, "pid": 1, "phase": "ready", "started": "2026-01-31T12:00:00Z",
    "ready_seconds": 1.0, "stopping_because": None, "cmd": False, "jobs": {},
}  # fmt: skip


@pytest.fixture
def current(tmp_path: Path) -> Context:
    variables = {"WORKSPACE_DIR": str(tmp_path), "ENVIRONMENT_ID": "demo"}
    current = Context(variables, Settings.from_environ(variables), make_facts(tmp_path))
    context.INIT.write(current.facts, STATE)
    registered.ROSTER.write(current.facts, registered.Roster((), {}))
    return current


def read(current: Context, path: str = "/") -> str:
    return SURFACE.answer(Request(path), current).body.decode()


def test_a_workspace_that_has_nothing_yet_has_a_page(current: Context) -> None:
    page = read(current)
    assert "<title>All well · demo</title>" in page
    assert "Versions" in page


def fail() -> None:
    raise RuntimeError("with a secret in it")


@pytest.mark.parametrize(
    ("module", "name", "words"),
    [
        (overview, "collect", "The page cannot show ports"),
        (recent_log, "read", "The page cannot show the log"),
        (gather, "find_versions", "The page cannot show versions"),
        (gather, "load", "The page cannot show what is used"),
    ],
)
def test_a_part_that_fails_takes_no_other_with_it(
    module: object, name: str, words: str, current: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken: Callable[..., None] = lambda *_, **__: fail()  # noqa: E731 - as the parts are called
    monkeypatch.setattr(module, name, broken)
    page = read(current)
    assert f"<title>{words} · demo</title>" in page
    assert "RuntimeError at " in page
    assert "with a secret in it" not in page
    assert "Services" in page or "GitHub" in page


JUNK = {"nothing": b"", "zeros": bytes(50), "depth": b"[" * 100_000, "kind": b'{"s3": 5}',
        "null": b"null", "number": b"7"}  # fmt: skip


@pytest.mark.parametrize("junk", JUNK.values(), ids=JUNK)
def test_damaged_files_are_no_page_less(junk: bytes, current: Context) -> None:
    facts = current.facts
    for path in (
        history.FILE.path(facts), findings.FILE.path(facts), facts.runtime / "log/recent",
        facts.runtime / "history.ring", facts.runtime / "units/x.json",
    ):  # fmt: skip
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(junk)
    assert "<title>All well · demo</title>" in read(current)


def test_a_link_to_a_port_that_is_not_forwarded_says_what_to_do(current: Context) -> None:
    answer = SURFACE.answer(Request("/3000/"), current)
    assert answer.status == 404
    assert b"ssh -L 3000:127.0.0.1:3000" in answer.body
    assert answer.content_type.startswith("text/plain")


@pytest.mark.parametrize("path", ["/style.css", "/../etc/passwd", "/300000/", "/0/", "/3000/x"])
def test_nothing_else_is_there(path: str, current: Context) -> None:
    with pytest.raises(NotFoundError):
        SURFACE.answer(Request(path), current)
