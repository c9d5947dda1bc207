"""What doctor says of backups, services, units and the project, without any of them running."""

import json
import os
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from agent.backup.checks import history, s3_request
from agent.backup.record import Record
from agent.backup.status import Row, describe_one
from agent.machine.light.clock import format_time
from agent.machine.network import web
from agent.machine.records import unit_record
from agent.machine.system import Facts
from agent.services import registered, supervisord
from agent.services.checks import editor, ports, running
from agent.services.registered import Roster
from agent.services.service import HttpProbe, PortProbe, Service
from agent.services.supervisord import ServiceState
from agent.settings import context
from agent.settings.check import Finding, Result
from agent.settings.context import Context
from agent.settings.everything import Settings
from agent.units.checks import units
from agent.units.setup import hold
from agent.workspace.checks import project
from tests.worlds.machine import make_facts
from tests.worlds.needs import need_other_users

NOW = datetime.now(UTC)


def make_context(root: Path, **variables: str) -> Context:
    given = {"WORKSPACE_DIR": str(root / "home"), **variables}
    return Context(given, Settings.from_environ(given), make_facts(root))


# --- backups ------------------------------------------------------------------------------------


def describe(known: Record) -> Row:
    return describe_one("s3", known, None, None, NOW)


def test_without_a_destination_it_is_said_and_is_no_fault(tmp_path: Path) -> None:
    (found,) = history.look(make_context(tmp_path))
    assert found.result is Result.SKIPPED
    assert "BACKUP_DIR" in found.fix


def test_the_age_of_the_last_backup() -> None:
    good = Record(seen=format_time(NOW - timedelta(hours=3)), made="x", snapshot="1")
    found = history.judge(describe(good), automatic=True)
    assert (found.result, found.summary) == (Result.OK, "last known good on s3: 3 h ago")


@pytest.mark.parametrize(
    ("changes", "automatic", "result"),
    [
        ({"problem": "cannot write: denied"}, True, Result.FAIL),
        ({"finding": "a pack is damaged"}, True, Result.FAIL),
        ({"rival": "another one backs up there"}, True, Result.WARN),
        ({"lacking": 3}, True, Result.WARN),
        ({"seen": ""}, True, Result.OK),
        ({"seen": ""}, False, Result.WARN),
        ({}, False, Result.OK),
    ],
)
def test_what_is_wrong_with_backups(
    changes: dict[str, Any], automatic: bool, result: Result
) -> None:
    known = replace(Record(seen=format_time(NOW), snapshot="1"), **changes)
    found = history.judge(describe(known), automatic=automatic)
    assert found.result is result, found
    assert found.fix


# --- services -----------------------------------------------------------------------------------


@contextmanager
def listening() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def find_free() -> int:
    with listening() as port:
        return port


def have(
    current: Context,
    monkeypatch: pytest.MonkeyPatch,
    services: tuple[Service, ...],
    states: Callable[[], dict[str, ServiceState]],
    refused: dict[str, str] | None = None,
) -> None:
    """Let this container have these services, and supervisord say this of them."""
    registered.ROSTER.write(current.facts, Roster(services, refused or {}))
    state = {"pid": os.getpid(), "started": format_time(NOW - timedelta(hours=2)),
             "ready_seconds": 2.5}  # fmt: skip
    context.INIT.write(current.facts, state)
    monkeypatch.setattr(supervisord, "query_states", lambda *_: states())


def make_state(state: str = "RUNNING", started: float | None = None) -> dict[str, ServiceState]:
    early = (NOW - timedelta(hours=2)).timestamp()
    return {"web": ServiceState("web", state, 7, started or early, "exited too quickly")}


def look_at_services(current: Context) -> list[tuple[Result, str]]:
    return [(found.result, found.summary) for found in running.look(current)]


