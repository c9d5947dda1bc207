"""What a person notices of a scheduled backup: how long the editor takes to answer."""

import http.client
import subprocess
import time
from collections.abc import Callable
from contextlib import closing
from statistics import quantiles
from subprocess import PIPE

from tests.bench.rows import Row
from tests.worlds.containers import DOCKER, MVP, Container, Recipe, answers_http, running
from tests.worlds.waiting import wait_until

IDE_PORT = 8080
ROUNDS = 3
WARM_UP = 5000
"""Answers until the editor's own Node has compiled what it runs; the first ones are slower."""
PAUSE = 0.005
"""Seconds from one request to the next. All go through one connection, as a browser's do: after
ten thousand connections the kernel looks for a free port for longer than the editor answers."""
FRESH = "rm -rf /backups/scheduled ~/.local/state/devcopilot/backup/record.json"
"""The next backup is a first one, and is due."""
ADDRESS = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}"
"""Of the container itself: through the engine's proxy most of the delay would be that one's."""
SCHEDULED = f"{FRESH}; echo ready; read -r; exec nice -n 19 devcopilot backup scheduled"
"""As init starts it, but when it is told to: the engine's own work for it is done by then."""


def measure_latency(files: Container) -> list[Row]:
    """Compare the editor's answers at rest with those during first backups of these files."""
    options = (
        *("--volumes-from", files.name, "-e", "BACKUP_DIR=/backups"),
        *("-e", "ENVIRONMENT_ID=scheduled", "-e", "DEV8_BACKUP_ON_STOP=off"),
    )
    rest: list[float] = []
    busy: list[float] = []
    with running(Recipe(MVP, options)) as box:
        box.wait_ready()
        wait_until(lambda: answers_http(box.ide_port), "the editor")
        wait_until(lambda: box.has_run("backup"), "the backup at the start", 120)
        address = box.inspect(ADDRESS)
        _ask_at_rest(address, WARM_UP)
        for _ in range(ROUNDS):
            busy += _ask_during_backup(box, address)
            rest += _ask_at_rest(address, len(busy) - len(rest))
    slow, idle = _find_p99(busy), _find_p99(rest)
    figure = "the editor's slowest answers (p99) during a scheduled backup, against idle"
    note = f"{slow * 1000:.1f} ms against {idle * 1000:.1f} ms, of {len(busy)} answers"
    return [Row(figure, slow / idle, 2, "times", note)]


def _ask_during_backup(box: Container, address: str) -> list[float]:
    argv = [DOCKER, "exec", "-i", box.name, "bash", "-c", SCHEDULED]
    with subprocess.Popen(argv, stdin=PIPE, stdout=PIPE, stderr=PIPE, text=True) as backup:
        assert backup.stdin
        assert backup.stdout
        assert backup.stderr
        backup.stdout.readline()
        backup.stdin.write("\n")
        backup.stdin.flush()
        seconds = _ask(address, lambda _: backup.poll() is not None)
        if backup.returncode:
            raise RuntimeError(f"the scheduled backup failed: {backup.stderr.read()}")
    return seconds


def _ask_at_rest(address: str, times: int) -> list[float]:
    return _ask(address, lambda count: count >= times)


def _ask(address: str, is_over: Callable[[int], bool]) -> list[float]:
    """Return the seconds that each answer took, until it is over; that gets how many there were."""
    seconds: list[float] = []
    with closing(http.client.HTTPConnection(address, IDE_PORT, timeout=10)) as connection:
        while not is_over(len(seconds)):
            start = time.monotonic()
            connection.request("GET", "/healthz")
            with connection.getresponse() as response:
                response.read()
            seconds.append(time.monotonic() - start)
            time.sleep(max(0.0, PAUSE - seconds[-1]))
    return seconds


def _find_p99(seconds: list[float]) -> float:
    return quantiles(seconds, n=100)[98]
