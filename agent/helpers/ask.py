"""Ask the agent to renew a host's token, and wait until it has: `ask.py RUNTIME HOST [REFUSED]`.

REFUSED is the fingerprint of a token that the host has just refused. No token passes here: who
asked reads the published file again. Ends with 0 when the token can be used, else 1, with the
reason on standard error where there is one. Standard library only, without `site`: it must be fast.
"""

import socket
import sys
import time

SOCKET = "broker.sock"
DEADLINE = 15.0
"""Seconds until it gives up; the one who answers may die and be started again meanwhile."""
PAUSE = 0.05
"""Seconds between two tries."""


def ask(path: str, request: bytes, seconds: float) -> str | None:
    """Return the answer to one request, None when whoever answers died. Raises OSError."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(seconds)
        connection.connect(path)
        connection.sendall(request)
        with connection.makefile("r", encoding="utf-8", errors="replace") as answer:
            return answer.readline().rstrip("\n") or None


def main(runtime: str, host: str, refused: str = "") -> int:
    """Ask until there is an answer or the time is over."""
    deadline = time.monotonic() + DEADLINE
    request = f"renew {host} {refused}\n".encode()
    while (left := deadline - time.monotonic()) > 0:
        try:
            answer = ask(f"{runtime}/{SOCKET}", request, left)
        except (FileNotFoundError, ConnectionRefusedError, PermissionError):
            return 1  # no agent runs here, or it is another user's
        except OSError:
            answer = None
        if answer == "ok":
            return 0
        if answer is not None:
            sys.stderr.write(f"devcopilot: {answer}\n")
            return 1
        time.sleep(PAUSE)
    sys.stderr.write(f"devcopilot: no answer about the token of {host} within {DEADLINE:g} s\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:4]))
