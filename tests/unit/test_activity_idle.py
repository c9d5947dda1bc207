"""What is done about an idle workspace: warnings, and the word that it is time, never too early."""

import os
import pty
from collections.abc import Callable
from pathlib import Path

import pytest

from agent.observe.activity import idle, moment
from agent.observe.activity.moment import Moment
from agent.observe.activity.sample import Sample
from tests.fakes.proc import Machine

HOUR = 3600.0


class Log:
    """Keeps what is logged."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str]] = []

    def __call__(self) -> "Log":
        return self

    def info(self, message: str, **_: object) -> None:
        self.lines.append(("info", message))

    def warning(self, message: str, **_: object) -> None:
        self.lines.append(("warning", message))


class Watched(Machine):
    """A machine whose sampler runs each 30 s and acts."""

    def __init__(self, folder: Path, **rules: object) -> None:
        super().__init__(folder, **{"timeout": HOUR, "action": ["exit"], **rules})
        self.log = Log()
        self.late = 0.0
        """Seconds between a look and what follows from it."""

    @property
    def later(self) -> Moment:
        return Moment(self.boot + self.late, self.boot, self.boot)

    @property
    def is_due(self) -> bool:
        return (self.runtime / idle.DUE).exists()

    def run_sampler(self) -> Sample:
        found = self.look()
        idle.attend(found, self.log)  # type: ignore[arg-type]
        self.keep(found)
        return found

    def pass_time(self, minutes: float) -> Sample:
        for _ in range(int(minutes * 2)):
            self.wait(30)
            found = self.run_sampler()
        return found


@pytest.fixture(autouse=True)
def prompt(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every sample be of the moment at which it is acted on."""
    monkeypatch.setattr(idle, "is_fresh", lambda _: True)


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    machine = Watched(tmp_path)
    machine.run_sampler()
    return machine


def test_it_warns_twice_and_then_it_is_time(watched: Watched) -> None:
    watched.pass_time(49.5)
    assert watched.log.lines == []
    watched.pass_time(1)
    watched.pass_time(7)
    (level, first), *rest = watched.log.lines
    assert (level, rest) == ("warning", [])
    assert first.startswith("this workspace is idle and stops in 10 min, at ")
    watched.pass_time(1)
    assert watched.log.lines[-1][1].startswith("this workspace is idle and stops in 2 min, at ")
    assert not watched.is_due
    watched.pass_time(2)
    assert watched.is_due
    assert [level for level, _ in watched.log.lines] == ["warning", "warning", "info"]


@pytest.mark.parametrize("action", [["report"], ["touch", "/tmp/acted"]])
def test_a_command_runs_once_in_a_pause(tmp_path: Path, action: list[str]) -> None:
    machine = Watched(tmp_path, action=action)
    machine.run_sampler()
    machine.pass_time(61)
    (machine.runtime / idle.DUE).unlink(missing_ok=True)
    count = len(machine.log.lines)
    machine.pass_time(60)
    assert not machine.is_due
    assert len(machine.log.lines) == count


def test_a_stop_that_does_not_come_is_asked_for_again(watched: Watched) -> None:
    """The job that asks init for it may have been killed."""
    watched.pass_time(61)
    (watched.runtime / idle.DUE).unlink()
    watched.pass_time(13)
    assert not watched.is_due
    watched.pass_time(2)
    assert watched.is_due


def test_a_sign_after_the_warning_begins_a_new_hour(watched: Watched) -> None:
    watched.open_terminal(1)
    watched.pass_time(59)
    watched.type(1)
    watched.pass_time(49)
    assert not watched.is_due
    assert len(watched.log.lines) == 2
    watched.pass_time(12)
    assert watched.is_due
    assert len(watched.log.lines) == 5, "warned anew"


def test_a_short_timeout_is_warned_of_once(tmp_path: Path) -> None:
    machine = Watched(tmp_path, timeout=300.0)
    machine.run_sampler()
    machine.pass_time(2)
    assert machine.log.lines == []
    machine.pass_time(2)
    assert len(machine.log.lines) == 1


def test_a_report_is_a_line_in_the_log_and_nothing_else(tmp_path: Path) -> None:
    machine = Watched(tmp_path, action=["report"])
    machine.run_sampler()
    machine.pass_time(120)
    ((level, line),) = machine.log.lines
    assert level == "info"
    assert line.startswith("Idle for 60 min")
    assert not machine.is_due


def sleep(machine: Machine) -> None:
    machine.wait(10 * HOUR)
    machine.slept += 10 * HOUR


def freeze(machine: Machine) -> None:
    machine.wait(10 * HOUR)


def set_clock(machine: Machine) -> None:
    machine.wait(30)
    machine.set_back -= 10 * HOUR


def set_clock_back(machine: Machine) -> None:
    machine.wait(30)
    machine.set_back += 10 * HOUR


@pytest.mark.parametrize("happens", [sleep, freeze, set_clock, set_clock_back])
def test_what_was_not_seen_does_not_count_as_idle(
    watched: Watched, happens: Callable[[Machine], None]
) -> None:
    """A suspended machine, `docker pause`, a clock that is set: the time starts anew."""
    watched.pass_time(30)
    happens(watched)
    found = watched.run_sampler()
    assert found.verdict.stops == watched.boot + HOUR
    watched.pass_time(58)
    assert not watched.is_due
    watched.pass_time(3)
    assert watched.is_due


def test_a_backup_that_runs_is_waited_for(watched: Watched) -> None:
    watched.pass_time(50)
    watched.write_state(backup=True)
    watched.pass_time(30)
    assert not watched.is_due
    watched.write_state(backup=False)
    watched.pass_time(1)
    assert watched.is_due


def test_a_sample_that_is_old_by_now_does_nothing(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sampler itself was frozen between its look and its word."""
    monkeypatch.undo()
    watched.late = 60.0
    monkeypatch.setattr(moment, "read", lambda: watched.later)
    watched.pass_time(61)
    assert not watched.is_due
    watched.late = 1.0
    watched.pass_time(1)
    assert watched.is_due


def test_every_own_terminal_is_told_and_that_is_no_sign_of_work(tmp_path: Path) -> None:
    """A program that waits in it does not seem to print."""
    machine = Watched(tmp_path)
    ours, theirs = pty.openpty()
    try:
        machine.open_terminal(4)
        (machine.devices / "4").unlink()
        (machine.devices / "4").symlink_to(os.ttyname(theirs))
        machine.wait(30)
        machine.run(4, 200, "npm")
        machine.wait(30)
        machine.run_sampler()
        machine.pass_time(55)
        text = os.read(ours, 4096).decode()
        assert "DevCopilot: this workspace is idle and stops in 10 min, at " in text
        machine.pass_time(6)
        assert machine.is_due
    finally:
        os.close(ours)
        os.close(theirs)
