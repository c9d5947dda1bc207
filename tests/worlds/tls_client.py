"""Let a tool ask the server in a container, with the environment of a terminal in the editor.

Run inside: python3 tls_client.py SECONDS SCRIPT [FILE WORDS PATIENCE]. With FILE, the server's
notes, it goes on for PATIENCE seconds after these words are in it: some tools never give up.
"""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

POLL = 0.05


def find_environment() -> dict[bytes, bytes]:
    """Return the environment of code-server, without its own part."""
    pid = subprocess.check_output(["pgrep", "-of", "code-server"], text=True).strip()
    rows = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    environ = dict(row.split(b"=", 1) for row in rows if b"=" in row)
    environ.pop(b"NODE_OPTIONS", None)
    return environ


def read(file: str) -> str:
    """Return what the server has noted so far."""
    path = Path(file)
    return path.read_text() if path.exists() else ""


def wait(tool: "subprocess.Popen[bytes]", seconds: float) -> None:
    """Wait for the tool's end."""
    with suppress(subprocess.TimeoutExpired):
        tool.wait(seconds)


def watch(
    tool: "subprocess.Popen[bytes]", seconds: float, file: str, words: str, patience: str
) -> None:
    """Wait for the tool's end, and not for long once the server has noted these words."""
    known, end = len(read(file)), time.monotonic() + seconds
    while words not in read(file)[known:]:
        if tool.poll() is not None or time.monotonic() > end:
            return
        time.sleep(POLL)
    wait(tool, float(patience))


limit, script, *notes = sys.argv[1:]
# A session of its own: it is ended with all that it has started.
process = subprocess.Popen(["sh", "-c", script], env=find_environment(), start_new_session=True)
watch(process, float(limit), *notes) if notes else wait(process, float(limit))
with suppress(ProcessLookupError):
    os.killpg(process.pid, signal.SIGKILL)
