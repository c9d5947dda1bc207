"""Callers of a job: many, slow, or more than there are descriptors for."""

import json
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from agent.github.broker import Broker
from agent.machine.light.log import Logger
from agent.machine.network import pending_requests
from agent.machine.network.pending_requests import MOST
from agent.settings.context import Context
from agent.settings.everything import Settings
from tests.worlds.machine import make_facts
from tests.worlds.waiting import DEADLINE, pass_time, wait_until

ANSWER = b"no token source is configured for github.com\n"
Call = Callable[[], socket.socket]


@pytest.fixture
def call(tmp_path: Path) -> Iterator[Call]:
    """Return what makes a connection to a broker that knows no token."""
    current = Context({}, Settings.from_environ({}), make_facts(tmp_path))
    with (tmp_path / "log").open("wb") as log, ExitStack() as stack:
        broker = Broker(current, Logger("refresh", "debug", log.fileno()))

        def connect() -> socket.socket:
            ours, theirs = map(stack.enter_context, socket.socketpair())
            ours.settimeout(DEADLINE)
            threading.Thread(target=broker.serve, args=(theirs,), daemon=True).start()
            return ours

        yield connect


def test_whoever_asks_the_broker_slowly_is_in_nobodys_way(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next honest one is answered, and who has waited longest is hung up on."""
    # None is hung up on for being slow alone.
    monkeypatch.setattr(pending_requests, "PATIENCE", 60.0)
    silent = [call() for _ in range(MOST)]
    for each in silent[1:]:
        each.sendall(b"renew")
    more = call()
    wait_until(lambda: any(read(each) == b"" for each in silent), "the end of one")
    honest = call()
    honest.sendall(b"renew github.com \n")
    assert honest.recv(1000) == ANSWER
    more.close()


def read(connection: socket.socket) -> bytes | None:
    """Return what has come; None: nothing yet."""
    connection.setblocking(False)
    try:
        return connection.recv(100)
    except BlockingIOError:
        return None


def test_a_byte_now_and_then_holds_the_broker_no_longer_than_silence(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has to be there as a whole: else one caller would keep the next broker from starting."""
    monkeypatch.setattr(pending_requests, "PATIENCE", 0.1)
    caller = call()
    few = iter(b"r" * 500)  # fewer than a request may have, and enough for longer than is waited

    def is_over() -> bool:
        for _ in few:
            caller.send(b"r")
            break
        pass_time(0.08)
        return read(caller) is not None

    with suppress(ConnectionError):  # reset: the last byte came too late to be read
        wait_until(is_over, "the end of a request that has no end", 30)


def test_the_longest_name_of_a_host_is_read(call: Call) -> None:
    caller = call()
    host = ".".join(["a" * 61] * 4)
    caller.sendall(f"renew {host} {'0' * 64}\n".encode())
    assert caller.recv(1000) == ANSWER.replace(b"github.com", host.encode())


EXHAUST = """
import json, resource, select, socket, sys
from agent.machine.network import socket_activation

resource.setrlimit(resource.RLIMIT_NOFILE, (32, 32))
listener = socket.socket(fileno=0)
pauses, answered = [], []

def pause(*words):
    pauses.append(words)
    while held:  # time goes by: somebody hangs up
        held.pop().close()

class Select:
    select = staticmethod(pause)

held = []
def hold(_, connection):
    answered.append(connection.recv(1))
    held.append(connection)

socket_activation.select = Select
socket_activation.answer([listener], hold, linger=2.0, life=30.0)
print(json.dumps([len(answered), len(pauses) > 0]))
"""


def test_more_callers_than_descriptors_are_answered_in_turn() -> None:
    """It waits for room, and does not try again and again until there is some."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=100))
        for _ in range(60):
            address = listener.getsockname()
            stack.enter_context(socket.create_connection(address)).sendall(b"x")
        done = subprocess.run(
            [sys.executable, "-c", EXHAUST], stdin=listener.fileno(), capture_output=True,
            check=False, text=True, timeout=120,
        )  # fmt: skip
    assert not done.stderr
    assert json.loads(done.stdout) == [60, True]


NOTHING = """
from agent.machine.network import socket_activation
socket_activation.answer([], print, linger=1000.0, life=1000.0)
"""


def test_where_nothing_listens_nobody_is_waited_for() -> None:
    """As `devcopilot serve` by hand, which init alone gives its listeners."""
    subprocess.run([sys.executable, "-c", NOTHING], check=True, timeout=120)
