"""When init starts the log child again, and what it does for the writers meanwhile."""

import itertools
import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from agent.init import turn
from agent.init.logs import (
    FLUSH_TIMEOUT,
    HANG,
    LONG_LIFE,
    MOST_WAITING,
    RELIEF_STEP,
    Logs,
    count_waiting,
)
from agent.init.states import LogState
from agent.machine.light import proc
from agent.machine.light.boot_file import Boot
from tests.fakes.kernel import (
    COPY,
    LOG_CHILD,
    STUBBORN,
    FakeProcess,
    Program,
    World,
    begin_log,
    read_events,
)

LOGGER = "agent.init.logger"
LINE = b"x" * 99 + b"\n"


class LogDesk:
    """The log child's place, with a pipe for supervisord's words."""

    def __init__(self, folder: Path) -> None:
        (folder / "streams").mkdir()
        self.world = World({LOGGER: LOG_CHILD})
        self._null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
        self.logs = Logs(self.world.loop, self.world.children, self._null)
        boot = Boot(environment={}, log_format="json", log_level=None, streams=["a"],
                    supervisord=[], essential=[], jobs=[], stop_timeout=4.0)  # fmt: skip
        self.logs.open(str(folder), boot, 1, "info")

    @property
    def children(self) -> list[FakeProcess]:
        return self.world.children.find(LOGGER)

    @property
    def copies(self) -> list[FakeProcess]:
        """Return the copies of init that write the last lines."""
        return self.world.children.find(COPY)

    def find_reader(self, stream: str) -> int:
        """Return the descriptor that the log child reads this stream from."""
        (number,) = [word.partition("=")[2] for word in self.children[0].argv if stream in word]
        return int(number)

    def said(self) -> list[str]:
        return [event["message"] for event in read_events(self.find_reader("agent="))]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[LogDesk]:
    desk = LogDesk(tmp_path)
    yield desk
    desk.world.close()


def test_it_reads_every_stream_and_hears_term_when_it_is_ready(desk: LogDesk) -> None:
    (child,) = desk.children
    assert [word.partition("=")[0] for word in child.argv[-3:]] == ["agent", "supervisord", "a"]
    assert (tuple(child.blocked), child.spared) == ((signal.SIGTERM,), True)
    assert desk.logs.state is LogState.RUNNING


def test_one_that_keeps_ending_is_started_ever_later(desk: LogDesk) -> None:
    desk.world.children.programs[LOGGER] = Program(1)
    desk.children[0].end(1)
    desk.world.go(9)
    pauses = [later.began - one.began for one, later in pairwise(desk.children)]
    assert pauses == pytest.approx([0.1, 0.2, 0.4, 0.8, 1.6, 2.0, 2.0])
    assert "the log process exited, restarting it" in desk.said()


def test_the_end_of_a_long_life_is_none_of_a_row(desk: LogDesk) -> None:
    desk.children[0].end(1)
    desk.world.go(LONG_LIFE + 1)
    assert len(desk.children) == 2
    desk.children[1].end(1)
    desk.world.go(0.01)
    assert len(desk.children) == 3, "at once"
    desk.children[2].end(1)
    desk.world.go(0.11)
    assert len(desk.children) == 4, "and the pauses begin anew"


def test_one_that_cannot_be_started_is_tried_again(desk: LogDesk) -> None:
    desk.world.children.full = True
    desk.children[0].end(1)
    desk.world.go(5)
    assert (len(desk.children), desk.logs.state) == (1, LogState.PAUSING)
    desk.world.children.full = False
    desk.world.go(2)
    assert (len(desk.children), desk.logs.state) == (2, LogState.RUNNING)


def test_one_that_was_stopped_goes_on_at_once(desk: LogDesk) -> None:
    """Everybody would wait for it."""
    (child,) = desk.children
    for number in (signal.SIGSTOP, signal.SIGTSTP):
        child.send(number)
        desk.world.go(0)
        assert not child.stopped
    assert child.got == [signal.SIGSTOP, signal.SIGCONT, signal.SIGTSTP, signal.SIGCONT]


def test_without_a_log_child_the_oldest_lines_make_room_and_are_counted(desk: LogDesk) -> None:
    desk.world.children.full = True
    desk.children[0].end(1)
    reader = desk.find_reader("supervisord=")
    for _ in range(3):
        os.write(desk.logs.supervisord, LINE * 400)
        desk.world.go(RELIEF_STEP)
        assert count_waiting(reader) <= MOST_WAITING
    desk.world.children.full = False
    desk.world.go(2)
    (told,) = [line for line in desk.said() if "were lost" in line]
    kept = count_waiting(reader)
    assert told == f"{3 * 400 * len(LINE) - kept} bytes of supervisord were lost: " \
                   "the log process was not running"  # fmt: skip
    assert os.read(reader, 100) == LINE, "whole lines"
    os.write(desk.logs.supervisord, LINE * 200)
    desk.world.go(10)
    assert count_waiting(reader) == kept - 100 + 200 * len(LINE), "now it is read by the child"


def begin_work(desk: LogDesk, program: Program) -> FakeProcess:
    """Let the log child have begun to read."""
    (child,) = desk.children
    begin_log(child)
    child.program = program
    return child


