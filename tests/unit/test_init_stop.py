"""The stop: stages in order, one deadline, nobody outlives it."""

from collections.abc import Iterator

import pytest

from agent.init.listener import Listener
from agent.init.orphans import LOOK, NEWCOMER, Orphans
from agent.init.stop import HASTE, LAST_MOMENT, Stop, Stoppable
from tests.fakes.kernel import DAEMON, START, STUBBORN, Program, World

TIMEOUT = 10.0
TERM, KILL, CONT = 15, 9, 18


class Part(Stoppable):
    """Takes its time to end, and longer than anybody has if it is `stubborn`."""

    def __init__(self, world: World, name: str, seconds: float = 0.0, *, mortal: bool = True):
        self.world, self.name, self.seconds, self.mortal = world, name, seconds, mortal
        self.asked_at: float | None = None
        self.killed_at: float | None = None
        self.gone = False

    def stop(self) -> None:
        assert self.asked_at is None, "asked once"
        self.asked_at = self.world.clock.now()
        self.world.loop.after(self.seconds, self._end)

    def ended(self) -> bool:
        return self.gone

    def kill(self) -> None:
        self.killed_at = self.world.clock.now()
        if self.mortal:
            self.world.loop.after(0.0, self._end)

    def name_remaining(self) -> list[str]:
        return [] if self.gone else [self.name]

    def _end(self) -> None:
        self.gone = True


class Told(Listener):
    def __init__(self) -> None:
        self.stops = 0

    def on_stop(self) -> None:
        self.stops += 1


@pytest.fixture
def world() -> Iterator[World]:
    world = World({})
    yield world
    world.close()


def make_stop(world: World, *order: tuple[Stoppable, ...], told: Listener | None = None) -> Stop:
    stop = Stop(world.loop, world.log, TIMEOUT, told or Listener())
    stop.order = order
    return stop


def go_to_the_end(world: World, stop: Stop, most: float = 100.0) -> float:
    """Work as init does; return the seconds that it took."""
    began = world.clock.now()
    stop.advance()
    while not stop.done:
        world.loop.turn()
        stop.advance()
        assert world.clock.now() - began <= most
    return world.clock.now() - began


def test_nothing_is_asked_before_the_stop_is_requested(world: World) -> None:
    part = Part(world, "a")
    stop = make_stop(world, (part,))
    stop.advance()
    assert (part.asked_at, stop.reason, stop.done, stop.left) == (None, None, False, 0.0)


def test_the_parts_of_a_stage_are_asked_together_and_waited_for(world: World) -> None:
    fast, slow, next_one = Part(world, "a", 1), Part(world, "b", 3), Part(world, "c", 2)
    told = Told()
    stop = make_stop(world, (fast, slow), (next_one,), told=told)
    stop.request("SIGTERM", 0)
    assert (fast.asked_at, slow.asked_at, next_one.asked_at) == (START, START, None)
    assert go_to_the_end(world, stop) == 5.0
    assert next_one.asked_at == 1003.0
    assert (fast.killed_at, slow.killed_at, next_one.killed_at) == (None, None, None)
    assert told.stops == 1
    assert world.said() == ["stopping"]


def test_stages_that_are_over_take_no_time(world: World) -> None:
    stop = make_stop(world, (), (Part(world, "a"),), ())
    stop.request("SIGTERM", 0)
    assert go_to_the_end(world, stop) == 0.0


def test_reason_and_code_stay_the_firsts(world: World) -> None:
    stop = make_stop(world, (Part(world, "a", 1),))
    stop.request("SIGTERM", 143)
    stop.request("CMD ended with 1", 1)
    assert (stop.reason, stop.code) == ("SIGTERM", 143)


def test_what_still_runs_at_the_deadline_is_killed(world: World) -> None:
    quick, stubborn, later = Part(world, "q", 1), Part(world, "a", 1000), Part(world, "b", 1000)
    stop = make_stop(world, (quick, stubborn), (later,))
    stop.request("SIGTERM", 0)
    world.go(4)
    assert stop.left == 6.0
    assert go_to_the_end(world, stop) == 6.0, "later ones are killed, too"
    assert (stubborn.killed_at, later.killed_at) == (1010.0, 1010.0)
    assert world.said() == ["stopping", "stop timeout reached; killing the remaining processes"]
    assert world.events()[-1]["remaining"] == "a", "the later ones have not held it up"


