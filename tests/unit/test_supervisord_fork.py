"""What supervisord forks, at the moments at which it is not yet the program."""

import os
import signal
from collections.abc import Iterator

import pytest

from agent.services.supervisord_fork import fork
from tests.worlds.waiting import DEADLINE


@pytest.fixture(autouse=True)
def handled() -> Iterator[None]:
    """Handle TERM as supervisord does: by a note that is read later."""
    former = signal.signal(signal.SIGTERM, lambda *_: None)
    yield
    signal.signal(signal.SIGTERM, former)


@pytest.mark.parametrize("attempt", range(20))
def test_a_signal_to_its_group_ends_it_at_once(attempt: int) -> None:
    child = fork()
    if child == 0:
        signal.alarm(int(DEADLINE))
        signal.pause()
        os._exit(0)
    os.killpg(child, signal.SIGTERM)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == -signal.SIGTERM, attempt


def test_the_signals_of_both_are_as_they_were_but_for_handlers() -> None:
    former = signal.getsignal(signal.SIGTERM), signal.pthread_sigmask(signal.SIG_BLOCK, ())
    reader, writer = os.pipe()
    child = fork()
    if child == 0:
        handlers = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGPIPE)]
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, ())
        os.write(writer, repr((handlers, mask == former[1])).encode())
        os._exit(0)
    os.waitpid(child, 0)
    os.close(writer)
    with os.fdopen(reader) as file:
        assert file.read() == repr(([signal.SIG_DFL, signal.SIG_IGN], True))
    assert (
        signal.getsignal(signal.SIGTERM),
        signal.pthread_sigmask(signal.SIG_BLOCK, ()),
    ) == former


def test_no_room_for_a_process_leaves_the_signals_as_they_were(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse() -> int:
        raise BlockingIOError

    monkeypatch.setattr(os, "fork", refuse)
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    with pytest.raises(BlockingIOError):
        fork()
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == mask
