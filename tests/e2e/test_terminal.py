"""`docker run -it IMAGE bash`: a real terminal with job control, ^C and resize."""

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time
import uuid
from collections.abc import Iterator
from contextlib import suppress

import pytest

from tests.containers import BASE, DOCKER, docker

PROMPT = b"ready> "
JOB = """\
import os, signal, time
signal.signal(signal.SIGINT, signal.SIG_DFL)
signal.signal(signal.SIGCONT, lambda *_: os.write(1, b"it goes on\\n"))
os.write(1, b"it runs\\n")
time.sleep(1000)
"""
"""Says when it has the terminal: what is typed before that goes to the shell, to no effect."""


class Terminal:
    """A person at a terminal: types, and reads until something appears."""

    def __init__(self, *options: str) -> None:
        self._name = f"dev8-test-{uuid.uuid4().hex[:8]}"
        self._ours, theirs = pty.openpty()
        self.resize(24, 80)
        self._process = subprocess.Popen(
            ["setsid", "--ctty", DOCKER, "run", "--rm", "-it", "-e", f"PS1={PROMPT.decode()}",
             "--name", self._name, *options, BASE, "bash", "--norc", "--noprofile"],
            stdin=theirs, stdout=theirs, stderr=theirs)  # fmt: skip
        os.close(theirs)
        self._seen = b""

    def type(self, text: bytes) -> None:
        os.write(self._ours, text)

    def resize(self, rows: int, columns: int) -> None:
        fcntl.ioctl(self._ours, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def read_until(self, pattern: bytes, deadline: float = 30.0) -> bytes:
        """Return what appeared up to and with the pattern; what comes after is kept."""
        end = time.monotonic() + deadline
        while not (match := re.search(pattern, self._seen)):
            left = end - time.monotonic()
            assert left > 0, f"{pattern!r} did not appear in {self._seen!r}"
            if select.select([self._ours], [], [], left)[0]:
                try:
                    self._seen += os.read(self._ours, 65536)
                except OSError:
                    pytest.fail(f"the terminal closed before {pattern!r}: {self._seen!r}")
        seen, self._seen = self._seen[: match.end()], self._seen[match.end() :]
        return seen

    def wait(self) -> int:
        return self._process.wait(timeout=30)

    def close(self) -> None:
        os.close(self._ours)
        with suppress(subprocess.CalledProcessError):  # it has ended by itself
            docker("rm", "--force", self._name)
        self._process.wait()


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    person = Terminal("-e", f"JOB={JOB}")
    try:
        person.read_until(PROMPT)
        yield person
    finally:
        person.close()


def test_job_control_interrupt_resize_and_exit_code(terminal: Terminal) -> None:
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


def test_no_log_lines_come_between(terminal: Terminal) -> None:
    terminal.type(b"devcopilot health --wait 30 >/dev/null && echo healthy\n")
    seen = terminal.read_until(rb"[\r\n]healthy\r\n")
    assert b"sshd" not in seen
    assert b"supervisord" not in seen
    terminal.type(b"exit\n")
    assert terminal.wait() == 0
