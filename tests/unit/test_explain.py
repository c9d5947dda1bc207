"""Why a service does not run: only what is so."""

import socket
from pathlib import Path

import pytest

from agent.commands import explain as verb
from agent.commands.explain import Trouble, explain, explain_unknown, find_reason
from agent.services import user
from agent.services.registered import Roster
from agent.services.service import CommandProbe, PortProbe, Service
from agent.services.supervisord import ServiceState
from agent.settings.context import Context
from agent.settings.everything import Settings
from tests.worlds.machine import make_facts


@pytest.fixture
def current(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Context:
    """A workspace with two files of services, one of them faulty."""
    monkeypatch.setattr(user, "SYSTEM_FOLDER", tmp_path / "etc")
    facts = make_facts(tmp_path)
    folder = facts.home / user.USER_FOLDER
    folder.mkdir(parents=True)
    (folder / "new.toml").write_text('command = ["sleep", "1h"]')
    (folder / "faulty.toml").write_text("essential = true")
    off = {"DEV8_SSH": "false", "DEV8_CODE_SERVER": "false"}
    return Context({}, Settings.from_environ(off), facts)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("new", "new was added after this container started (restart the container)"),
        ("faulty", "/faulty.toml: `command` is missing"),
        ("sshd", "sshd cannot run: there is no sshd"),
        ("none", "there is no service none (there are: one)"),
    ],
)
def test_a_service_that_this_container_lacks(current: Context, name: str, words: str) -> None:
    roster = Roster((Service("one", ("x",)),), {"sshd": "there is no sshd"})
    assert words in str(explain_unknown(name, roster, current))


UNKNOWN = "it exits; its last output is above"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a program."""
    made = tmp_path / "app"
    made.mkdir()
    (made / "server.sh").write_text("#!/bin/sh\n")
    (made / "server.sh").chmod(0o755)
    return made


def test_a_program_in_the_services_folder_is_found(tmp_path: Path, folder: Path) -> None:
    service = Service("a", ("./server.sh",), directory=folder)
    assert find_reason(service, make_facts(tmp_path)) == UNKNOWN


def test_a_program_on_the_services_path_is_found(tmp_path: Path, folder: Path) -> None:
    service = Service("a", ("server.sh",), environment={"PATH": str(folder)})
    assert find_reason(service, make_facts(tmp_path)) == UNKNOWN


@pytest.mark.parametrize(
    ("words", "reason"),
    [("none", "there is no program none"), ("./none", "there is no program ./none in {folder}")],
)
def test_a_missing_program_is_named(tmp_path: Path, folder: Path, words: str, reason: str) -> None:
    service = Service("a", (words,), directory=folder)
    assert find_reason(service, make_facts(tmp_path)) == reason.format(folder=folder)


def test_a_missing_folder_is_named(tmp_path: Path, folder: Path) -> None:
    service = Service("a", ("sh",), directory=folder / "none")
    assert find_reason(service, make_facts(tmp_path)) == f"there is no folder {folder}/none"


@pytest.mark.parametrize("form", ["{}", "-p{}", "--port={}", "0.0.0.0:{}", "http://[::1]:{}/path"])
def test_who_holds_a_port_that_its_words_name_is_named(tmp_path: Path, form: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
        word = form.format(port)
        services = [
            Service("a", ("sh", "--", word)),
            Service("a", ("sh",), environment={"A": word}),
        ]
        for service in services:
            reason = find_reason(service, make_facts(tmp_path))
            assert reason.startswith(f"{port} is held by pid")
        other = Service("a", ("sh", f"{port}0", f"1{port}", f"v{port}"))
        assert find_reason(other, make_facts(tmp_path)) == UNKNOWN


def test_who_holds_the_port_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
        service = Service("a", ("sh",), probe=PortProbe(port))
        assert find_reason(service, make_facts(tmp_path)).startswith(f"{port} is held by pid")


# --- one that supervisord keeps ---

DEAF = CommandProbe(("false",))


def make_state(state: str) -> ServiceState:
    return ServiceState("a", state, 7, 1.0, "")


@pytest.mark.parametrize(
    ("service", "again", "reason"),
    [
        (Service("a", ("x",)), 0, "it is starting: it counts as running after 10 s"),
        (Service("a", ("x",), probe=DEAF), 0, "it is starting: false ends with 1"),
        (
            Service("a", ("x",)), 2,
            "it has ended 2 times, and is starting again: it counts as running after 10 s",
        ),
    ],
    ids=["no probe", "it does not answer yet", "again"],
)  # fmt: skip
def test_a_service_that_starts_has_left_nothing_behind_and_holds_its_port(
    service: Service, again: int, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its process is not that of an earlier run."""
    monkeypatch.setattr(verb, "read_restarts", lambda _: {"a": again})
    monkeypatch.setattr(verb, "find_reason", lambda *_: pytest.fail("it has a process"))
    facts = make_facts(tmp_path)
    assert explain(service, make_state("STARTING"), facts) == Trouble(reason, runs=True)


def test_a_service_that_runs_and_does_not_answer_is_not_well(tmp_path: Path) -> None:
    facts, running = make_facts(tmp_path), make_state("RUNNING")
    found = explain(Service("a", ("x",), probe=DEAF), running, facts)
    assert found == Trouble("it runs and does not answer: false ends with 1", runs=True)
    assert explain(Service("a", ("x",), probe=CommandProbe(("true",))), running, facts) is None
    assert explain(Service("a", ("x",)), running, facts) is None


@pytest.mark.parametrize("state", [make_state("BACKOFF"), make_state("FATAL"), None])
def test_a_service_that_does_not_run_has_a_reason(
    state: ServiceState | None, tmp_path: Path
) -> None:
    found = explain(Service("a", ("sh",)), state, make_facts(tmp_path))
    assert found == Trouble(UNKNOWN, runs=False)
