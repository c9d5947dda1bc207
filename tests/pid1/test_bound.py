"""A box ends with the tests that have started it, even where these are killed."""

import signal
import subprocess
import sys
from pathlib import Path

from tests.pid1.boxes import ENVIRONMENT, Namespace
from tests.worlds.programs import Awaited
from tests.worlds.waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]
STARTER = """
import signal, sys
from pathlib import Path
from tests.pid1.boxes import Box, Namespace
namespace = Namespace(tuple(sys.argv[3:]), int(sys.argv[2]))
script = "echo begun; exec sleep 1000"
box = Box(namespace, Path(sys.argv[1]), ("sh", "-c", script))
box.wait_for("begun")
print(box.pid, flush=True)
signal.pause()
"""


def test_a_box_ends_with_a_killed_starter(namespace: Namespace, folder: Path) -> None:
    words = [sys.executable, "-c", STARTER, str(folder), str(namespace.uid), *namespace.words]
    environ = {**ENVIRONMENT, "PYTHONPATH": str(ROOT)}
    with Awaited[bytes](words, stdout=subprocess.PIPE, env=environ, cwd="/") as starter:
        try:
            assert starter.stdout
            command = Path("/proc", str(int(starter.stdout.readline())), "cmdline")
            wait_until(lambda: command.read_bytes() == b"sleep\x001000\x00", "the command")
        finally:
            starter.send_signal(signal.SIGKILL)
    wait_until(lambda: not command.exists(), "the end of the box")