def test_services_that_run_do_not_answer_or_came_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    current = make_context(tmp_path)
    with listening() as port:
        web = Service("web", ("web",), probe=PortProbe(port))
        have(current, monkeypatch, (web,), make_state)
        assert look_at_services(current) == [(Result.OK, "web runs and answers")]
        late = (NOW - timedelta(minutes=5)).timestamp()
        have(current, monkeypatch, (web,), lambda: make_state(started=late))
        (found,) = running.look(current)
        assert found.result is Result.WARN
        assert "was started again at" in found.summary
        assert "explain" not in found.fix, "it runs: there is nothing to explain"
    have(current, monkeypatch, (web,), make_state)
    ((result, summary),) = look_at_services(current)
    assert result is Result.FAIL
    assert "does not answer: nothing listens" in summary
    have(current, monkeypatch, (web,), lambda: make_state("FATAL"))
    assert look_at_services(current) == [
        (Result.FAIL, "web does not run (FATAL): exited too quickly")
    ]
    have(current, monkeypatch, (web,), dict)
    assert look_at_services(current) == [(Result.FAIL, "supervisord does not know web")]


def test_without_the_agent_nothing_is_known_of_services(tmp_path: Path) -> None:
    current = make_context(tmp_path)
    assert [result for result, _ in look_at_services(current)] == [Result.UNKNOWN]
    assert [found.result for found in editor.look(current)] == [Result.UNKNOWN]


def test_a_supervisord_that_is_silent_and_a_service_that_cannot_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> dict[str, ServiceState]:
        raise OSError(2, "No such file or directory")

    current = make_context(tmp_path)
    have(current, monkeypatch, (Service("web", ("web",)),), fail, {"sshd": "there is no key"})
    assert look_at_services(current) == [
        (Result.FAIL, "sshd cannot run: there is no key"),
        (Result.FAIL, "supervisord does not answer: No such file or directory"),
    ]


def test_who_holds_the_ports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    current = make_context(tmp_path)
    with listening() as port:
        web = Service("web", ("web",), probe=HttpProbe(port, "/"))
        have(current, monkeypatch, (web,), make_state)
        (found,) = ports.look(current)
        assert found.result is Result.OK
        assert f"pid {os.getpid()}" in found.summary
        have(current, monkeypatch, (web,), dict)
        (found,) = ports.look(current)
        assert found.result is Result.FAIL
        assert found.summary.startswith(f"port {port} of web is held by pid {os.getpid()}")
    (found,) = ports.look(current)
    assert (found.result, found.summary) == (Result.OK, f"port {port} of web is free")


def test_the_first_page_of_the_editor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    port = find_free()
    current = make_context(tmp_path, DEV8_CODE_SERVER_PORT=str(port))
    have(current, monkeypatch, (), dict)
    assert [found.result for found in editor.look(current)] == [Result.SKIPPED]
    have(current, monkeypatch, (Service("code-server", ("code-server",)),), dict)
    (found,) = editor.look(current)
    assert found.result is Result.FAIL
    assert found.fix == "devcopilot explain code-server"


# --- units --------------------------------------------------------------------------------------


def note(facts: Facts, name: str, state: str, **values: object) -> None:
    path = unit_record.UNIT.path(facts, name)
    path.parent.mkdir(exist_ok=True)
    row = {"name": name, "state": state, "since": format_time(NOW), **values}
    path.write_text(json.dumps(row))


def test_units_that_are_not_done(tmp_path: Path) -> None:
    current = make_context(tmp_path)
    assert list(units.look(current)) == []
    note(current.facts, "clone", "done")
    note(current.facts, "dotfiles", "skipped")
    note(current.facts, "extensions", "failed", reason="the gallery does not answer",
         hint="set DEV8_EXTENSIONS_GALLERY")  # fmt: skip
    note(current.facts, "hooks", "running")
    note(current.facts, "attach", "waiting", since=format_time(NOW - timedelta(hours=2)))
    with hold(current.facts, "hooks"):
        found = {each.part or "all": each for each in units.look(current)}
    assert found["all"].summary == "done: clone"
    assert found["extensions"].summary == "extensions failed: the gallery does not answer"
    assert found["extensions"].fix == "set DEV8_EXTENSIONS_GALLERY"
    assert {name: each.result for name, each in found.items()} == {
        "all": Result.OK, "extensions": Result.FAIL, "hooks": Result.OK, "attach": Result.WARN,
    }  # fmt: skip


