"""Why a service does not run: only what is so."""

import socket
from pathlib import Path

import pytest

from agent.commands.explain import explain_unknown, find_reason
from agent.services import user
from agent.services.registered import Roster
from agent.services.service import PortProbe, Service
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