def test_what_even_a_kill_does_not_end_is_left_to_the_kernel(world: World) -> None:
    """Each stage has a moment after the deadline; then the next is asked."""
    hung = Part(world, "a", 1000, mortal=False)
    log = Part(world, "log", 0.2)
    stop = make_stop(world, (hung,), (log,))
    stop.request("SIGTERM", 0)
    assert go_to_the_end(world, stop) == pytest.approx(TIMEOUT + LAST_MOMENT)
    assert log.asked_at == pytest.approx(1000 + TIMEOUT + LAST_MOMENT)


def test_a_second_request_in_haste_leaves_a_second(world: World) -> None:
    stubborn = Part(world, "a", 1000)
    stop = make_stop(world, (stubborn,))
    stop.request("SIGTERM", 0)
    world.go(2)
    stop.hasten("SIGTERM")
    assert stop.left == HASTE
    assert go_to_the_end(world, stop) == HASTE
    assert "stopping faster" in world.said()


def test_haste_never_gives_more_time(world: World) -> None:
    stubborn = Part(world, "a", 1000)
    stop = make_stop(world, (stubborn,))
    stop.request("SIGTERM", 0)
    world.go(TIMEOUT - 0.5)
    stop.hasten("SIGTERM")
    assert go_to_the_end(world, stop) == 0.5
    stop.hasten("SIGTERM")
    assert "stopping faster" not in world.said()


def test_of_very_many_only_some_are_named(world: World) -> None:
    stop = make_stop(world, tuple(Part(world, f"{number}", 1000) for number in range(5000)))
    stop.request("SIGTERM", 0)
    go_to_the_end(world, stop)
    assert world.events()[-1]["remaining"] == "0, 1, 2, 3, 4, 5, 6, 7, 8, 9, and more"


def test_the_deadline_is_over_once_also_after_haste(world: World) -> None:
    hung = [Part(world, name, 1000, mortal=False) for name in "ab"]
    stop = make_stop(world, (hung[0],), (hung[1],))
    stop.request("SIGTERM", 0)
    world.go(TIMEOUT - 1.5)
    stop.hasten("SIGTERM")
    go_to_the_end(world, stop)
    assert world.said()[2:] == ["stop timeout reached; killing the remaining processes"]


def test_a_night_in_the_middle_of_the_stop_is_over_at_the_deadline(world: World) -> None:
    stop = make_stop(world, (Part(world, "a", 10**6),))
    stop.request("SIGTERM", 0)
    world.clock.sleep(8 * 3600)
    assert stop.left == 0.0
    assert go_to_the_end(world, stop) == 0.0


# --- orphans


def stop_orphans(world: World) -> Stop:
    stop = make_stop(world, (Orphans(world.loop, world.children),))
    stop.request("SIGTERM", 0)
    return stop


def test_orphans_are_asked_and_gone_within_a_look(world: World) -> None:
    orphan = world.children.add_orphan(DAEMON)
    assert go_to_the_end(world, stop_orphans(world)) <= LOOK
    assert orphan.got == [TERM, CONT]


def test_orphans_that_take_their_time_are_waited_for(world: World) -> None:
    orphan = world.children.add_orphan(Program(lasts=None, lingers=3))
    assert 3 <= go_to_the_end(world, stop_orphans(world)) <= 3 + LOOK
    assert orphan.got == [TERM, CONT], "asked once"


def test_stubborn_orphans_are_killed_at_the_deadline(world: World) -> None:
    orphan = world.children.add_orphan(STUBBORN)
    assert TIMEOUT <= go_to_the_end(world, stop_orphans(world)) <= TIMEOUT + LOOK
    assert orphan.got == [TERM, CONT, KILL]
    assert world.events()[-1]["remaining"] == f"process {orphan.pid}"


def test_one_that_comes_during_the_stop_is_asked_only_when_it_stays(world: World) -> None:
    """It is probably how an asked one ends."""
    world.children.add_orphan(Program(lasts=None, lingers=5))
    stop = stop_orphans(world)
    world.go(1)
    brief = world.children.add_orphan(Program(lasts=0.5))
    staying = world.children.add_orphan(DAEMON)
    world.go(NEWCOMER - LOOK)
    assert (brief.got, staying.got) == ([], [])
    world.go(3 * LOOK)
    assert (brief.gone, brief.got, staying.got) == (True, [], [TERM, CONT])
    go_to_the_end(world, stop)


def test_another_users_process_holds_up_nothing(world: World) -> None:
    """As a root shell of `docker exec` beside an unprivileged init: the kernel ends it."""
    world.children.add_orphan(Program(lasts=None, ours=False))
    assert go_to_the_end(world, stop_orphans(world)) <= LOOK


def test_a_spared_process_is_left_alone(world: World) -> None:
    kept = world.children.add_orphan(DAEMON)
    kept.spared = True
    assert go_to_the_end(world, stop_orphans(world)) == 0.0
    assert kept.got == []
