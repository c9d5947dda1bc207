"""How supervisord is started, woken, heard and stopped, by a clock that takes no time."""

import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.init import early
from agent.init.early import Early
from agent.init.listener import Listener
from agent.init.services import (
    LATE_STEP,
    LONGEST_EVENT,
    START_PATIENCE,
    START_STEP,
    STOP_STEP,
    Services,
)
from agent.init.states import ServiceState, SupervisordState
from agent.machine.light import runtime
from tests.fakes.kernel import DAEMON, STUBBORN, FakeProcess, Program, World

STREAMS = (None, None, None)


class Told(Listener):
    def __init__(self) -> None:
        self.services: list[tuple[str, ServiceState]] = []
        self.states: list[SupervisordState] = []

    def on_service(self, name: str, state: ServiceState) -> None:
        self.services.append((name, state))

    def on_supervisord(self, state: SupervisordState) -> None:
        self.states.append(state)


class House:
    """supervisord's place; it listens when the test says so."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.world = World({early.MODULE: DAEMON})
        self.told = Told()
        self.services = Services(self.world.loop, self.world.children, self.told)
        self._sockets: list[socket.socket] = []

    def start(self, waiting: Early | None = None, argv: tuple[str, ...] = early.PLAIN) -> None:
        self.services.start(argv, STREAMS, str(self.folder), waiting)

    def start_early(self) -> tuple[Early, int]:
        """Return one that was loaded early, and the end of the pipe on which it hears the word."""
        self.world.children.spawn(early.ARGV, STREAMS, lambda _: None)
        heard, word = os.pipe2(os.O_CLOEXEC)
        return Early(self.children[0].pid, word, -1, -1), heard

    def listen(self) -> socket.socket:
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(self.folder / runtime.SUPERVISORD_SOCKET))
        listener.listen()
        listener.setblocking(False)
        self._sockets.append(listener)
        return listener

    @property
    def children(self) -> list[FakeProcess]:
        return self.world.children.find(early.MODULE)

    def close(self) -> None:
        self.world.close()
        for listener in self._sockets:
            listener.close()


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path)
    yield house
    house.close()


def count_calls(listener: socket.socket) -> int:
    calls = 0
    while True:
        try:
            listener.accept()[0].close()
        except BlockingIOError:
            return calls
        calls += 1


def test_it_is_woken_as_soon_as_it_listens_and_once(house: House) -> None:
    """Otherwise it would sleep a second before it looks at what is to be started."""
    house.start()
    house.world.go(0.5)
    assert (house.services.state, house.told.states) == (SupervisordState.STARTING, [])
    listener = house.listen()
    house.world.go(START_STEP)
    assert house.told.states == [SupervisordState.RUNNING]
    house.world.go(100)
    assert (count_calls(listener), house.told.states) == (1, [SupervisordState.RUNNING])


def test_nobody_waits_for_ever_for_one_that_hangs(house: House) -> None:
    house.start()
    house.world.go(START_PATIENCE - 0.01)
    assert house.told.states == []
    house.world.go(0.02)
    assert house.told.states == [SupervisordState.RUNNING]


def test_one_that_listens_late_is_woken_as_well(house: House) -> None:
    """As on a busy machine: its services would start a second later still."""
    house.start()
    house.world.go(10 * START_PATIENCE)
    listener = house.listen()
    house.world.go(LATE_STEP)
    assert (count_calls(listener), house.told.states) == (1, [SupervisordState.RUNNING])
    house.world.go(100)
    assert count_calls(listener) == 0


@pytest.mark.parametrize("seconds", [0.1, 100.0])
def test_one_that_ends_without_being_asked_is_lost(house: House, seconds: float) -> None:
    house.start()
    house.world.go(seconds)
    house.children[0].end(3)
    assert house.told.states[-1] is SupervisordState.LOST
    assert (house.services.last_exit, house.services.ended()) == (3, True)
    house.world.go(100)
    assert house.told.states.count(SupervisordState.LOST) == 1


def test_a_program_that_is_missing_is_told_to_whoever_starts_it(house: House) -> None:
    with pytest.raises(FileNotFoundError):
        house.start(argv=("/no/such",))


# --- one that was loaded early


def test_one_that_waits_gets_the_word(house: House) -> None:
    waiting, heard = house.start_early()
    house.start(waiting)
    assert os.read(heard, 4096) == os.fsencode(house.folder / runtime.BOOT)
    assert os.read(heard, 4096) == b"", "and nothing more"
    os.close(heard)
    assert len(house.children) == 1
    house.children[0].end(2)
    assert house.told.states == [], "it is replaced"
    assert len(house.children) == 2
    house.children[1].end(2)
    assert house.told.states == [SupervisordState.LOST], "once"


def test_one_that_has_listened_is_not_replaced(house: House) -> None:
    waiting, heard = house.start_early()
    house.start(waiting)
    house.listen()
    house.world.go(1)
    house.children[0].end(2)
    assert (len(house.children), house.services.state) == (1, SupervisordState.LOST)
    os.close(heard)


def test_one_that_cannot_be_replaced_is_lost(house: House) -> None:
    waiting, heard = house.start_early()
    house.start(waiting)
    house.world.children.full = True
    house.children[0].end(2)
    assert house.told.states == [SupervisordState.LOST]
    os.close(heard)


def test_one_that_has_ended_before_the_word_is_started_anew(house: House) -> None:
    waiting, heard = house.start_early()
    os.close(heard)
    house.start(waiting)
    assert len(house.children) == 2


def test_another_program_takes_the_place_of_the_one_that_waits(house: House) -> None:
    house.world.children.programs["other"] = DAEMON
    waiting, heard = house.start_early()
    house.start(waiting, ("other",))
    assert os.read(heard, 4096) == b"", "it may end"
    assert len(house.world.children.find("other")) == 1
    os.close(heard)


# --- what it tells


def test_states_of_services_are_heard_line_by_line(house: House) -> None:
    house.start()
    with (house.folder / runtime.EVENTS).open("wb", buffering=0) as events:
        events.write(b"STARTING a\nRUN")
        house.world.go(1)
        events.write(b"NING a\nFATAL my service\n")
        house.world.go(1)
    assert house.told.services == [
        ("a", ServiceState.STARTING), ("a", ServiceState.RUNNING),
        ("my service", ServiceState.FATAL),
    ]  # fmt: skip


@pytest.mark.parametrize("words", [b"\n", b"\xff\xfe a\n", b"SLEEPING a\n", b"running a\n"])
def test_words_that_are_not_supervisords_do_no_harm(house: House, words: bytes) -> None:
    """Whoever is the same user may write to the FIFO."""
    house.start()
    with (house.folder / runtime.EVENTS).open("wb", buffering=0) as events:
        events.write(words + b"EXITED b\n")
        house.world.go(1)
    assert house.told.services == [("b", ServiceState.EXITED)]


# --- the stop


def test_the_stop_wakes_it_until_it_has_ended(house: House) -> None:
    """It sleeps a second before it sees a signal or the end of a service."""
    house.world.children.programs[early.MODULE] = Program(lasts=None, lingers=1.0)
    house.start()
    listener = house.listen()
    house.world.go(10)
    count_calls(listener)
    house.services.stop()
    assert house.services.state is SupervisordState.STOPPING
    assert house.world.go_until(house.services.ended) == pytest.approx(1.0)
    assert house.children[0].got == [signal.SIGTERM, signal.SIGCONT]
    assert count_calls(listener) == pytest.approx(1.0 / STOP_STEP, abs=1)
    house.world.go(100)
    assert count_calls(listener) == 0
    assert (house.services.state, house.told.states) == (
        SupervisordState.ENDED,
        [SupervisordState.RUNNING],
    )


def test_the_stop_before_it_listens_replaces_nothing(house: House) -> None:
    waiting, heard = house.start_early()
    house.start(waiting)
    house.services.stop()
    house.world.go(100)
    assert (len(house.children), house.services.state) == (1, SupervisordState.ENDED)
    assert house.told.states == []
    os.close(heard)


def test_one_that_ignores_the_stop_can_be_killed(house: House) -> None:
    house.world.children.programs[early.MODULE] = STUBBORN
    house.start()
    house.services.stop()
    house.world.go(1)
    assert not house.services.ended()
    house.services.kill()
    house.world.go(0.1)
    assert house.services.ended()


def test_where_there_are_no_services_there_is_nothing_to_stop(house: House) -> None:
    house.services.stop()
    house.services.kill()
    assert house.services.ended()


def test_who_writes_without_an_end_of_line_fills_no_memory(house: House) -> None:
    """The FIFO is the workspace user's: anything may come."""
    house.start()
    house.listen()
    house.world.go(1)
    with (house.folder / runtime.EVENTS).open("wb", buffering=0) as events:
        for _ in range(100):
            events.write(b"x" * 4096)
            house.world.go(0.01)
        assert len(house.services._line) <= LONGEST_EVENT
        events.write(b"\nFATAL b\n")
        house.world.go(0.01)
    assert house.told.services == [("b", ServiceState.FATAL)]
