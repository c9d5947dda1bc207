"""Answers programs that wait for a fresh GitHub token.

Init holds the listening socket and never accepts on it: when somebody connects, it starts this
with that socket. It answers all who wait, lingers a little and ends. A request is a
line `renew HOST FINGERPRINT`, where the fingerprint is that of a token that was just refused, or
nothing; the answer is `ok`, or a line that says what is wrong. Tokens do not pass here: whoever
asks reads them from the published file.
"""

import os
import re
import socket
import struct
from pathlib import Path

from agent.github import changes, gh
from agent.github.fresh import has_left
from agent.github.renewal import make_renewals
from agent.github.token_fetch import Demand
from agent.machine.light import faults
from agent.machine.light.escaping import make_lines
from agent.machine.light.expressions import regex
from agent.machine.light.log import Logger
from agent.machine.light.proc import read_stat
from agent.machine.network.pending_requests import PendingRequests
from agent.machine.values import frozen
from agent.settings.context import Context

LIFE = 60.0
"""Seconds after which it takes no more calls; its settings are those of its start."""
LINGER = 5.0
"""Seconds that it waits for one more call: a fetch makes several."""
LONGEST_REQUEST = 512
"""Bytes: the name of a host has 253 at most, a fingerprint 64."""
REQUEST = regex(r"renew (?P<host>[a-z0-9.-]+) (?P<refused>[0-9a-f]{64})?\n")
SHELLS = ("sh", "dash", "bash", "python", "python3", "python3.11", "env")
"""Programs that ask for others."""


class Broker:
    """Answers connections, several at once."""

    def __init__(self, current: Context, log: Logger) -> None:
        self._current = current
        self._log = log
        self._renewals = make_renewals(current)
        self._pending = PendingRequests(lambda head: b"\n" in head, LONGEST_REQUEST)

    def serve(self, connection: socket.socket) -> None:
        """Answer one connection. Other users get no answer: the uid is the boundary."""
        with connection:
            pid, uid = read_peer(connection)
            if uid not in (0, os.getuid()):
                self._log.warning("rejected a request from another user", uid=uid, pid=pid)
                return
            try:
                line, end, _ = self._pending.read(connection).decode("ascii").partition("\n")
                request = REQUEST.fullmatch(line + end)
                answer = self._answer(request, pid) if request else "cannot read the request"
                connection.sendall(make_lines(answer).encode())
            except (OSError, UnicodeDecodeError):
                return  # whoever asked has gone, or never was one of ours

    def _answer(self, request: "re.Match[str]", pid: int) -> str:
        try:
            return self._renew(request["host"], request["refused"] or "", pid)
        except OSError as error:
            return f"cannot write {error.filename}: {error.strerror}"
        except Exception as error:
            # Whoever asked waits: it gets a line, whatever nobody foresaw.
            return f"cannot renew the token: {faults.describe(error)}"

    def _renew(self, host: str, refused: str, pid: int) -> str:
        """Return the answer for a program that wants a token of this host."""
        asker = find_asker(pid)
        self._log.debug("asked for a token", host=host, pid=asker.pid, program=asker.name)
        renewal = self._renewals.get(host)
        if renewal is None:
            return f"no token source is configured for {host}"
        outcome = renewal.answer(Demand(refused))
        before, after = outcome.before, outcome.after
        if after.fingerprint != before.fingerprint:
            gh.sign_in(self._current)
        for level, message in changes.take(outcome, self._current):
            self._log.log(level, message, host=host, pid=asker.pid, program=asker.name)
        token = renewal.read()
        if token and token.fingerprint != refused and has_left(token, self._current, 0):
            return "ok"
        return renewal.explain() or f"no newer token is available for {host}"


def read_peer(connection: socket.socket) -> tuple[int, int]:
    """Return (pid, uid) of the process at the other end, from the kernel: unix(7), SO_PEERCRED."""
    size = struct.calcsize("3i")
    pid, uid, _ = struct.unpack(
        "3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
    )
    return pid, uid


@frozen
class Asker:
    """A program that wants a token."""

    pid: int
    name: str


def find_asker(pid: int) -> Asker:
    """Return the program for which a helper asks: the first of its parents that is no shell."""
    current = pid
    for _ in range(8):
        try:
            name, (_, parent, *_) = read_stat(Path(f"/proc/{current}"))
        except OSError:
            break
        if name not in SHELLS:
            return Asker(current, name)
        current = int(parent)
    return Asker(pid, "?")
