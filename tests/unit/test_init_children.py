"""The table of children: the real one, and that of the tests, which refuses what it refuses."""

import errno
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from agent.init.children import Child, Children
from agent.init.loop import Loop
from agent.machine.light.exits import Exit
from tests.fakes.kernel import ABOVE_ALL_PIDS, DAEMON, DrivenBootClock, FakeChildren, Program
from tests.worlds.waiting import wait_until

SLEEP = ("sleep", "1000")


class Factory:
    """A table of children, and what lets it hear of them."""

    def __init__(self, children: Children, go_on: Callable[[], None]) -> None:
        self.children = children
        self._go_on = go_on

    def wait_for(self, condition: Callable[[], object], what: str) -> None:
        def look() -> object:
            self._go_on()
            return condition()

        wait_until(look, what)


@pytest.fixture(params=["real", "fake"])
def factory(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Factory]:
    (tmp_path / "locked").write_text("#!/bin/sh\n")
    if request.param == "real":
        children = Children()
        yield Factory(children, children.reap)
        return
    loop = Loop(DrivenBootClock())
    locked = Program(executable=False)
    programs = {
        "true": Program(), "sleep": DAEMON, "three": Program(3),
        str(tmp_path / "locked"): locked, str(tmp_path): locked,
    }  # fmt: skip

    def turn() -> None:
        loop.after(0.0, lambda: None)
        loop.turn()

    yield Factory(FakeChildren(loop, programs), turn)


def start(factory: Factory, *argv: str) -> tuple[Child, list[int]]:
    codes: list[int] = []
    return factory.children.spawn(argv, (None, None, None), codes.append), codes


@pytest.mark.parametrize(
    ("argv", "options", "number"),
    [
        (["no-such-program"], {}, errno.ENOENT),
        (["/no/such/program"], {}, errno.ENOENT),
        ([""], {}, errno.ENOENT),
        (["true", "a\0b"], {}, errno.ENOENT),
        (["{folder}/locked"], {}, errno.EACCES),
        (["{folder}"], {}, errno.EACCES),
        (["true"], {"inherit": (9999,)}, errno.EBADF),
        (["true"], {"terminal": -1}, errno.EBADF),
    ],
)
def test_what_cannot_be_started_is_refused_with_its_cause(
    factory: Factory, tmp_path: Path, argv: list[str], options: dict[str, int], number: int
) -> None:
    words = [word.format(folder=tmp_path) for word in argv]
    with pytest.raises(OSError) as caught:
        factory.children.spawn(words, (None, None, None), lambda _: None, **options)  # type: ignore[arg-type]
    assert caught.value.errno == number


def test_a_descriptor_that_is_closed_cannot_be_lent(factory: Factory) -> None:
    with pytest.raises(OSError) as caught:
        factory.children.spawn(("true",), (9999, None, None), lambda _: None)
    assert caught.value.errno == errno.EBADF


def test_a_file_is_no_terminal(factory: Factory, tmp_path: Path) -> None:
    with (tmp_path / "file").open("w") as file, pytest.raises(OSError) as caught:
        factory.children.spawn(
            ("true",), (None, None, None), lambda _: None, terminal=file.fileno()
        )
    assert caught.value.errno == errno.ENOTTY


def test_the_end_is_told_once_with_the_code_of_shells(factory: Factory) -> None:
    _, codes = start(factory, "true")
    killed, its_codes = start(factory, *SLEEP)
    killed.send(signal.SIGKILL)
    factory.wait_for(lambda: codes and its_codes, "both ends")
    assert (codes, its_codes) == ([0], [128 + signal.SIGKILL])


def test_a_stopped_one_hears_term_when_it_goes_on(factory: Factory) -> None:
    child, codes = start(factory, *SLEEP)
    suspended: list[int] = []
    child.on_suspend = suspended.append
    child.send(signal.SIGSTOP)
    factory.wait_for(lambda: suspended, "it is stopped")
    child.send(signal.SIGTERM)
    assert (suspended, codes) == ([signal.SIGSTOP], [])
    child.send(signal.SIGCONT)
    factory.wait_for(lambda: codes, "its end")
    assert codes == [128 + signal.SIGTERM]


