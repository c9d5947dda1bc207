"""The port of readiness, by a clock that takes no time; tests/pid1 has it with real services."""

import socket
from collections.abc import Iterator

import pytest

from agent.init.activation import BACKLOG
from agent.init.readiness import RETRY, Readiness
from agent.init.states import ServiceState
from agent.machine.light.log import Logger
from tests.fakes.kernel import World
from tests.worlds.containers import find_free_port
from tests.worlds.waiting import DEADLINE

DOWN = [state for state in ServiceState if state.value not in ("STARTING", "RUNNING")]


class Port:
    """The readiness of a workspace with the essential service `a`, and who probes it."""

    def __init__(self) -> None:
        self.world = World({})
        self.number = find_free_port()
        self.said: list[str] = []
        self.readiness = self.make()

    def make(self, host: str = "127.0.0.1") -> Readiness:
        class Listening(Logger):
            def log(_, level: str, message: str, **_fields: object) -> None:  # noqa: N805
                self.said.append(f"{level}: {message}")

        return Readiness(self.world.loop, Listening("init"), f"{host}:{self.number}", ["a"])

    def probe(self) -> bool:
        """Connect as kubelet does, and hang up."""
        try:
            socket.create_connection(("127.0.0.1", self.number), timeout=DEADLINE).close()
        except ConnectionRefusedError:
            return False
        return True

    def pass_time(self, seconds: float) -> None:
        end = self.world.clock.now() + seconds
        self.world.loop.after(seconds, lambda: None)
        while self.world.clock.now() < end:
            self.world.loop.turn()


@pytest.fixture
def port() -> Iterator[Port]:
    port = Port()
    yield port
    port.readiness.end()
    port.world.close()


def test_it_takes_connections_from_ready_to_the_stop(port: Port) -> None:
    port.readiness.hear("a", ServiceState.RUNNING)
    assert not port.probe(), "a service that runs may not answer yet"
    port.readiness.begin()
    assert port.probe()
    port.readiness.end()
    assert not port.probe()
    port.readiness.hear("a", ServiceState.RUNNING)
    assert not port.probe(), "the stop is for good"


@pytest.mark.parametrize("state", DOWN)
def test_a_service_that_is_down_closes_it_until_it_runs_again(
    port: Port, state: ServiceState
) -> None:
    port.readiness.begin()
    port.readiness.hear("a", state)
    assert not port.probe()
    port.readiness.hear("a", ServiceState.STARTING)
    assert not port.probe(), "it may end again at once"
    port.readiness.hear("a", ServiceState.RUNNING)
    assert port.probe()


def test_a_service_that_has_just_begun_does_not_close_it(port: Port) -> None:
    """`health` has asked it: supervisord wants it to live a second before it says RUNNING."""
    port.readiness.begin()
    port.readiness.hear("a", ServiceState.STARTING)
    assert port.probe()


def test_a_service_that_was_lost_before_the_workspace_was_ready_keeps_it_closed(port: Port) -> None:
    port.readiness.hear("a", ServiceState.EXITED)
    port.readiness.begin()
    assert not port.probe()


def test_a_service_that_is_not_essential_does_not_matter(port: Port) -> None:
    port.readiness.begin()
    port.readiness.hear("mine", ServiceState.FATAL)
    assert port.probe()


def test_who_connects_is_hung_up_on_and_never_read(port: Port) -> None:
    port.readiness.begin()
    with socket.create_connection(("127.0.0.1", port.number), timeout=DEADLINE) as caller:
        caller.sendall(b"GET / HTTP/1.1\r\n\r\n")
        port.pass_time(1)
        with pytest.raises(ConnectionResetError):  # what was sent lies there unread
            caller.recv(1)


def test_any_number_of_probes_finds_room(port: Port) -> None:
    port.readiness.begin()
    for _ in range(3):
        callers = [socket.create_connection(("127.0.0.1", port.number)) for _ in range(BACKLOG)]
        waits = port.world.clock.waits
        port.pass_time(1)
        assert port.world.clock.waits - waits < 10, "all of them are taken away at once"
        for caller in callers:
            assert caller.recv(1) == b""
            caller.close()


def test_a_port_that_somebody_has_is_said_once_and_tried_again(port: Port) -> None:
    with socket.create_server(("127.0.0.1", port.number)):
        port.readiness.begin()
        port.pass_time(10 * RETRY)
        (line,) = port.said
    assert line.startswith("warning: cannot listen for readiness probes: Address already in use")
    assert f"DEV8_READY_ADDRESS=127.0.0.1:{port.number}" in line
    port.pass_time(RETRY)
    assert port.probe()


def test_a_port_that_cannot_be_had_is_not_tried_after_the_end(port: Port) -> None:
    with socket.create_server(("127.0.0.1", port.number)):
        port.readiness.begin()
        port.readiness.end()
    port.pass_time(2 * RETRY)
    assert not port.probe()


def test_both_families_reach_it(port: Port) -> None:
    port.readiness = port.make("[::]")
    port.readiness.begin()
    assert port.probe()
    socket.create_connection(("::1", port.number), timeout=DEADLINE).close()


def test_without_an_address_there_is_no_port(port: Port) -> None:
    readiness = Readiness(port.world.loop, Logger("init"), "", ["a"])
    readiness.begin()
    readiness.hear("a", ServiceState.EXITED)
    readiness.hear("a", ServiceState.RUNNING)
    readiness.end()
    assert port.said == []
