"""A small machine for planners: a home, a runtime and a state folder below one temporary folder."""

import os
from collections.abc import Callable, Iterable
from pathlib import Path

from agent.machine.errors import Problem
from agent.machine.light import runtime
from agent.machine.planning.ledger import Ledger
from agent.machine.planning.plan import apply, plan
from agent.machine.planning.resources import Resource
from agent.machine.system import Facts, System
from agent.settings.context import Context
from agent.settings.everything import Settings

Planner = Callable[[Context], Iterable[Resource | Problem]]


def make_facts(root: Path, **environ: str) -> Facts:
    """Make the folders and return the facts."""
    home, folder = root / "home", root / "runtime"
    home.mkdir(exist_ok=True)
    runtime.make(str(folder), os.getuid())
    clean = {"PATH": os.environ["PATH"], "HOME": str(home), **environ}
    state = home / ".local/state/devcopilot"
    return Facts(home, os.getuid(), folder, state, clean)


class Machine:
    """Runs one planner as `configure` does, with the ledger kept from run to run."""

    def __init__(self, root: Path, planner: Planner, **environ: str) -> None:
        self.facts = make_facts(root, **environ)
        self.ledger = Ledger()
        self._planner = planner

    def configure(self, **variables: str) -> list[str]:
        """Apply what these variables ask for; return the problems. A second run must be silent."""
        problems = self._run(variables)[1]
        changes, again = self._run(variables)
        assert changes == [], "the second run changed something"
        assert again == problems
        return problems

    def _run(self, variables: dict[str, str]) -> tuple[list[str], list[str]]:
        wanted = self._planner(Context(variables, Settings.from_environ(variables), self.facts))
        planned = plan("step", wanted, self.facts, self.ledger)
        failed = apply(planned, System(self.facts.environ), self.ledger)
        changes = [action.describe() for action in planned.actions]
        return changes, [str(problem) for problem in (*planned.problems, *failed)]

    def read(self, path: str) -> str | None:
        """Return a file below the home, or None."""
        file = self.facts.home / path
        return file.read_text() if file.exists() else None

    def mode(self, path: str) -> int:
        """Return the permission bits of what is below the home."""
        return (self.facts.home / path).stat().st_mode & 0o7777
