"""GitHub fails at every step, and whoever renews a token is ended meanwhile: none is lost.

Nobody is handed a token that is known to be over, and as soon as GitHub answers again git has one
that works.
"""

import os
import random
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from agent.github import published
from agent.machine.light.clock import Clock
from tests.contract.apps import APP, INSTALLATION, make_key, make_pem, make_public_pem
from tests.contract.broker_desk import QUESTION, BrokerDesk
from tests.contract.workspace import ROOT
from tests.fakes.github import FakeGitHub, Fault
from tests.faults.tally import Tally
from tests.worlds.waiting import wait_until

SECRET = "client-secret-0123"
STEPS = ("", "/app", "/login/oauth/access_token", "/user", "/installation", "/rate_limit")
"""Paths that are asked on the way to a token, and to what is known of it; empty: any."""
FAULTS: dict[str, Callable[[str], Fault]] = {
    "nothing": lambda path: Fault(path=path, times=0),
    "500": lambda path: Fault(path=path, status=500),
    "503 with a pause": lambda path: Fault(path=path, status=503, headers={"Retry-After": "1"}),
    "404": lambda path: Fault(path=path, status=404),
    "no answer": lambda path: Fault(path=path, drop=True),
    "slow": lambda path: Fault(path=path, delay=0.4),
    "a page for people": lambda path: Fault(
        path=path, status=200, headers={"Content-Type": "text/html"}, body=b"<html>Sign in</html>"
    ),
    "nothing in it": lambda path: Fault(path=path, status=200, body=b"{}"),
    "no JSON": lambda path: Fault(path=path, status=200, body=b'{"token": "ghs_'),
}
CUT: dict[str, Callable[[str], Fault]] = {"half an answer": lambda path: Fault(path=path, cut=True)}
"""What was made is lost on the way: harmless where another can be made."""
RENEWALS = (("refresh",), ("token",), ("exec", "--", "true"))
"""What renews a token, besides git's helper and the broker behind it."""


class Round:
    """A token that is over, a fault, and people who want one."""

    def __init__(self, desk: BrokerDesk, chance: random.Random, number: int) -> None:
        self.desk = desk
        self.random = chance
        self.number = number
        """Of the signal that ends whoever renews."""
        self.dead: set[str] = set()

    def end_token(self) -> None:
        """Let the published token be over, as it is known to be."""
        token, path = self.desk.published, published.token_path(self.desk.facts, self.desk.host)
        rows = path.read_text().split("\n")
        rows[1] = f"{int(Clock().uptime())}"
        self.desk.hub.revoke(token.value.reveal())
        path.write_text("\n".join(rows))
        self.dead.add(token.value.reveal())

    def ask(self) -> str:
        """Return what is wrong with what git gets now; a message in place of a token is fine."""
        done = self.desk.helper("get", QUESTION)
        words = dict(row.partition("=")[::2] for row in done.stdout.splitlines())
        if "password" in words:
            return self.judge(words["password"])
        return "" if words == {"quit": "1"} and done.stderr else f"no answer: {done}"

    def judge(self, token: str) -> str:
        if token in self.dead:
            return "git got a token that was over"
        return "" if self.desk.hub.find(token) else "git got a token that GitHub does not know"

    def disturb(self) -> str:
        """Renew it, ask for it, and end who is at it, at a random moment; return what is wrong."""
        words = self.random.choice(RENEWALS)
        environ = {**self.desk.facts.environ, "PYTHONPATH": str(ROOT)}
        process = subprocess.Popen(
            [sys.executable, "-m", "agent", *words], cwd=ROOT, env=environ,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        failure = ""
        if self.random.random() < 0.5:
            failure = self.ask()
        else:
            with suppress(TimeoutError):
                wait_until(lambda: process.poll() is not None, "", self.random.random())
        for pid in {process.pid, self.desk.find_broker() or process.pid}:
            with suppress(ProcessLookupError):
                os.kill(pid, self.number)
        process.wait(60)
        return failure

    def play(self, fault: Fault) -> str:
        """Return what was wrong."""
        self.end_token()
        if fault.times != 0:
            self.desk.hub.fail(fault)
        failure = self.disturb() or self.ask()
        self.desk.hub.heal()
        try:
            wait_until(self.has_token, "a token that works", 30)
        except TimeoutError as error:
            failure += f"; {error}: {self.desk.helper('get', QUESTION)}"
        return failure

    def has_token(self) -> bool:
        """Tell whether git gets one now, and the same lies there for gh."""
        found = self.desk.get_password()
        return found is not None and self.judge(found) == "" and self.desk.token == found


@contextmanager
def keeping(folder: Path, source: str) -> Iterator[BrokerDesk]:
    """Make a workspace whose token comes from this source, and an init that has the broker."""
    key = make_key()
    with FakeGitHub() as hub:
        hub.add_app(app_id=APP, public_key_pem=make_public_pem(key), client_id="Iv1.test",
                    client_secret=SECRET)  # fmt: skip
        hub.add_installation(APP, INSTALLATION, "octo", repositories=["demo"])
        variables = {"GITHUB_TOKEN_FILE": "", "GITHUB_APP_ID": str(APP)}
        if source == "app":
            (folder / "app.pem").write_text(make_pem(key))
            variables |= {"GITHUB_APP_PRIVATE_KEY_FILE": str(folder / "app.pem")}
        else:
            variables = {"GITHUB_TOKEN_FILE": "", "GITHUB_APP_CLIENT_ID": "Iv1.test",
                         "GITHUB_APP_CLIENT_SECRET": SECRET,
                         "GITHUB_REFRESH_TOKEN": hub.add_user_pair("octo")[1]}  # fmt: skip
        desk = BrokerDesk(folder, hub, **variables)
        desk.refresh_all()
        with desk.init():
            yield desk


@pytest.mark.parametrize("source", ["app", "refresh token"])
def test_no_token_is_lost(tmp_path: Path, tally: Callable[[int], Tally], source: str) -> None:
    """KILL for an App; TERM where a refresh token works only once: one in flight cannot be kept."""
    count, chance, seen = tally(200), random.Random(11), Counter[str]()
    faults = {**FAULTS, **(CUT if source == "app" else {})}
    number = signal.SIGKILL if source == "app" else signal.SIGTERM
    with keeping(tmp_path, source) as desk:
        for _ in count.tries():
            name, path = chance.choice([*faults]), chance.choice(STEPS)
            failure = Round(desk, chance, number).play(faults[name](path))
            seen[name] += 1
            count.count(f"{name} at {path or 'any step'}: {failure}" if failure else "")
        assert "Traceback" not in desk.log.read_text()
    print(*(f"{times:5} {name}" for name, times in sorted(seen.items())), sep="\n")
    count.check()
