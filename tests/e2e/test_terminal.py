"""`docker run -it IMAGE bash`: a real terminal with job control, ^C and resize."""

import os
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import suppress

import pytest

from tests.worlds.containers import BASE, DOCKER, docker
from tests.worlds.terminals import PROMPT, Terminal

JOB = """\
import os, signal, time
signal.signal(signal.SIGINT, signal.SIG_DFL)
signal.signal(signal.SIGCONT, lambda *_: os.write(1, b"it goes on\\n"))
os.write(1, b"it runs\\n")
time.sleep(1000)
"""
"""Says when it has the terminal: what is typed before that goes to the shell, to no effect."""


class Person(Terminal):
    """Sits at the terminal of a container."""

    def __init__(self, *options: str) -> None:
        super().__init__()
        self._name = f"dev8-test-{uuid.uuid4().hex[:8]}"
        self._process = subprocess.Popen(
            ["setsid", "--ctty", DOCKER, "run", "--rm", "-it", "-e", f"PS1={PROMPT.decode()}",
             "--name", self._name, *options, BASE, "bash", "--norc", "--noprofile"],
            stdin=self.theirs, stdout=self.theirs, stderr=self.theirs)  # fmt: skip
        os.close(self.theirs)

    def wait(self) -> int:
        return self._process.wait(timeout=120)

    def close(self) -> None:
        super().close()
        with suppress(subprocess.CalledProcessError):  # it has ended by itself
            docker("rm", "--force", self._name)
        self._process.wait()


@pytest.fixture
def terminal() -> Iterator[Person]:
    person = Person("-e", f"JOB={JOB}")
    try:
        person.read_until(PROMPT)
        yield person
    finally:
        person.close()


def test_job_control_interrupt_resize_and_exit_code(terminal: Person) -> None:
    terminal.type(b'/opt/devcopilot/bin/python -c "$JOB"\n')
    terminal.read_until(rb"it runs\r\n")
    terminal.type(b"\x1a")
    terminal.read_until(rb"Stopped +/opt/devcopilot")
    terminal.type(b"fg\n")
    terminal.read_until(rb"it goes on\r\n")
    terminal.type(b"\x03")
    terminal.read_until(PROMPT)
    terminal.type(b"echo code $?\n")
    terminal.read_until(rb"code 130")
    terminal.resize(50, 132)
    terminal.type(b"until [ \"$(stty size)\" = '50 132' ]; do :; done; echo resized\n")
    terminal.read_until(rb"[\r\n]resized\r\n")
    terminal.type(b"exit 9\n")
    assert terminal.wait() == 9


def test_no_log_lines_come_between(terminal: Person) -> None:
    terminal.type(b"devcopilot health --wait 110 >/dev/null && echo healthy\n")
    seen = terminal.read_until(rb"[\r\n]healthy\r\n")
    assert b"sshd" not in seen
    assert b"supervisord" not in seen
    terminal.type(b"exit\n")
    assert terminal.wait() == 0
