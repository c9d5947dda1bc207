"""Many commands in one container: through a shell that stays, a command takes a few milliseconds.

A `docker exec` of its own takes each a quarter of a second of processor.
"""

import shlex
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from testinfra.backend.base import BaseBackend, CommandResult
from testinfra.host import Host

from tests.worlds.containers import DOCKER, Container

BEGIN = "folder=$(mktemp -d -p /dev/shm)\n"
"""/dev/shm can be written in any container, and no test looks there."""
STEP = """\
/bin/sh -c {} </dev/null >"$folder/out" 2>"$folder/err"
printf '%d %d %d\\n' $? "$(wc -c <"$folder/out")" "$(wc -c <"$folder/err")"
cat "$folder/out" "$folder/err"
"""
"""Runs a command as `docker exec` does, and tells its code, the sizes of what it said, and that."""


class StayingShell(BaseBackend):  # type: ignore[misc]  # testinfra has no types
    """A connection of testinfra's to a container, as its own user or as another."""

    NAME = "shell"

    def __init__(self, name: str, user: str | None = None) -> None:
        super().__init__(name)
        options = ("--user", user) if user else ()
        self._process = subprocess.Popen(
            [DOCKER, "exec", "--interactive", *options, name, "/bin/sh"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip
        self._send(BEGIN)

    def run(self, command: str, *args: str, **_: Any) -> CommandResult:
        """Run a command to its end. Raises RuntimeError if the shell has ended."""
        words = self.get_command(command, *args)
        self._send(STEP.format(shlex.quote(words)))
        assert self._process.stdout
        told = self._process.stdout.readline().split()
        if not told:
            raise RuntimeError(f"the shell in {self.hostname} has ended")
        code, *sizes = map(int, told)
        out, err = (self._process.stdout.read(size) for size in sizes)
        return self.result(code, words.encode(), out, err)

    def close(self) -> None:
        """End the shell."""
        self._process.communicate(timeout=60)

    def _send(self, text: str) -> None:
        assert self._process.stdin
        self._process.stdin.write(text.encode())
        self._process.stdin.flush()


@contextmanager
def entering(box: Container, user: str | None = None) -> Iterator[Host]:
    """Give the inside of a container to testinfra."""
    shell = StayingShell(box.name, user)
    host = Host(shell)
    shell.set_host(host)
    try:
        yield host
    finally:
        shell.close()
