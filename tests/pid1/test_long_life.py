"""Days of a workspace in minutes: an App's tokens of an hour, a GitHub that fails now and then.

Real are all processes of the agent: `devcopilot run` as PID 1 with its timers, the refreshes and
the brokers that it starts, and git with our helper, which the container's CMD starts each minute.
So are the requests, which go over TCP, and the published files.

Simulated are

* the time: to all these processes it is as if the machine slept whenever nothing runs, and woke
  when a job is due or the minute is over (sleeping_clock.c); what takes time takes real time, and
  a SIGCHLD lets init look at the clock then, which it else does within half a minute;
* GitHub: the tests' own, which goes by that clock as well. git asks for the credential, and GitHub
  is asked whether it is good; nothing is fetched;
* the container: a PID namespace without supervisord and services.
"""

import os
import random
import signal
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from agent.github import published
from agent.machine.formats.gitconfig import DEFAULTS
from agent.machine.storage.volumes import STATE_FOLDER
from tests.contract.apps import APP, INSTALLATION, make_key, make_pem, make_public_pem
from tests.fakes.github import FakeGitHub, Fault, Request
from tests.pid1.boxes import ENVIRONMENT, PYTHON, Box, give
from tests.pid1.sleeping_clock import SleepingClock
from tests.worlds.waiting import wait_until

HOST = "github.com"
MINUTE, HOUR = 60.0, 3600.0
SHORT, LONG = (2, 1), (100, 20)
"""Hours, and nights in between."""
NIGHT = 2 * HOUR
"""Seconds that the machine sleeps on, whatever is due: longer than a token lives."""
LONGEST_WAIT = 75.0
"""Seconds that git may be without a token after a night: the first call may meet a limit of
GitHub's, after which nobody is to ask for a minute."""
NEAR = 1.0
"""Seconds: a job that is due so soon after a minute runs before that is looked at."""
FAULTS = (
    Fault(status=500),
    Fault(status=502),
    Fault(drop=True),
    Fault(cut=True),
    Fault(status=403, headers={"Retry-After": "7"}),
    Fault(status=429),
    Fault(status=200, body=b"<html>sign in to the hotel</html>"),
)
SHARE = 0.05
"""Of calls that meet a fault."""
SHELL = """
cd "$1"
while read -r number; do
    git credential fill <question >answer 2>&1
    mv answer "answer-$number"
done
"""
"""CMD: asks git for the credential whenever it is told to."""

Start = Callable[..., Box]


class UnsteadyGitHub(FakeGitHub):
    """One that fails in a share of the calls."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.random = random.Random(seed)
        self.failed = 0

    def take_fault(self, _: Request) -> Fault | None:
        if self.random.random() >= SHARE:
            return None
        self.failed += 1
        return self.random.choice(FAULTS)


@pytest.fixture
def clock(folder: Path) -> Iterator[SleepingClock]:
    clock = SleepingClock(folder)
    yield clock
    clock.close()


@pytest.fixture
def hub(clock: SleepingClock, folder: Path) -> Iterator[UnsteadyGitHub]:
    key = make_key()
    (folder / "app.pem").write_text(make_pem(key))
    with UnsteadyGitHub(seed=2048) as hub:
        hub.clock = clock.now
        hub.add_app(app_id=APP, public_key_pem=make_public_pem(key), token_life=timedelta(hours=1))
        hub.add_installation(APP, INSTALLATION, "octo")
        hub.rate_limit = 10**6
        yield hub


def prepare(folder: Path, hub: FakeGitHub, clock: SleepingClock) -> dict[str, str]:
    """Make what an image and its volumes bring; return the container's environment."""
    for name in ("home", "work"):
        (folder / name).mkdir()
    defaults = folder / "home" / STATE_FOLDER / DEFAULTS
    (folder / "gitconfig").write_text(f"[include]\n\tpath = {defaults}\n")
    (folder / "question").write_text(f"protocol=https\nhost={HOST}\n\n")
    give(folder)
    return {
        **ENVIRONMENT, **clock.environment,
        "HOME": str(folder / "home"), "WORKSPACE_DIR": str(folder / "work"),
        "DEV8_RUNTIME_DIR": str(folder / "run"), "DEV8_LOG_LEVEL": "info",
        "DEV8_SSH": "false", "DEV8_CODE_SERVER": "false", "DEV8_AI_TOOLS": "off",
        "DEV8_GITHUB_API_URL": hub.url, "GITHUB_APP_ID": str(APP),
        "GITHUB_APP_PRIVATE_KEY_FILE": str(folder / "app.pem"),
        "GIT_CONFIG_SYSTEM": str(folder / "gitconfig"), "GIT_TERMINAL_PROMPT": "0",
    }  # fmt: skip


