"""A workspace in use for a long time: sessions, orphans, rotated tokens. Nothing may pile up."""

import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e.conftest import Login, write_secret
from tests.worlds.containers import BASE, HARDENED, Container, Recipe, running
from tests.worlds.waiting import wait_until

GROWTH_ALLOWED_KB = 2048


@dataclass(frozen=True)
class Usage:
    """What PID 1 holds, and what lies about in the runtime folder and in /tmp."""

    descriptors: int
    memory_kb: int
    files: int


def measure(box: Container) -> Usage:
    words = box.execute(
        "sh",
        "-c",
        "ls /proc/1/fd | wc -l; awk '/^VmRSS/ {print $2}' /proc/1/status;"
        "find /dev/shm /tmp -type f | wc -l",
    ).split()
    return Usage(*map(int, words))


def count_zombies(box: Container) -> int:
    return box.execute("ps", "-eo", "stat=").split().count("Z")


def use(box: Container, login: Login, token: Path, number: int) -> None:
    """Do what happens all day: log in, leave an orphan behind, get another token."""
    token.write_text(f"ghp_soak{number:032d}\n")
    assert login.run(box, "setsid sleep 0.1 >/dev/null 2>&1 & echo $((6 * 7))").strip() == "42"


@pytest.mark.soak
def test_nothing_piles_up(login: Login, soak_seconds: float, tmp_path: Path) -> None:
    token = write_secret(tmp_path / "token", "ghp_soak\n")
    recipe = Recipe(
        BASE,
        (
            *HARDENED,
            *("-v", f"{token}:/run/secrets/token:ro", "-e", "GITHUB_TOKEN_FILE=/run/secrets/token"),
            *("-e", "DEV8_TOKEN_REFRESH_INTERVAL=2s", "-e", f"SSH_PUBLIC_KEY={login.public}"),
        ),
    )
    with running(recipe) as box:
        box.wait_ready()
        box.execute("devcopilot", "wait", "--for", "all")  # the units write their records first
        use(box, login, token, 0)
        before, end, rounds = measure(box), time.monotonic() + soak_seconds, 0
        while time.monotonic() < end:
            rounds += 1
            use(box, login, token, rounds)
        wait_until(lambda: count_zombies(box) == 0, "the reaping of all orphans")
        wait_until(lambda: measure(box).descriptors <= before.descriptors, "the closing of files")
        wait_until(lambda: measure(box).files <= before.files + 1, "the end of a refresh")
        after = measure(box)
        assert after.memory_kb <= before.memory_kb + GROWTH_ALLOWED_KB, (rounds, before, after)
        assert box.call("devcopilot", "health").returncode == 0