def test_the_rest_is_all_but_the_spared(factory: Factory) -> None:
    child, codes = start(factory, *SLEEP)
    other, its_codes = start(factory, *SLEEP)
    other.spared = True
    found = factory.children.find_rest()
    assert child.pid in found
    assert other.pid not in found
    for pid in (child.pid, other.pid):
        factory.children.kill(pid, signal.SIGTERM)
    factory.wait_for(lambda: codes and its_codes, "both ends")
    assert child.pid not in factory.children.find_rest()
    with pytest.raises(ProcessLookupError):
        factory.children.kill(child.pid, signal.SIGTERM)


def test_a_number_that_is_nobodys_cannot_be_signalled(factory: Factory) -> None:
    with pytest.raises(ProcessLookupError):
        factory.children.kill(ABOVE_ALL_PIDS - 1, signal.SIGTERM)


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    ends = os.pipe2(os.O_CLOEXEC)
    yield ends
    for end in ends:
        os.close(end)


def test_a_descriptor_is_lent_as_the_childs_third(pipe: tuple[int, int]) -> None:
    reader, writer = pipe
    children, codes = Children(), list[int]()
    children.spawn(("sh", "-c", "echo lent >&3"), (None, None, None, writer), codes.append)
    wait_until(lambda: (children.reap(), codes)[1], "its end")  # type: ignore[func-returns-value]
    assert (codes, os.read(reader, 100)) == ([0], b"lent\n")


def test_a_failure_is_told_also_when_the_third_is_lent(pipe: tuple[int, int]) -> None:
    with pytest.raises(FileNotFoundError):
        Children().spawn(("/no/such",), (None, None, None, pipe[1]), lambda _: None)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody else")
def test_another_users_process_cannot_be_signalled() -> None:
    """The real one is asked by a child that is nobody; PID 1 is root's."""
    loop = Loop(DrivenBootClock())
    fake = FakeChildren(loop, {})
    process = fake.add_orphan(Program(lasts=None, ours=False))
    with pytest.raises(PermissionError):
        fake.kill(process.pid, signal.SIGTERM)
    pid = os.fork()
    if pid == 0:
        os.setuid(65534)
        try:
            Children().kill(1, signal.SIGTERM)
        except PermissionError:
            os._exit(0)
        finally:
            os._exit(1)
    assert os.waitpid(pid, 0)[1] == 0


def test_a_child_gets_its_descriptors_wherever_they_were(tmp_path: Path) -> None:
    """Also where one stands in the place that is another's: copied in a row, it would be lost."""
    with ExitStack() as stack:
        files = [stack.enter_context((tmp_path / name).open("w+")) for name in "abcd"]
        for file, name in zip(files, "abcd", strict=True):
            file.write(name)
            file.seek(0)
        low = [os.dup(file.fileno()) for file in files]
        for each in low:
            stack.callback(os.close, each)
        streams = (None, None, None, *reversed(low))
        script = "".join(f"cat <&{3 + at} >{tmp_path}/out{at};" for at in range(4))
        children, codes = Children(), list[int]()
        children.spawn(("sh", "-c", script), streams, codes.append)
        Factory(children, children.reap).wait_for(lambda: codes, "the end of the child")
    assert [(tmp_path / f"out{at}").read_text() for at in range(4)] == ["d", "c", "b", "a"]


def run_script(tmp_path: Path, text: str, **options: int) -> tuple[Child, list[int], Factory]:
    """Let a copy of this process run a script, with `tmp_path/out` as its standard streams."""
    script = tmp_path / "script.py"
    script.write_text(text)
    children, codes = Children(), list[int]()
    with (tmp_path / "out").open("w") as out:
        streams = (None, out.fileno(), out.fileno())
        child = children.fork_script((str(script), "word"), streams, codes.append, **options)
    return child, codes, Factory(children, children.reap)


