"""CMD with a real terminal, as `docker run -it IMAGE bash` gives it."""

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.pid1.boxes import ENVIRONMENT, INIT, PYTHON, Box, give
from tests.worlds.terminals import PROMPT, Terminal
from tests.worlds.waiting import wait_until

Start = Callable[..., Box]

SHELL = ("bash", "--norc", "--noprofile", "-i")


class Person(Terminal):
    """Sits at the terminal of a box."""

    def __init__(self, start: Start, *words: str) -> None:
        super().__init__()
        environment = {**ENVIRONMENT, "PS1": PROMPT.decode(), "TERM": "dumb"}
        self.box = start(*words, terminal=self.theirs, environment=environment)
        os.close(self.theirs)


@pytest.fixture
def sit_down(start: Start) -> Iterator[Callable[..., Person]]:
    people: list[Person] = []

    def make_person(*words: str) -> Person:
        people.append(Person(start, *words))
        return people[-1]

    yield make_person
    for person in people:
        person.close()


SitDown = Callable[..., Person]


def is_in_front(box: Box, words: str) -> bool:
    """Tell whether a job goes on and has the terminal; see proc_pid_stat(5).

    A shell tells of it before it is so.
    """
    text = Path(f"/proc/{box.find(words)}/stat").read_text()
    state, _, group, _, _, front, *_ = text.rpartition(") ")[2].split()
    return state != "T" and group == front


def test_job_control_interrupt_resize_and_exit_code(sit_down: SitDown) -> None:
    person = sit_down(*INIT, *SHELL)
    first = person.read_until(PROMPT)
    assert b"no job control" not in first
    person.type(b"sleep 1000\n")
    wait_until(lambda: person.box.find("sleep 1000"), "the job")
    person.type(b"\x1a")
    person.read_until(rb"Stopped +sleep 1000")
    person.type(b"fg\n")
    person.read_until(rb"\nsleep 1000\r\n")
    wait_until(lambda: is_in_front(person.box, "sleep 1000"), "the job's turn at the terminal")
    person.type(b"\x03")
    person.read_until(PROMPT)
    person.type(b"echo code $?\n")
    person.read_until(rb"code 130")
    person.resize(50, 132)
    person.type(b"until [ \"$(stty size)\" = '50 132' ]; do :; done; echo resized\n")
    person.read_until(rb"\r\nresized\r\n")
    person.type(b"exit 9\n")
    assert person.box.wait() == 9


def test_an_ordinary_start_and_end_say_nothing(sit_down: SitDown, folder: Path) -> None:
    """All of `devcopilot run` but the services: `configure` knows of the terminal, too."""
    for name in ("home", "work"):
        (folder / name).mkdir()
    give(folder)
    words = (
        "env", f"HOME={folder}/home", f"WORKSPACE_DIR={folder}/work", "DEV8_SSH=false",
        f"DEV8_RUNTIME_DIR={folder}/run", "DEV8_CODE_SERVER=false",
        *PYTHON, "-m", "agent", "run", "--", "sh", "-c", "echo begun; read -r line",
    )  # fmt: skip
    person = sit_down(*words)
    before = person.read_until(rb"begun\r\n").splitlines()[:-1]
    assert all(b": warning: " in line for line in before)
    person.type(b"\n")
    assert person.box.wait() == 0
    assert person.read_rest() == b"\r\n"


def test_a_resize_reaches_the_command(sit_down: SitDown) -> None:
    script = (
        "import os, signal\n"
        "tell = lambda *_: os.write(1, f'{os.get_terminal_size()}'.encode())\n"
        "signal.signal(signal.SIGWINCH, tell)\n"
        "os.write(1, b'watching')\n"
        "while True: signal.pause()\n"
    )
    person = sit_down(*INIT, *PYTHON, "-c", script)
    person.read_until(rb"watching")
    person.resize(40, 100)
    person.read_until(rb"columns=100, lines=40")
    assert person.box.stop() == 128 + signal.SIGTERM


def test_the_interrupt_key_ends_a_plain_command(sit_down: SitDown) -> None:
    person = sit_down(*INIT, "sh", "-c", "echo begun; exec sleep 1000")
    person.read_until(b"begun")
    person.type(b"\x03")
    assert person.box.wait() == 128 + signal.SIGINT


def test_the_suspend_key_does_not_hang_a_plain_command(sit_down: SitDown) -> None:
    """Above CMD there is no shell that could continue it."""
    person = sit_down(*INIT, "cat")
    person.type(b"one\n")
    person.read_until(rb"one\r\none\r\n")
    person.type(b"\x1a")
    person.read_until(rb"\^Z")
    person.type(b"two\n")
    person.read_until(rb"two\r\ntwo\r\n")
    person.type(b"\x04")
    assert person.box.wait() == 0


def test_the_command_reads_the_terminal_from_its_first_moment(sit_down: SitDown) -> None:
    """A background group would be stopped by it."""
    for _ in range(5):
        person = sit_down(*INIT, "sh", "-c", "stty -echo; read -r line; echo got $line")
        person.type(b"words\n")
        person.read_until(rb"got words")
        assert person.box.wait() == 0


def test_a_shell_with_jobs_stops_at_once(sit_down: SitDown) -> None:
    person = sit_down(*INIT, *SHELL)
    person.read_until(PROMPT)
    person.type(b"sleep 1000 & sleep 1001\n")
    wait_until(lambda: person.box.find("sleep 1001"), "the jobs")
    assert person.box.stop() == 128 + signal.SIGHUP, "an interactive shell ignores TERM"
