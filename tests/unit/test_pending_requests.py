"""Who is hung up on when too many have not sent their whole request."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from agent.machine.network import pending_requests
from agent.machine.network.pending_requests import MOST, PendingRequests
from tests.worlds.waiting import DEADLINE, wait_until

REQUEST = b"renew github.com \n"


class Late(socket.socket):
    """One end whose reader is there only when it may be: its thread has got no processor."""

    def __init__(self, end: socket.socket) -> None:
        super().__init__(fileno=end.detach())
        self.waits, self.may_read = threading.Event(), threading.Event()

    def recv(self, *words: Any) -> bytes:
        """Read, later."""
        self.waits.set()
        assert self.may_read.wait(DEADLINE)
        return super().recv(*words)


class Callers:
    """Those of one address."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self._requests = PendingRequests(lambda head: b"\n" in head, 100)
        self.heads: dict[int, bytes | str] = {}

    def add(self, number: int, request: bytes, *, late: bool = False) -> socket.socket:
        """Have one more, with what it sends; return the end that is read."""
        ours, end = map(self._stack.enter_context, socket.socketpair())
        ours.sendall(request)
        theirs = self._stack.enter_context(Late(end)) if late else end
        threading.Thread(target=self._read, args=(number, theirs), daemon=True).start()
        return theirs

    def _read(self, number: int, connection: socket.socket) -> None:
        try:
            self.heads[number] = self._requests.read(connection)
        except OSError as error:
            self.heads[number] = type(error).__name__


@pytest.fixture
def callers(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callers]:
    """Return none yet; nobody is given up for being slow alone."""
    monkeypatch.setattr(pending_requests, "PATIENCE", 10 * DEADLINE)
    with ExitStack() as stack:
        yield Callers(stack)


def begin_late(callers: Callers, number: int, request: bytes) -> Callable[[], None]:
    """Have one whose request nobody has read yet; return what lets it be read."""
    late = callers.add(number, request, late=True)
    assert isinstance(late, Late)
    assert late.waits.wait(DEADLINE)
    return late.may_read.set


def test_a_whole_request_that_nobody_has_read_is_not_given_up(callers: Callers) -> None:
    """In a crowd its thread comes after those of many who say nothing."""
    read = begin_late(callers, 0, REQUEST)
    for number in range(1, MOST + 3):
        callers.add(number, b"")
    wait_until(lambda: len(callers.heads) == 3, "the ends of three")
    assert 0 not in callers.heads
    read()
    wait_until(lambda: 0 in callers.heads, "the request")
    assert callers.heads.pop(0) == REQUEST
    assert set(callers.heads.values()) == {"ConnectionAbortedError"}


def test_where_all_have_sent_something_who_has_waited_longest_is_given_up(
    callers: Callers,
) -> None:
    """Otherwise there would be no limit."""
    reads = [begin_late(callers, number, REQUEST) for number in range(MOST + 1)]
    for read in reads:
        read()
    wait_until(lambda: len(callers.heads) == MOST + 1, "all ends")
    assert callers.heads.pop(0) == "ConnectionAbortedError"
    assert set(callers.heads.values()) == {REQUEST}