def test_a_copy_runs_a_script_as_python_would(tmp_path: Path) -> None:
    """What is this process's own does not reach it: descriptors, handlers, blocked signals."""
    text = """
import os, signal, sys
found = [
    __name__, sys.argv[1:], os.listdir("/proc/self/fd"),
    [(number, repr(signal.getsignal(number))) for number in range(1, 32)],
    signal.pthread_sigmask(signal.SIG_BLOCK, ()),
]
os.write(1, repr(found).encode())
sys.exit(3)
"""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
    handlers = [signal.signal(each, signal.SIG_IGN) for each in (signal.SIGUSR2, signal.SIGINT)]
    try:
        _, codes, factory = run_script(tmp_path, text)
    finally:
        signal.signal(signal.SIGUSR2, handlers[0])
        signal.signal(signal.SIGINT, handlers[1])
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    factory.wait_for(lambda: codes, "its end")
    argv = (sys.executable, "-I", "-S", tmp_path / "script.py", "word")
    plain = subprocess.run(argv, stdout=subprocess.PIPE, text=True, check=False, timeout=120)
    assert (codes, plain.returncode) == ([3], 3)
    assert numberless((tmp_path / "out").read_text()) == numberless(plain.stdout)


def numberless(text: str) -> str:
    """Return a text without the places of what it shows in memory."""
    return re.sub("0x[0-9a-f]+", "", text)


def test_a_copy_has_streams_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it has not written yet when it ends is written, and init's own may be closed."""
    for name in ("stdin", "stdout", "stderr"):
        monkeypatch.setattr(sys, name, None)
    text = "import sys\nprint('a line')\nsys.stderr.write('half a line')\n"
    _, codes, factory = run_script(tmp_path, text)
    factory.wait_for(lambda: codes, "its end")
    said = (tmp_path / "out").read_text()
    assert (codes, sorted(said.split("\n"))) == ([0], ["a line", "half a line"])


def test_a_copy_keeps_what_it_is_lent(tmp_path: Path, pipe: tuple[int, int]) -> None:
    reader, writer = pipe
    script = tmp_path / "script.py"
    script.write_text("import os\nos.write(3, b'lent')\n")
    children, codes = Children(), list[int]()
    children.fork_script((str(script),), (None, None, None, writer), codes.append)
    Factory(children, children.reap).wait_for(lambda: codes, "its end")
    assert (codes, os.read(reader, 100)) == ([0], b"lent")


def test_a_copy_has_the_time_zone_of_now(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Init reads it when it starts, which may be weeks ago."""
    monkeypatch.setenv("TZ", "XYZ-5")
    _, codes, factory = run_script(tmp_path, "import time\nprint(time.localtime(0).tm_hour)\n")
    factory.wait_for(lambda: codes, "its end")
    assert (codes, (tmp_path / "out").read_text()) == ([0], "5\n")


def test_a_copy_leads_a_group_and_has_its_nice_value(tmp_path: Path) -> None:
    text = "import os\nos.write(1, f'{os.getpgrp() - os.getpid()} {os.nice(0)}'.encode())\n"
    _, codes, factory = run_script(tmp_path, text, nice=3)
    factory.wait_for(lambda: codes, "its end")
    assert (codes, (tmp_path / "out").read_text()) == ([0], f"0 {min(os.nice(0) + 3, 19)}")


def test_a_script_that_fails_says_why_in_one_line_without_the_words_of_the_error(
    tmp_path: Path,
) -> None:
    _, codes, factory = run_script(tmp_path, "raise ValueError('secret')\n")
    factory.wait_for(lambda: codes, "its end")
    said = (tmp_path / "out").read_text()
    assert codes == [Exit.INTERNAL]
    place = said.split()[-1]
    assert said == f"devcopilot: internal error in a copy of init: ValueError at {place}\n"


def test_a_script_that_hangs_is_ended_by_a_signal(tmp_path: Path) -> None:
    child, codes, factory = run_script(tmp_path, "import signal\nsignal.pause()\n")
    child.send(signal.SIGTERM)
    factory.wait_for(lambda: codes, "its end")
    assert codes == [128 + signal.SIGTERM]
