"""The second daemon of the tests: a run that is killed leaves nothing in the way of the next."""

import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.worlds.containers import docker
from tests.worlds.programs import Awaited
from tests.worlds.remapped import BRIDGE, PREFIX, REMAPPED, need_remapping, remapped_engine
from tests.worlds.waiting import wait_until

TOP = Path(__file__).resolve().parents[2]
RUN = """
import signal
from tests.worlds.remapped import remapped_engine
with remapped_engine():
    print("up", flush=True)
    signal.pause()
"""

pytestmark = pytest.mark.xdist_group(REMAPPED)


def find_daemons() -> list[psutil.Process]:
    """Return the processes that have the daemon's folder among their words."""
    found = psutil.process_iter(["cmdline"])
    return [one for one in found if any(PREFIX in word for word in one.info["cmdline"] or ())]


def test_a_run_that_was_killed_leaves_nothing_in_the_way() -> None:
    need_remapping()
    with Awaited[bytes]([sys.executable, "-c", RUN], cwd=TOP, stdout=subprocess.PIPE) as run:
        assert run.stdout
        assert run.stdout.readline() == b"up\n"
        assert find_daemons()
        run.kill()
    wait_until(lambda: not find_daemons(), "the end of the daemon with its run")
    assert Path("/sys/class/net", BRIDGE).exists(), "nobody was there to remove it"
    with remapped_engine():
        assert docker("info", "--format", "{{.SecurityOptions}}").count("name=userns") == 1
    assert not Path("/sys/class/net", BRIDGE).exists()