def test_the_stop_waits_for_its_last_lines(desk: LogDesk) -> None:
    child = begin_work(desk, replace(LOG_CHILD, lingers=FLUSH_TIMEOUT - 0.5))
    desk.logs.stop()
    desk.logs.kill()
    assert desk.logs.state is LogState.STOPPING
    assert desk.world.go_until(desk.logs.ended) == pytest.approx(FLUSH_TIMEOUT - 0.5)
    assert child.got == [signal.SIGTERM]
    desk.world.go(100)
    assert (len(desk.children), desk.copies) == (1, []), "it is not started again"


def test_a_log_child_that_hangs_is_cut_off(desk: LogDesk) -> None:
    """What it has not read is written in its place."""
    begin_work(desk, STUBBORN)
    desk.world.children.programs[COPY] = Program(lasts=0.25)
    desk.logs.stop()
    assert desk.world.go_until(desk.logs.ended) == pytest.approx(FLUSH_TIMEOUT + 0.25)


@pytest.mark.parametrize(
    ("switches", "wants", "ended"),
    [
        ("counted", False, HANG),
        ("counted", True, FLUSH_TIMEOUT),
        ("growing", False, FLUSH_TIMEOUT),
        ("unknown", False, FLUSH_TIMEOUT),
    ],
    ids=["hangs", "lacks a processor", "is slow", "nobody knows"],
)
def test_one_that_hangs_is_not_waited_for_as_long_as_one_that_is_slow(
    desk: LogDesk, monkeypatch: pytest.MonkeyPatch, switches: str, wants: bool, ended: float
) -> None:
    """Each has two tries: the copy of init may hang as well, at the same output."""
    answers = {
        "counted": itertools.repeat(7), "growing": itertools.count(),
        "unknown": itertools.repeat(None),
    }[switches]  # fmt: skip
    monkeypatch.setattr(proc, "count_switches", lambda _: next(answers))
    monkeypatch.setattr(proc, "want_processor", lambda _: wants)
    begin_work(desk, STUBBORN)
    desk.world.children.programs[COPY] = STUBBORN
    desk.logs.stop()
    assert desk.world.go_until(desk.logs.ended) == pytest.approx(2 * ended)


def test_the_limit_of_one_that_hangs_is_not_that_of_its_successor(
    desk: LogDesk,
) -> None:
    """It ends late with an error, and what it left takes a moment to write."""
    begin_work(desk, replace(LOG_CHILD, answer=1, lingers=FLUSH_TIMEOUT - 0.5))
    desk.world.children.programs[COPY] = Program(lasts=1.0)
    desk.logs.stop()
    assert desk.world.go_until(desk.logs.ended) == pytest.approx(FLUSH_TIMEOUT + 0.5)
    (copy,) = desk.copies
    assert copy.got == []


def test_one_that_has_not_begun_its_work_is_not_waited_for(desk: LogDesk) -> None:
    """On a machine that is busy its start takes longer than the container has."""
    desk.children[0].program = STUBBORN
    desk.logs.stop()
    desk.world.go(0)
    (copy,) = desk.copies
    assert desk.children[0].got == [signal.SIGKILL]
    assert copy.argv[1:] == tuple(str(desk.find_reader(f"{name}=")) for name in
                                  ("agent", "supervisord", "a"))  # fmt: skip
    assert copy.spared, "the orphans may still be looked for"
    assert not desk.logs.ended()
    copy.end(0)
    assert desk.logs.ended()


def test_between_two_lives_the_last_lines_are_written_as_well(desk: LogDesk) -> None:
    desk.children[0].end(1)
    desk.logs.stop()
    (copy,) = desk.copies
    assert desk.logs.state is LogState.STOPPING
    copy.end(0)
    assert desk.logs.ended()
    desk.world.go(100)
    assert len(desk.children) == 1


def test_losses_are_reported_before_the_last_lines(desk: LogDesk) -> None:
    desk.children[0].end(1)
    os.write(desk.logs.supervisord, LINE * 400)
    desk.world.go(RELIEF_STEP)
    desk.logs.stop()
    assert any("of supervisord were lost" in line for line in desk.said())


def test_a_copy_that_hangs_is_cut_off(desk: LogDesk) -> None:
    desk.children[0].end(1)
    desk.world.children.programs[COPY] = STUBBORN
    desk.logs.stop()
    assert desk.world.go_until(desk.logs.ended) == pytest.approx(FLUSH_TIMEOUT)


def test_where_no_process_can_be_made_the_stop_goes_on(desk: LogDesk) -> None:
    desk.children[0].end(1)
    desk.world.children.full = True
    desk.logs.stop()
    assert desk.logs.ended()


def test_the_turn_is_taken_once_for_each_start() -> None:
    ends = turn.make()
    turn.offer(ends)
    assert (turn.take(ends[0]), turn.take(ends[0])) == (True, False)
    turn.offer(ends)
    turn.offer(ends)
    assert (turn.take(ends[0]), turn.take(ends[0])) == (True, False)
    for end in ends:
        os.close(end)
