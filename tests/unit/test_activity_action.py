"""What is done about an idle workspace: on what is seen now, never on what was seen before."""

import subprocess
from pathlib import Path
from typing import Any

import pytest

from agent.machine.errors import AgentError
from agent.machine.light import runtime
from agent.machine.light.log import Logger
from agent.observe.activity import action, proc_stat, sample
from agent.settings.context import Context
from agent.settings.everything import Settings
from tests.fakes.proc import Machine
from tests.worlds.machine import make_facts
from tests.worlds.waiting import wait_until

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
        return subprocess.CompletedProcess(words, 0)

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


@pytest.mark.parametrize(
    ("command", "cause"),
    [
        ("sh -c 'exit 3' --key hunter2", "sh of DEV8_IDLE_ACTION: it failed with code 3"),
        ("sh -c 'kill -9 $$' hunter2", "sh of DEV8_IDLE_ACTION: it failed with signal SIGKILL"),
        ("/no/such hunter2", "such of DEV8_IDLE_ACTION: No such file or directory"),
        ("/etc hunter2", "etc of DEV8_IDLE_ACTION: Permission denied"),
    ],
)
def test_a_command_that_fails_is_named_without_its_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str, cause: str
) -> None:
    """They may hold a secret."""
    desk = make_idle_desk(tmp_path, monkeypatch, command)
    with pytest.raises(AgentError) as caught:
        desk.act()
    (problem,) = caught.value.problems
    assert problem.message == f"cannot run {cause}"
    assert problem.hint == "change DEV8_IDLE_ACTION"
    assert not desk.stop.exists()


def test_a_command_that_takes_too_long_ends_with_all_it_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    note = tmp_path / "child"
    desk = make_idle_desk(tmp_path, monkeypatch, f"sh -c 'sleep 600 & echo $! >{note}; wait'")
    monkeypatch.setattr(action, "COMMAND_TIMEOUT", 3.0)
    with pytest.raises(AgentError, match="it took longer than 3 s"):
        desk.act()
    wait_until(lambda: not is_alive(int(note.read_text())), "the end of its child")


def test_a_command_reads_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = make_idle_desk(tmp_path, monkeypatch, f"sh -c 'cat >{tmp_path}/read'")
    desk.act()
    assert (tmp_path / "read").read_text() == ""


def make_idle_desk(folder: Path, monkeypatch: pytest.MonkeyPatch, command: str) -> Desk:
    """Return a workspace whose hour is over, with the real `subprocess`."""
    real = subprocess.run
    desk = Desk(folder, monkeypatch, DEV8_IDLE_ACTION=command)
    monkeypatch.setattr(subprocess, "run", real)
    desk.machine.wait(HOUR + 60)
    monkeypatch.setattr(desk.machine.rules, "interval", HOUR)
    return desk


def is_alive(pid: int) -> bool:
    """Tell whether a process runs; one that nobody has waited for yet does not."""
    found = proc_stat.read(str(pid), f"/proc/{pid}/stat")
    return found is not None and not found.has_ended
