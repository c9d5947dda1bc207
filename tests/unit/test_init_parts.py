"""Parts of init that need no PID 1."""

import os
from collections.abc import Iterator

import pytest

from agent.init.children import Children, Streams
from agent.init.loop import Loop


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    ends = os.pipe2(os.O_CLOEXEC)
    yield ends
    for end in ends:
        os.close(end)


def run(children: Children, streams: Streams, *argv: str) -> int:
    """Run a program and return its exit code."""
    codes: list[int] = []
    children.spawn(argv, streams, codes.append)
    while not codes:
        children.reap()
    return codes[0]


def test_a_descriptor_is_lent_as_the_childs_third(pipe: tuple[int, int]) -> None:
    reader, writer = pipe
    assert run(Children(), (None, None, None, writer), "sh", "-c", "echo lent >&3") == 0
    assert os.read(reader, 100) == b"lent\n"


def test_a_failure_is_told_also_when_the_third_is_lent(pipe: tuple[int, int]) -> None:
    with pytest.raises(FileNotFoundError):
        run(Children(), (None, None, None, pipe[1]), "/no/such")


def test_what_is_watched_no_more_calls_nothing(pipe: tuple[int, int]) -> None:
    loop, calls = Loop(), []
    reader, writer = pipe
    loop.watch(reader, lambda: calls.append("readable"))
    os.write(writer, b"x")
    loop.turn()
    loop.unwatch(reader)
    loop.after(0.01, lambda: calls.append("later"))
    loop.turn()
    assert calls == ["readable", "later"]
