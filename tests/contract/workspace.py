"""A workspace whose settings are stored, for tests of verbs that run after `configure`."""

import os
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import yaml

from agent.github import changes, published
from agent.github.record import Record
from agent.github.renewal import Outcome
from agent.machine.errors import Problem
from agent.machine.light import runtime
from agent.machine.light.clock import Clock
from agent.machine.planning.ledger import Ledger
from agent.machine.planning.plan import apply, plan
from agent.machine.planning.resources import Resource
from agent.machine.system import System
from agent.settings import context, stored
from agent.settings.context import Context
from agent.workspace.refresh import refresh
from tests.fakes.github import FakeGitHub
from tests.worlds.clocks import DrivenClock

ROOT = Path(__file__).parent.parent.parent


class HubWorkspace:
    """A configured workspace whose token lies in a file."""

    def __init__(self, root: Path, hub: FakeGitHub, **variables: str) -> None:
        self.file = root / "token"
        self.hub = hub
        self.clock = DrivenClock()
        hub.clock = self.clock.now
        (root / "home").mkdir(exist_ok=True)
        environ = {
            "HOME": str(root / "home"),
            "PATH": os.environ["PATH"],
            "DEV8_RUNTIME_DIR": str(root / "runtime"),
            "DEV8_GITHUB_API_URL": hub.url,
            "WORKSPACE_DIR": str(root),
            "GITHUB_TOKEN_FILE": str(self.file),
            **variables,
        }
        runtime.make(str(root / "runtime"), os.getuid())
        self.host = environ.get("GH_HOST", "github.com")
        found = context.from_environ(environ)
        self.facts = replace(found.facts, clock=self.clock)
        self.context: Context = replace(found, facts=self.facts)
        self.apply(stored.resources(environ, self.facts))

    def apply(self, wanted: Iterable[Resource | Problem]) -> None:
        """Bring these resources about, without any problem."""
        planned = plan("test", wanted, self.facts, Ledger())
        assert planned.problems == ()
        assert apply(planned, System(self.facts.environ), Ledger()) == ()

    def put(self, token: str) -> None:
        """Replace the token file."""
        self.file.write_text(token + "\n")

    def refresh(self, offline: bool = False) -> Outcome:
        """Do a round; return the outcome of the one host that there is."""
        outcomes = self.refresh_all(offline)
        nothing = Record(self.host)
        (outcome,) = outcomes or [Outcome(nothing, nothing)]
        return outcome

    def refresh_all(self, offline: bool = False) -> list[Outcome]:
        """Do a round over all hosts, with a context of its own, as each process has."""
        return refresh(replace(self.context), offline=offline)

    def events(self, offline: bool = False) -> list[tuple[str, str]]:
        """Refresh and return what it would log."""
        return changes.take(self.refresh(offline), self.context)

    def verb(self, *words: str, log: bool = False) -> "subprocess.CompletedProcess[str]":
        """Run the verb as a process, which has the real clock; `log`: as init does."""
        self.hub.clock = Clock().now
        argv = [sys.executable, "-m", "agent", *(["--log"] if log else []), "refresh", *words]
        environ = dict(self.facts.environ)
        return subprocess.run(
            argv, cwd=ROOT, env=environ, capture_output=True, text=True, check=False, timeout=120
        )

    @property
    def token(self) -> str | None:
        token = published.read_token(self.facts, self.host)
        return token.value.reveal() if token else None

    @property
    def gh_token(self) -> str | None:
        hosts = self.facts.read(self.facts.home / ".config/gh" / "hosts.yml")
        return str(yaml.safe_load(hosts)[self.host]["oauth_token"]) if hosts else None

    def tokens(self) -> tuple[str | None, str | None]:
        """Return what git and what gh would use."""
        return self.token, self.gh_token

    @property
    def wish(self) -> float | None:
        """Take the wish for the next run, as init does."""
        path = self.facts.runtime / "jobs/refresh.next"
        if not path.exists():
            return None
        text = path.read_text()
        path.unlink()
        return float(text)
