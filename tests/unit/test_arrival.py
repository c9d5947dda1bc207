"""What a person sees who logs in while the workspace is being set up: DEV8_SSH_WAIT."""

import io
import time

import pytest

from agent.commands.arrival import IdleError, Line, describe, find_running
from agent.machine.light.clock import timestamp
from agent.machine.records.unit_record import Record, State
from agent.settings.everything import Settings
from agent.units.all import KINDS
from agent.units.setup import NOT_YET
from agent.units.waiting import Answer

BAD = r"\x1b[2J"
WAITING = Answer(State.WAITING)


def make(name: str, state: State, reason: str = "") -> Record:
    return Record(name, state, timestamp(time.time() - 40), reason=reason)


def test_what_is_at_work_is_shown_with_its_age_and_its_log() -> None:
    found = find_running(
        Answer(State.RUNNING, unit=make("hooks", State.RUNNING)),
        [make("clone", State.RUNNING), make("hooks", State.RUNNING),
         make("hooks:postCreate", State.RUNNING), make("tools", State.WAITING, NOT_YET)],
    )  # fmt: skip
    assert describe(found) == (
        "still setting up: hooks:postCreate 40 s (devcopilot log hooks:postCreate); Enter to go on"
    )


@pytest.mark.parametrize("units", [[], [make("hooks", State.WAITING, NOT_YET)]])
def test_what_has_not_begun_begins_in_a_moment(units: list[Record]) -> None:
    assert describe(find_running(WAITING, units)) == "still setting up; Enter to go on"


def test_nobody_waits_for_what_waits_for_a_person() -> None:
    units = [make("clone", State.DONE), make("hooks", State.WAITING, "it is not trusted yet")]
    with pytest.raises(IdleError):
        find_running(WAITING, units)


def test_the_line_is_written_over_and_never_wraps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    out = io.StringIO()
    line = Line(out)
    line.spin("a long text that wraps")
    line.spin("short\x1b[2J")  # which would clear the screen
    line.clear()
    texts = ("a long text that wr", f"{'short' + BAD:<19}", " " * 12)
    assert out.getvalue() == "".join(f"\r{text}" for text in texts) + "\r"


def test_every_kind_that_counts_can_be_waited_for() -> None:
    words = [*(kind.name for kind in KINDS if kind.counts), "all", "no"]
    assert [Settings.from_environ({"DEV8_SSH_WAIT": word}).ssh.wait for word in words] == words
