"""The first life by a clock that takes no time: what ends `configure`, and what follows."""

import os
import signal
from collections.abc import Iterator, Sequence

import pytest

from agent.init import bootstrap, early
from agent.init.bootstrap import (
    LONGEST,
    LOOK,
    LOOKS,
    PATIENCE,
    PROCESSOR_LIMIT,
    TIME_LIMIT,
    Configure,
)
from agent.machine.light import proc
from agent.machine.light.exits import Exit
from tests.fakes.kernel import COPY, DAEMON, START, STUBBORN, FakeProcess, Program, World

TERM, KILL, CONT = signal.SIGTERM, signal.SIGKILL, signal.SIGCONT
ENDED = TIME_LIMIT + (LOOKS - 1) * LOOK
"""When one is ended that only waits."""


class Start:
    """A first life."""

    def __init__(self, program: Program, argv: Sequence[str] = ()) -> None:
        self.world = World({COPY: program, early.MODULE: DAEMON})
        self._arrivals, self._sender = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self.called: list[list[str]] = []
        self.life = Configure(
            argv, self.called.append, loop=self.world.loop, children=self.world.children,
            arrivals=self._arrivals,
        )  # fmt: skip

    def send(self, seconds: float, number: int) -> None:
        self.world.loop.after(seconds, lambda: self.send_now(number))

    def send_now(self, number: int) -> None:
        os.write(self._sender, bytes([number]))

    def live(self) -> tuple[int | None, float]:
        """Return the code that it concludes with, and the seconds that it took."""
        began = self.world.clock.now()
        self.life.start()
        self.life.wait()
        return self.life.conclude(), self.world.clock.now() - began

    def find(self, word: str) -> FakeProcess:
        (process,) = self.world.children.find(word)
        return process

    def close(self) -> None:
        self.world.close()
        os.close(self._arrivals)
        os.close(self._sender)


@pytest.fixture
def start() -> Iterator[type[Start]]:
    made: list[Start] = []

    class Noted(Start):
        def __init__(self, program: Program, argv: Sequence[str] = ()) -> None:
            super().__init__(program, argv)
            made.append(self)

    yield Noted
    for one in made:
        one.close()


def test_supervisord_is_loaded_beside_it_without_the_containers_environment(
    start: type[Start],
) -> None:
    life = start(Program(lasts=2.0))
    assert life.live() == (None, 2.0)
    waiting = life.find(early.MODULE)
    assert (waiting.environment, waiting.began) == (early.ENVIRONMENT, START)
    assert life.life.early is not None
    assert life.life.early.pid == waiting.pid


def test_its_failure_is_the_containers(start: type[Start]) -> None:
    assert start(Program(2, lasts=1.0)).live() == (Exit.USAGE, 1.0)


def test_one_that_hangs_is_killed(start: type[Start], capsys: pytest.CaptureFixture[str]) -> None:
    life = start(STUBBORN)
    assert life.live() == (Exit.FAILED, ENDED)
    assert life.find(COPY).got == [KILL]
    assert "configure took longer than 120 s" in capsys.readouterr().err


def test_one_that_lacks_a_processor_is_waited_for_until_it_only_waits(
    start: type[Start], monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = iter([True, False, False, False, False, True, *[False] * LOOKS])
    monkeypatch.setattr(proc, "want_processor", lambda _: next(answers))
    life = start(STUBBORN)
    assert life.live() == (Exit.FAILED, ENDED + 6 * LOOK)
    assert list(answers) == []


@pytest.mark.parametrize(
    ("share", "ended", "reason"),
    [
        (1.0, TIME_LIMIT, f"used a processor for {PROCESSOR_LIMIT:g} s and did not finish"),
        (0.5, 2 * PROCESSOR_LIMIT, f"used a processor for {PROCESSOR_LIMIT:g} s"),
        (0.01, LONGEST, f"took longer than {LONGEST:g} s"),
    ],
)
def test_one_that_never_ends_has_so_much_of_a_processor_and_no_more(
    start: type[Start], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    share: float, ended: float, reason: str,
) -> None:  # fmt: skip
    """On a busy machine it gets a share of one; the limit and the message agree."""
    life = start(STUBBORN)
    clock = life.world.clock
    monkeypatch.setattr(proc, "want_processor", lambda _: True)
    monkeypatch.setattr(proc, "sum_processor_time", lambda _: (clock.now() - START) * share)
    assert life.live() == (Exit.FAILED, ended)
    assert life.find(COPY).got == [KILL]
    assert f"configure {reason}" in capsys.readouterr().err


def test_one_that_not_even_a_kill_ends_is_left_behind(start: type[Start]) -> None:
    """As one that reads from a network file system that has gone."""
    assert start(Program(lasts=None, mortal=False)).live() == (Exit.FAILED, ENDED)


@pytest.mark.parametrize("number", [TERM, signal.SIGINT, signal.SIGQUIT])
@pytest.mark.parametrize("argv", [(), ("cmd",)])
def test_a_stop_meanwhile_is_its_stop(
    start: type[Start], number: int, argv: tuple[str, ...]
) -> None:
    """Without CMD the container was asked to stop and did; a CMD never got its chance."""
    life = start(DAEMON, argv)
    life.send(3, number)
    assert life.live() == (128 + number if argv else Exit.OK, 3.0)
    assert life.find(COPY).got == [number, CONT]


def test_one_that_ignores_the_stop_is_killed_after_a_moment(start: type[Start]) -> None:
    life = start(STUBBORN)
    life.send(3, TERM)
    assert life.live() == (Exit.OK, 3.0 + PATIENCE)
    assert life.find(COPY).got == [TERM, CONT, KILL]


def test_other_signals_are_nothing_to_it(start: type[Start]) -> None:
    life = start(Program(lasts=5.0))
    for number in (signal.SIGHUP, signal.SIGUSR1, signal.SIGWINCH):
        life.send(1, number)
    assert life.live() == (None, 5.0)
    assert life.find(COPY).got == []


def test_a_term_in_its_last_moment_counts(start: type[Start]) -> None:
    life = start(Program(), ("cmd",))
    life.life.start()
    life.life.wait()
    life.send_now(TERM)
    assert life.life.conclude() == 128 + TERM


def test_a_supervisord_that_has_ended_is_not_handed_on(start: type[Start]) -> None:
    life = start(Program(lasts=5.0))
    life.world.loop.after(1, lambda: life.find(early.MODULE).end(1))
    assert life.live() == (None, 5.0)
    assert life.life.early is None


def test_one_that_cannot_be_loaded_early_keeps_nothing_up(start: type[Start]) -> None:
    life = start(Program())
    del life.world.children.programs[early.MODULE]
    assert life.live()[0] is None
    assert life.life.early is None


def test_the_words_of_configure(start: type[Start]) -> None:
    life = start(Program())
    life.live()
    copy = life.find(COPY)
    assert copy.streams[1:] == (2, None), "standard output may be CMD's"
    assert copy.work
    copy.work()
    assert life.called == [[*bootstrap.CONFIGURE, "--log-level", "info"]]
