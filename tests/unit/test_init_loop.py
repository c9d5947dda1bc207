"""Init's loop, on a clock that it drives itself."""

import os
import subprocess
import sys
from collections.abc import Iterator
from typing import ClassVar

import pytest

from agent.init.loop import LONGEST_WAIT, BootClock, Loop
from agent.machine.light.backoff import Backoff
from tests.fakes.kernel import START, World
from tests.worlds.programs import Awaited


@pytest.fixture
def world() -> Iterator[World]:
    world = World({})
    yield world
    world.close()


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    ends = os.pipe2(os.O_CLOEXEC)
    yield ends
    for end in ends:
        os.close(end)


def test_timers_come_in_their_order_and_once(world: World) -> None:
    seen: list[tuple[str, float]] = []
    for name, seconds in (("late", 3.0), ("soon", 1.0), ("between", 2.0)):
        world.loop.after(seconds, lambda name=name: seen.append((name, world.clock.now())))  # type: ignore[misc]
    world.go(10)
    assert seen == [("soon", 1001.0), ("between", 1002.0), ("late", 1003.0)]


def test_a_timer_that_was_cancelled_never_comes(world: World) -> None:
    seen: list[str] = []
    timer = world.loop.after(1, lambda: seen.append("cancelled"))
    world.loop.cancel(timer)
    world.loop.cancel(timer)
    world.loop.cancel(None)
    world.go(10)
    assert seen == []


def test_a_timer_that_another_of_the_same_moment_cancels_never_comes(world: World) -> None:
    seen: list[str] = []
    world.loop.after(1, lambda: world.loop.cancel(other))
    other = world.loop.after(1, lambda: seen.append("cancelled"))
    world.go(10)
    assert seen == []


def test_the_time_left_is_never_less_than_none(world: World) -> None:
    timer = world.loop.after(5, lambda: None)
    world.go(2)
    assert world.loop.find_left(timer) == 3
    world.go(10)
    assert world.loop.find_left(timer) == 0


def test_what_is_readable_comes_before_any_time_passes(world: World, pipe: tuple[int, int]) -> None:
    reader, writer = pipe
    seen: list[float] = []

    def read() -> None:
        os.read(reader, 1)
        seen.append(world.clock.now())

    world.loop.watch(reader, read)
    world.loop.after(10, lambda: None)
    os.write(writer, b"xx")
    world.go(20)
    assert seen == [START, START]


def test_what_is_watched_no_more_calls_nothing(world: World, pipe: tuple[int, int]) -> None:
    reader, writer = pipe
    seen: list[str] = []
    world.loop.watch(reader, lambda: seen.append("readable"))
    os.write(writer, b"x")
    world.loop.turn()
    world.loop.unwatch(reader)
    world.go(1)
    assert seen == ["readable"]


def test_an_action_may_end_the_watch_of_another_that_is_readable(
    world: World, pipe: tuple[int, int]
) -> None:
    reader, writer = pipe
    copy = os.dup(reader)
    seen: list[int] = []

    def end_the_other(descriptor: int, other: int) -> None:
        seen.append(descriptor)
        world.loop.unwatch(other)

    world.loop.watch(reader, lambda: end_the_other(reader, copy))
    world.loop.watch(copy, lambda: end_the_other(copy, reader))
    os.write(writer, b"x")
    world.loop.turn()
    assert len(seen) == 1
    os.close(copy)


def test_the_time_in_which_the_machine_slept_counts(world: World) -> None:
    """`poll` does not count it: the loop looks at its clock again every LONGEST_WAIT seconds."""
    seen: list[float] = []
    world.loop.after(3600, lambda: seen.append(world.clock.now()))
    world.loop.turn()
    assert world.clock.now() == 1000 + LONGEST_WAIT
    world.clock.sleep(8 * 3600)
    world.loop.turn()
    assert len(seen) == 1


def test_the_real_clock_waits_for_what_is_readable_or_for_the_time(pipe: tuple[int, int]) -> None:
    reader, writer = pipe
    loop, seen = Loop(BootClock()), list[str]()
    loop.watch(reader, lambda: seen.append(os.read(reader, 1).decode()))
    due = loop.after(0.0123, lambda: seen.append("time"))
    loop.turn()
    assert seen == ["time"]
    assert loop.now() >= due.when
    os.write(writer, b"x")
    loop.turn()
    assert seen == ["time", "x"]


def test_the_real_clock_never_wakes_too_early() -> None:
    """A loop that did would turn, and turn again, until it is time."""

    class Poll:
        asked: ClassVar[list[float | None]] = []

        def poll(self, milliseconds: float | None) -> list[tuple[int, int]]:
            self.asked.append(milliseconds)
            return []

    for seconds in (0.0, 0.0123, 0.5, None):
        BootClock().wait(Poll(), seconds)  # type: ignore[arg-type]
    assert Poll.asked == [0, 13, 500, None]


def test_a_pause_doubles_up_to_the_longest() -> None:
    backoff = Backoff(0.1, 2.0)
    pauses = [backoff.pause(failures) for failures in range(8)]
    assert pauses == [0.0, 0.1, 0.2, 0.4, 0.8, 1.6, 2.0, 2.0]
    assert backoff.pause(10**6) == 2.0


def test_the_age_counts_from_the_start_of_the_process_also_over_an_exec() -> None:
    """Of a process of its own, between two looks at the clock from outside."""
    clock = BootClock()
    say = """if True:
        from agent.init.loop import BootClock
        clock = BootClock()
        print(clock.now(), clock.find_age(), clock.now())
        """
    before = clock.now()
    with Awaited(
        ["/bin/sh", "-c", 'read -r _; exec "$@"', "-", sys.executable, "-c", say],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        began = clock.now()
        said, _ = process.communicate("\n")
    first, age, last = map(float, said.split())
    assert first - age <= began
    assert last - age >= before - 1 / os.sysconf("SC_CLK_TCK")