class Life:
    """Drives the clock from one event to the next, and looks at the token each minute."""

    def __init__(self, box: Box, hub: FakeGitHub, clock: SleepingClock, shell: int) -> None:
        self.box, self.hub, self.clock, self.shell = box, hub, clock, shell
        self.pid = box.pid
        self.asked = 0
        self.nights = 0
        self.bad_minutes: list[str] = []
        self.waits: list[int] = []
        """Minutes in which git had to wait for a newer token, those after a night not counted."""
        self._written = 0
        self._due = 0.0

    def live(self, hours: int, nights: int) -> None:
        """Live so long, with so many nights, which are not counted."""
        self.rest()
        day = hours * 60 // (nights + 1)
        for minute in range(1, hours * 60 + 1):
            self.go_until(self.clock.uptime() + MINUTE)
            self.look(minute)
            if minute % day == 0 and self.nights < nights:
                self.sleep(minute)

    def go_until(self, moment: float) -> None:
        """Let time pass, and wait for each job that is due meanwhile."""
        while (left := moment - self.clock.uptime()) > 0:
            due = self.find_due() - self.clock.uptime()
            if due > left + NEAR:
                self.clock.go(left)
                continue
            self.clock.go(max(0.0, due))
            self.wait_for_refresh(self.count_runs("refresh") + 1)

    def wait_for_refresh(self, number: int) -> None:
        """Wait until the one has run that is due: it has this number."""
        self.wake()
        wait_until(lambda: self.count_runs("refresh") >= number, "a refresh")
        self.rest()

    def find_due(self) -> float:
        """Return the uptime at which init starts the next refresh, as it says itself."""
        self.rest()
        written = (self.box.folder / "run/state.json").stat().st_mtime_ns
        if written != self._written:
            due = self.read_jobs()["refresh"]["next_at"]
            assert due is not None, "no refresh is planned any more"
            self._written, self._due = written, due
        return self._due

    def look(self, minute: int) -> None:
        """See whether GitHub takes what is published, and what git gets."""
        if not self.hub.find(self.read_token()):
            self.bad_minutes.append(f"minute {minute}: what is published is dead")
        calls = self.count_runs("broker")
        answer = self.ask()
        if not self.is_good(answer):
            self.bad_minutes.append(f"minute {minute}: git got {answer!r}")
        if self.count_runs("broker") > calls:
            self.waits.append(minute)

    def sleep(self, minute: int) -> None:
        """Sleep longer than a token lives; somebody uses git at once, and again until it works."""
        self.nights += 1
        self.clock.go(NIGHT)
        self.wake()
        end = self.clock.uptime() + LONGEST_WAIT
        while not self.is_good(answer := self.ask()):
            if self.clock.uptime() >= end:
                self.bad_minutes.append(f"the night after minute {minute}: git got {answer!r}")
                return
            self.go_until(self.clock.uptime() + 5)

    def read_token(self) -> str | None:
        """Return what is published."""
        path = self.box.folder / "run/tokens" / HOST
        token = published.decode_token(HOST, path.read_bytes() if path.exists() else None)
        return token.value.reveal() if token else None

    def ask(self) -> str:
        """Let the shell in the container ask git; return what it says."""
        self.asked += 1
        os.write(self.shell, b"%d\n" % self.asked)
        path = self.box.folder / f"answer-{self.asked}"
        wait_until(path.exists, "git's answer")
        answer = path.read_text()
        path.unlink()
        return answer

    def is_good(self, answer: str) -> bool:
        """Tell whether GitHub takes the password that git would send."""
        words = dict(line.split("=", 1) for line in answer.splitlines() if "=" in line)
        return self.hub.find(words.get("password")) is not None

    def wake(self) -> None:
        """Let init look at the clock now, and not half a minute later: no child has ended."""
        os.kill(self.pid, signal.SIGCHLD)

    def rest(self) -> None:
        """Wait until init runs no job."""
        wait_until(lambda: not any(job["running"] for job in self.read_jobs().values()),
                   "the end of all jobs")  # fmt: skip

    def count_runs(self, job: str) -> int:
        """Return how often init has started it."""
        return int(self.read_jobs()[job]["runs"])

    def read_jobs(self) -> dict[str, dict[str, Any]]:
        jobs: dict[str, dict[str, Any]] = self.box.state()["jobs"]
        return jobs


@pytest.mark.soak
def test_no_minute_without_a_valid_token(
    start: Start, folder: Path, hub: UnsteadyGitHub, clock: SleepingClock, soak_seconds: float
) -> None:
    stdin, shell = os.pipe()
    words = (*PYTHON, "-m", "agent", "run", "--", "sh", "-c", SHELL, "sh", str(folder))
    box = start(*words, environment=prepare(folder, hub, clock), stdin=stdin)
    os.close(stdin)
    hours, nights = LONG if soak_seconds > 60 else SHORT
    life = Life(box, hub, clock, shell)
    wait_until(life.read_token, "the first token")
    began = clock.uptime()
    life.live(hours, nights)
    rounds, calls = map(life.count_runs, ("refresh", "broker"))
    os.close(shell)
    assert life.bad_minutes == []
    assert life.waits == [], "renewed ahead of time"
    assert clock.uptime() - began >= hours * HOUR + nights * NIGHT
    assert rounds >= hours * 12, "a round at least every five minutes"
    assert calls >= nights > 0, "git waited for its token after each night"
    assert hub.failed >= len(hub.requests) * SHARE / 2, "the faults came"
    assert "took too long" not in box.err
    assert box.wait() == 0
