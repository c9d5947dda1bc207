"""What is done about an idle workspace: on what is seen now, never on what was seen before."""

import subprocess
from pathlib import Path
from typing import Any

import pytest

from agent.machine import runtime
from agent.machine.errors import AgentError
from agent.machine.log import Logger
from agent.observe.activity import action, sample
from agent.settings.context import Context
from agent.settings.everything import Settings
from tests.fakes.proc import Machine
from tests.worlds.machine import make_facts

HOUR = 3600.0


class Desk:
    """A workspace, and the runs of programs that the action starts."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, **given: str) -> None:
        self.machine = Machine(folder / "machine", timeout=HOUR, action=["exit"])
        settings = Settings.from_environ({"DEV8_IDLE_TIMEOUT": "1h", **given})
        self.current = Context({}, settings, make_facts(folder))
        self.stop = self.current.facts.runtime / runtime.JOBS / "idle.stop"
        self.stop.parent.mkdir()
        self.ran: list[list[str]] = []
        monkeypatch.setattr(sample, "take", lambda _: self.machine.look())
        monkeypatch.setattr(sample, "save", lambda _, found: self.machine.keep(found))
        monkeypatch.setattr(subprocess, "run", self.run)
        self.machine.look()

    def run(self, words: list[str], **_: Any) -> "subprocess.CompletedProcess[bytes]":
        self.ran.append(list(words))
        return subprocess.CompletedProcess(words, int(words[0] == "fail"))

    def act(self) -> None:
        action.carry_out(self.current, Logger("activity", "error"))


def test_an_idle_workspace_is_backed_up_and_asked_to_stop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = Desk(tmp_path, monkeypatch, DEV8_IDLE_ACTION="exit", BACKUP_DIR="/backups")
    desk.machine.wait(HOUR + 60)
    monkeypatch.setattr(desk.machine.rules, "interval", HOUR)  # samples were taken
    desk.act()
    ((*_, last, verb),) = desk.ran
    assert (last, verb) == ("backup", "create")
    assert desk.stop.read_text() == "idle for 61 min (DEV8_IDLE_TIMEOUT)\n"


def test_somebody_who_comes_back_during_the_backup_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = Desk(tmp_path, monkeypatch, DEV8_IDLE_ACTION="exit", BACKUP_DIR="/backups")
    desk.machine.wait(HOUR + 60)
    monkeypatch.setattr(desk.machine.rules, "interval", HOUR)

    def come_back(words: list[str], **_: Any) -> None:
        desk.ran.append(words)
        desk.machine.wait(30)
        desk.machine.touch(desk.machine.runtime / "activity/editor")

    monkeypatch.setattr(subprocess, "run", come_back)
    desk.act()
    assert len(desk.ran) == 1
    assert not desk.stop.exists()


@pytest.mark.parametrize("why", ["in use", "a gap", "a backup"])
def test_what_is_not_idle_now_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, why: str
) -> None:
    """Whatever the sampler has seen before."""
    desk = Desk(tmp_path, monkeypatch, DEV8_IDLE_ACTION="exit")
    desk.machine.wait(60 if why == "in use" else HOUR + 60)
    if why == "a backup":
        monkeypatch.setattr(desk.machine.rules, "interval", HOUR)
        desk.machine.write_state(backup=True)
    desk.act()
    assert not desk.stop.exists()


def test_a_command_that_fails_is_told_by_its_name_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its words may hold a secret."""
    desk = Desk(tmp_path, monkeypatch, DEV8_IDLE_ACTION="fail --key hunter2")
    desk.machine.wait(HOUR + 60)
    monkeypatch.setattr(desk.machine.rules, "interval", HOUR)
    with pytest.raises(
        AgentError, match="cannot run fail of DEV8_IDLE_ACTION: it ended with 1"
    ) as caught:
        desk.act()
    assert "hunter2" not in str(caught.value)
    assert desk.ran == [["fail", "--key", "hunter2"]]
    assert not desk.stop.exists()
