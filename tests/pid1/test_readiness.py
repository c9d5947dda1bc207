"""The port that a readiness probe connects to, with real services under the real supervisord."""

import os
import signal
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from agent.machine.light import moments
from agent.machine.light.boot_file import Job
from agent.services.service import Service
from tests.pid1.boxes import EMPTY_BOOT, Box, booted, change, with_services
from tests.worlds.containers import find_free_port
from tests.worlds.waiting import DEADLINE, wait_until, watch_until

Start = Callable[..., Box]


class Probe:
    """kubelet, as its tcpSocket probe connects."""

    def __init__(self) -> None:
        self.port = find_free_port()
        self.address = f"127.0.0.1:{self.port}"

    def __call__(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=DEADLINE).close()
        except ConnectionRefusedError:
            return False
        return True

    def is_refused(self) -> bool:
        return not self()


def test_it_follows_the_service_and_the_stop(start: Start, folder: Path) -> None:
    """Not ready, ready, service ended, service back, stop."""
    probe = Probe()
    script = (
        f"echo $$ > {folder}/pid; until test -e {folder}/held; do sleep 0.01; done; exec sleep 1000"
    )
    last = f"touch {folder}/stopping; until test -e {folder}/end; do sleep 0.01; done"
    wait = f"until test -e {folder}/go; do sleep 0.01; done"
    ready = Job("ready", ("sh", "-c", wait), None, 60.0, announces=moments.READY)
    boot = with_services(folder, Service("a", ("sh", "-c", script)), brisk=True)
    final = Job("final", ("sh", "-c", last), None, 60.0, at=(moments.STOP,))
    boot = change(boot, jobs=(ready, final), ready_address=probe.address, log_level="info")
    box = start(*booted(folder, boot))
    wait_until((folder / "pid").exists, "the service")
    assert not probe(), "nobody has found out yet whether it answers"
    (folder / "go").touch()
    box.wait_for("READY in")
    wait_until(probe, "a port that takes connections")
    (folder / "held").touch()
    os.kill(find_service(box), signal.SIGKILL)
    watch_until(probe.is_refused, "a port that is closed")  # for the second until it runs
    wait_until(probe, "a service that runs again")
    box.send(signal.SIGTERM)
    wait_until((folder / "stopping").exists, "the final job")
    assert not probe(), "a workspace that stops is not ready"
    (folder / "end").touch()
    assert box.wait() == 0


def find_service(box: Box) -> int:
    return int(wait_until(lambda: box.find("sleep 1000") or 0, "the service's last program"))


def test_no_process_is_started_for_a_probe(start: Start, folder: Path) -> None:
    probe = Probe()
    box = start(*booted(folder, change(EMPTY_BOOT, ready_address=probe.address)))
    wait_until(probe, "a port that takes connections")
    before = box.processes(), count_faults_of_children(box)
    for _ in range(300):  # more than can wait
        assert probe()
    assert (box.processes(), count_faults_of_children(box)) == before
    assert box.stop() == 0


def count_faults_of_children(box: Box) -> int:
    """Return how often all children that have ended touched new memory; see proc_pid_stat(5)."""
    return int(Path(f"/proc/{box.pid}/stat").read_text().rpartition(")")[2].split()[8])


@pytest.mark.parametrize("address", ["192.0.2.1:8078", "127.0.0.1:1"])
def test_an_address_that_cannot_be_had_is_a_line_of_the_log(
    start: Start, folder: Path, address: str
) -> None:
    box = start(*booted(folder, change(EMPTY_BOOT, ready_address=address)))
    box.wait_for("cannot listen for readiness probes")
    assert box.stop() == 0
