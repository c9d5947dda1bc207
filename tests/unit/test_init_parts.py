"""Parts of init that need no PID 1."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.init import boot
from agent.init.activation import Calls
from agent.init.children import Children, Streams
from agent.init.jobs import Jobs
from agent.init.listener import Listener
from agent.init.loop import BootClock, Loop
from agent.machine import moments
from agent.machine.log import Logger


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
    loop, calls = Loop(BootClock()), []
    reader, writer = pipe
    loop.watch(reader, lambda: calls.append("readable"))
    os.write(writer, b"x")
    loop.turn()
    loop.unwatch(reader)
    loop.after(0.01, lambda: calls.append("later"))
    loop.turn()
    assert calls == ["readable", "later"]


@pytest.mark.parametrize("called", [False, True], ids=["nobody has called", "a job was started"])
def test_who_calls_after_the_stop_is_refused_at_once(tmp_path: Path, called: bool) -> None:
    loop, seen = Loop(BootClock()), []
    path = str(tmp_path / "sock")
    calls = Calls(loop, path)
    calls.begin(lambda: seen.append("called"))
    with socket.socket(socket.AF_UNIX) as before, socket.socket(socket.AF_UNIX) as after:
        if called:
            before.connect(path)
            loop.turn()
            calls.resume(0)
        calls.stop()
        with pytest.raises(ConnectionRefusedError):
            after.connect(path)
    loop.after(0.1, lambda: seen.append("later"))
    while "later" not in seen:
        loop.turn()
    assert seen == (["called", "later"] if called else ["later"])


def test_no_run_is_planned_after_the_stop(tmp_path: Path) -> None:
    children = Children()
    jobs = Jobs(
        Loop(BootClock()), children, Logger("test", "error"), (None, None, None), str(tmp_path),
        Listener(),
    )  # fmt: skip
    jobs.add(boot.Job("often", ("true",), 1000.0, 5.0))
    jobs.begin(moments.BOOT)
    job = jobs.all["often"]
    while job.running:
        children.reap()
    assert job.next_at
    jobs.stop()
    assert job.next_at is None
