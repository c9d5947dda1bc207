"""The figures: each function measures one thing and returns its rows with their bars."""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from statistics import median

from tests.bench import connections, processes
from tests.bench.refreshes import count_refreshes
from tests.bench.rows import MILLISECONDS, Options, Row
from tests.bench.starts import fill, seconds_to_ide, seconds_to_ssh, volume
from tests.worlds.archives import save_image
from tests.worlds.containers import (
    MVP,
    Recipe,
    running,
)
from tests.worlds.hardening import REMAPPED_ROWS, ROWS
from tests.worlds.remapped import find_hindrance, remapped_engine
from tests.worlds.waiting import wait_until

TOKEN = "ghp_benchmark0000000000000000000000000000"
PYTHON = ("/opt/devcopilot/bin/python", "-I", "-c", "")
REFRESH_INTERVAL = 300.0
"""Seconds: what the setting has by default."""
BARE_IDE = Recipe(
    MVP,
    ("--init", "--entrypoint", "code-server"),
    (
        "--bind-addr",
        "0.0.0.0:8080",
        "--auth",
        "none",
        "--disable-telemetry",
        "--disable-update-check",
        "/workspace",
    ),
)
OURS = Recipe(MVP)


def measure_start(options: Options) -> list[Row]:
    """Time from `docker start` until the editor and ssh answer, in turn with the bare programs."""
    ours: list[float] = []
    bare: list[float] = []
    ours_ssh: list[float] = []
    bare_ssh: list[float] = []
    with bare_sshd() as sshd:
        for _ in range(options.runs):
            with running(BARE_IDE) as box:
                bare.append(seconds_to_ide(box))
            with running(OURS) as box:
                ours.append(seconds_to_ide(box))
            with running(sshd) as box:
                bare_ssh.append(seconds_to_ssh(box))
            with running(OURS) as box:
                ours_ssh.append(seconds_to_ssh(box))
    return [
        Row(
            "start → editor answers, against bare code-server",
            median(ours) / median(bare),
            1.05,
            "times",
            f"{median(ours):.2f} s against {median(bare):.2f} s",
        ),
        Row(
            "start → ssh banner, more than bare sshd",
            (median(ours_ssh) - median(bare_ssh)) * MILLISECONDS,
            120,
            "ms",
            f"{median(ours_ssh):.2f} s against {median(bare_ssh):.2f} s",
        ),
        Row("cold start → all services answer", median(ours), 5, "s"),
    ]


def measure_warm_start(options: Options) -> list[Row]:
    """Time from `docker start` to both services answering, with volumes that were used before."""
    seconds = []
    with volume() as home, volume() as workspace:
        recipe = Recipe(MVP, ("-v", f"{home}:/home/dev8", "-v", f"{workspace}:/workspace"))
        for _ in range(options.runs + 1):
            with running(recipe) as box:
                seconds.append(max(seconds_to_ssh(box), seconds_to_ide(box)))
    return [Row("warm start → all services answer", median(seconds[1:]), 3, "s")]


def measure_stop(options: Options) -> list[Row]:
    """Time of `docker stop` with editor and ssh session open, in the whole matrix."""
    rows = [row for name in ROWS for row in _measure_stop(options, name, ROWS[name])]
    if hindrance := find_hindrance():
        print(f"    no stop with user namespaces: {hindrance}", file=sys.stderr)
        return rows
    with (
        tempfile.TemporaryDirectory() as folder,
        remapped_engine(save_image(Path(folder), MVP)),
    ):
        for name, how in REMAPPED_ROWS.items():
            rows += _measure_stop(options, name, how)
    return rows


def _measure_stop(options: Options, name: str, how: tuple[str, ...]) -> list[Row]:
    seconds = []
    codes = set()
    with connections.ssh_key() as key:
        variables = ("-e", f"SSH_PUBLIC_KEY={key.public}", "-e", "CODE_SERVER_AUTH=none")
        for _ in range(options.runs):
            with running(Recipe(MVP, (*how, *variables))) as box:
                seconds_to_ide(box)
                seconds_to_ssh(box)
                with connections.ide_tab(box.ide_port), connections.ssh_session(box.ssh_port, key):
                    taken, code = box.stop()
                seconds.append(taken)
                codes.add(code)
    return [
        Row(
            f"docker stop, editor and ssh session open, {name}",
            median(seconds),
            1,
            "s",
            f"exit codes {sorted(codes)}",
        ),
        Row(f"exit code of that stop, {name}", max(codes), 0, ""),
    ]


