"""Days of a workspace in seconds: an App's tokens of an hour, and a GitHub that fails now and then.

Simulated are the clock, which the test drives, and init, whose part the test plays: it starts a
round when the one before wished it or the interval is over. The rounds themselves, the requests and
the published files are the real ones; so is what a program would do that waits for a token.
"""

import random
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from agent import published
from agent.renewal.fetch import MARGIN, Demand
from agent.verbs.renewals import make_renewals
from tests.contract.apps import APP, INSTALLATION, make_key, make_pem, make_public_pem
from tests.contract.workspace import Workspace
from tests.fakes.github import FakeGitHub, Fault

INTERVAL = 300.0
MINUTE = 60.0
FAULTS = (
    Fault(status=500, times=1),
    Fault(status=502, times=1),
    Fault(drop=True, times=1),
    Fault(status=403, headers={"Retry-After": "7"}, times=1),
    Fault(status=429, times=1),
    Fault(status=200, body=b"<html>sign in to the hotel</html>", times=1),
)
SHARE = 0.05
"""Of calls that meet a fault."""


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return make_key()


@pytest.fixture
def hub(key: rsa.RSAPrivateKey) -> Iterator[FakeGitHub]:
    with FakeGitHub() as hub:
        hub.add_app(app_id=APP, public_key_pem=make_public_pem(key), token_life=timedelta(hours=1))
        hub.add_installation(APP, INSTALLATION, "octo")
        hub.rate_limit = 10**6
        yield hub


class Life:
    """Plays init, and a person who uses git every minute."""

    def __init__(self, desk: Workspace, hub: FakeGitHub, seed: int) -> None:
        self.desk = desk
        self.hub = hub
        self.random = random.Random(seed)
        self.next_round = 0.0
        self.bad_minutes: list[float] = []
        self.rounds = 0

    def live(self, hours: float) -> None:
        """Live so long, minute by minute."""
        clock = self.desk.clock
        begin = clock.uptime()
        while clock.uptime() < begin + hours * 3600:
            if clock.uptime() >= self.next_round:
                self.do_round()
            if not self.has_valid_token():
                self.bad_minutes.append(clock.uptime() - begin)
            clock.go(seconds=min(MINUTE, max(1.0, self.next_round - clock.uptime())))

    def do_round(self) -> None:
        if self.random.random() < SHARE * 3:  # a round makes up to three calls
            self.hub.fail(self.random.choice(FAULTS))
        self.desk.refresh_all()
        self.rounds += 1
        self.next_round = self.desk.clock.uptime() + (self.desk.wish or INTERVAL)

    def has_valid_token(self) -> bool:
        """Do what git's helper does, and see whether GitHub takes what it would hand out."""
        token = published.read_token(self.desk.facts, self.desk.host)
        left = token.left(self.desk.clock) if token else None
        if token is None or (left is not None and left < MARGIN):
            renewal = make_renewals(self.desk.context)[self.desk.host]
            renewal.answer(Demand())
            token = renewal.read()
        return token is not None and self.hub.find(token.value.reveal()) is not None


@pytest.mark.soak
def test_no_minute_without_a_valid_token(
    tmp_path: Path, hub: FakeGitHub, key: rsa.RSAPrivateKey, soak_seconds: float
) -> None:
    (tmp_path / "app.pem").write_text(make_pem(key))
    desk = Workspace(tmp_path, hub, GITHUB_TOKEN_FILE="", GITHUB_APP_ID=str(APP),
                     GITHUB_APP_PRIVATE_KEY_FILE=str(tmp_path / "app.pem"))  # fmt: skip
    assert desk.refresh_all()[0].after.problems == {}
    life = Life(desk, hub, seed=2026)
    life.live(100 if soak_seconds > 60 else 12)
    assert life.bad_minutes == []
    assert life.rounds > 100
    refused = [each for each in hub.requests if each.status not in (200, 201)]
    assert len(refused) > life.rounds * SHARE / 2, "the faults came"
