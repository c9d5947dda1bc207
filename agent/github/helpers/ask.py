"""Ask the agent to renew a host's token, and wait until it has: `ask.py RUNTIME HOST [REFUSED]`.

REFUSED is the fingerprint of a token that the host has just refused. No token passes here: who
asked reads the published file again. Ends with 0 when the token can be used, else 1, with the
reason on standard error. Standard library only, without `site`: it must be fast.
"""

import socket
import sys
import time

SOCKET = "broker.sock"
"""In the runtime folder; see `agent.machine.light.runtime`."""
DEADLINE = 30.0
"""Seconds until it gives up: the one who answers waits up to 20 s for the host itself, may die and
be started again meanwhile, and starts late on a busy machine."""
FIRST_PAUSE, LONGEST_PAUSE = 0.05, 1.0
"""Seconds between two tries; each doubles them: many may wait while the one who answers dies."""


class NobodyError(Exception):
    """No agent runs here, or it is another user's."""


def request_renewal(runtime: str, host: str, refused: str = "") -> str | None:
    """Wait until the token of the host can be used; return why it cannot.

    Raises NobodyError where there is nobody to ask.
    """
    deadline = time.monotonic() + DEADLINE
    pause = FIRST_PAUSE
    request = f"renew {host} {refused}\n".encode()
    while (left := deadline - time.monotonic()) > 0:
        try:
            answer = _ask(f"{runtime}/{SOCKET}", request, left)
        except (FileNotFoundError, ConnectionRefusedError, PermissionError) as error:
            raise NobodyError from error
        except OSError:
            answer = ""  # whoever was to answer has died
        if answer:
            return None if answer == "ok" else answer
        time.sleep(min(pause, max(0.0, deadline - time.monotonic())))
        pause = min(2 * pause, LONGEST_PAUSE)
    return f"no answer about the token of {host} within {DEADLINE:g} s"


def _ask(path: str, request: bytes, seconds: float) -> str:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(seconds)
        connection.connect(path)
        connection.sendall(request)
        with connection.makefile("r", encoding="utf-8", errors="replace") as answer:
            return answer.readline().rstrip("\n")


def main(runtime: str, host: str, refused: str = "") -> int:
    """Ask, and say what is wrong."""
    try:
        reason = request_renewal(runtime, host, refused)
    except NobodyError:
        reason = f"cannot renew the token of {host}: the agent does not answer"
    if reason:
        sys.stderr.write(f"devcopilot: {reason}\n")
    return 1 if reason else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:4]))