# --- the project --------------------------------------------------------------------------------


def look_at_project(root: Path, workspace: Path) -> list[Finding]:
    given = {"WORKSPACE_DIR": str(workspace)}
    facts = make_facts(root, GIT_CONFIG_NOSYSTEM="1")
    return list(project.look(Context(given, Settings.from_environ(given), facts)))


def test_git_works_in_the_project(tmp_path: Path) -> None:
    folder = tmp_path / "work"
    folder.mkdir()
    assert [found.result for found in look_at_project(tmp_path, folder)] == [Result.SKIPPED]
    subprocess.run(["git", "init", "-q", folder], check=True, timeout=120)
    assert [found.result for found in look_at_project(tmp_path, folder)] == [Result.OK]
    (folder / ".git/HEAD").unlink()
    (found,) = look_at_project(tmp_path, folder)
    assert (found.result, "fsck" in found.fix) == (Result.FAIL, True)


def test_a_project_of_another_uid_needs_a_word(tmp_path: Path) -> None:
    need_other_users()
    folder = tmp_path / "work"
    subprocess.run(["git", "init", "-q", folder], check=True, timeout=120)
    for path in (folder, folder / ".git"):
        os.chown(path, 4242, 4242)
    (found,) = look_at_project(tmp_path, folder)
    assert found.result is Result.FAIL
    assert "belongs to uid 4242" in found.summary
    assert f"git config --global --add safe.directory {folder}" in found.fix


# --- S3 in another region -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "headers", "body"),
    [
        (301, {"x-amz-bucket-region": "eu-central-1"}, b"<Code>PermanentRedirect</Code>"),
        (400, {}, b"<Code>AuthorizationHeaderMalformed</Code><Region>eu-central-1</Region>"),
    ],
)
def test_a_bucket_of_another_region_is_asked_there(
    monkeypatch: pytest.MonkeyPatch, status: int, headers: dict[str, str], body: bytes
) -> None:
    asked: list[tuple[str, str]] = []

    def ask(_method: str, url: str, _environ: object, given: dict[str, str], *_: object) -> object:
        asked.append((url, given["Authorization"].split("/")[2]))
        return (status, headers, body) if len(asked) == 1 else (200, {}, b"it")

    monkeypatch.setattr(web, "ask", ask)
    answer = s3_request.ask(
        "GET", "https://s3.amazonaws.com/bucket/a", s3_request.Login("key", "secret"), {}
    )
    assert (answer.body, answer.reason) == (b"it", "")
    assert asked == [
        ("https://s3.amazonaws.com/bucket/a", "us-east-1"),
        ("https://s3.eu-central-1.amazonaws.com/bucket/a", "eu-central-1"),
    ]
    asked.clear()
    elsewhere = s3_request.ask(
        "GET", "http://minio/bucket/a", s3_request.Login("key", "secret"), {}
    )
    assert elsewhere.reason == ""
    assert asked[1] == ("http://minio/bucket/a", "eu-central-1")


SKEWED = "The difference between the request time and the current time is too large"


def test_a_refusal_is_said_in_the_servers_own_words(monkeypatch: pytest.MonkeyPatch) -> None:
    text = f"<Error><Code>RequestTimeTooSkewed</Code><Message>{SKEWED}</Message>"
    body = text.encode()
    monkeypatch.setattr(web, "ask", lambda *_: (403, {}, body))
    answer = s3_request.ask(
        "PUT", "https://s3.amazonaws.com/b/a", s3_request.Login("key", "secret"), {}, b"x"
    )
    assert answer.reason == "RequestTimeTooSkewed: " + SKEWED
    monkeypatch.setattr(web, "ask", lambda *_: (502, {}, b"<html>"))
    answer = s3_request.ask(
        "PUT", "https://s3.amazonaws.com/b/a", s3_request.Login("key", "secret"), {}, b"x"
    )
    assert answer.reason == "the server answers with status 502"