def measure_idle(options: Options) -> list[Row]:
    """Memory after the first refresh, and processor time while nothing happens but refreshes."""
    options_of_github = (*connections.FAKE_GITHUB_OPTIONS, "-e", f"GITHUB_TOKEN={TOKEN}")
    with running(Recipe(MVP, (*processes.NO_HEALTH_CHECK, *options_of_github))) as box:
        connections.start_fake_github(box, TOKEN)
        seconds_to_ide(box)
        wait_until(lambda: count_refreshes(box) >= 1, "the first refresh")
        agents = processes.agent_processes(int(box.inspect("{{.State.Pid}}")))
        pss = {name: process.pss_kib() / 1024 for name, process in agents.items()}
        refreshed = count_refreshes(box)
        before, start = _cpu(agents), time.monotonic()
        time.sleep(options.idle_seconds)  # the measurement itself: nothing is waited for
        due = refreshed + int(options.idle_seconds / REFRESH_INTERVAL)
        wait_until(lambda: count_refreshes(box) >= due, "the last refresh")
        used, seconds = _cpu(agents) - before, time.monotonic() - start
        refreshed = count_refreshes(box) - refreshed
    parts = ", ".join(f"{name} {size:.1f}" for name, size in pss.items())
    return [
        Row("memory of the resident agent processes (PSS)", sum(pss.values()), 25, "MB", parts),
        Row(
            f"processor over {seconds:.0f} s with {refreshed} refreshes",
            100 * used / seconds,
            0.25,
            "% of a core",
        ),
    ]


def measure_health_check(options: Options) -> list[Row]:
    """Processor time of what docker runs every 30 s: a command that logs in and asks the editor."""
    checks: list[float] = []
    bare: list[float] = []
    with running(Recipe(MVP, processes.NO_HEALTH_CHECK)) as box:
        box.wait_ready()
        wait_until(lambda: box.has_run("setup"), "the end of what only a start costs")
        main = int(box.inspect("{{.State.Pid}}"))
        for _ in range(max(options.runs, 5)):
            for found, words in ((checks, ("devcopilot", "health")), (bare, PYTHON)):
                before = processes.container_seconds(main)
                box.execute(*words)
                found.append(processes.container_seconds(main) - before)
    return [
        Row("a health check, as docker runs it every 30 s", median(checks) * MILLISECONDS, 250,
            "ms of processor", f"a bare Python: {median(bare) * MILLISECONDS:.0f} ms"),
    ]  # fmt: skip


def measure_many_files(options: Options) -> list[Row]:
    """Start time with 10 and with 200,000 files in the workspace volume."""
    with volume() as few, volume() as many:
        fill(few, 10)
        fill(many, 200_000)
        seconds: dict[str, list[float]] = {few: [], many: []}
        for _ in range(options.runs):
            for name, times in seconds.items():
                with running(Recipe(MVP, ("-v", f"{name}:/workspace"))) as box:
                    times.append(seconds_to_ide(box))
        ratio = median(seconds[many]) / median(seconds[few])
    return [Row("start with 200,000 files against 10", ratio, 1.05, "times")]


def measure_configure(options: Options) -> list[Row]:
    """Time of a second `configure`, and what it changed."""
    script = (
        "import json,subprocess,time\n"
        "start=time.monotonic()\n"
        "done=subprocess.run(['devcopilot','configure'],capture_output=True,text=True)\n"
        "print(json.dumps([time.monotonic()-start, done.stderr.splitlines()[-1]]))\n"
    )
    seconds, changes = [], set()
    with running(OURS) as box:
        seconds_to_ide(box)
        for _ in range(options.runs):
            taken, line = json.loads(box.execute("/opt/devcopilot/bin/python", "-c", script))
            seconds.append(taken)
            changes.add(json.loads(line)["changes"])
    return [
        Row("configure, a second time", median(seconds) * MILLISECONDS, 200, "ms"),
        Row("changes that it makes", max(changes), 0, ""),
    ]


ALL: tuple[tuple[str, Callable[[Options], list[Row]]], ...] = (
    ("start, against the bare programs", measure_start),
    ("warm start", measure_warm_start),
    ("stop", measure_stop),
    ("200,000 files", measure_many_files),
    ("configure again", measure_configure),
    ("memory and processor at rest", measure_idle),
    ("the health check", measure_health_check),
)


@contextmanager
def bare_sshd() -> Iterator[Recipe]:
    """Yield a recipe for sshd alone under tini, with a host key that is there already."""
    with tempfile.TemporaryDirectory() as folder:
        key = Path(folder, "host_key")
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
        with suppress(PermissionError):
            subprocess.run(["chown", "-R", "1000:1000", folder], check=True)
        yield Recipe(
            MVP,
            ("--init", "--entrypoint", "/usr/sbin/sshd", "-v", f"{folder}:/keys"),
            (
                "-D",
                "-e",
                "-f",
                "/dev/null",
                "-p",
                "2222",
                "-h",
                "/keys/host_key",
                "-o",
                "PidFile=none",
                "-o",
                "UsePAM=no",
            ),
        )


def _cpu(agents: dict[str, processes.Process]) -> float:
    """Return the seconds of all agent processes; init's reaped children are its jobs."""
    return sum(
        process.cpu_seconds(with_children=name == "init") for name, process in agents.items()
    )
