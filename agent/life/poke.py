"""What has init look again for what is due. It is light: `configure` loads it."""

from collections.abc import Iterator
from pathlib import Path

from agent.github import gh
from agent.github.hosts import find_accounts
from agent.github.published import token_path
from agent.life.record import FOLDER
from agent.machine import runtime
from agent.machine.system import Facts
from agent.settings.context import Context

JOB = "setup"
"""The job that carries units out."""
POKE = "poke"
"""In the folder of units: a change of it starts the job again."""


def find_poke(facts: Facts) -> Path:
    """Return the file whose change starts the job."""
    return facts.runtime / FOLDER / POKE


def find_watched(context: Context) -> Iterator[Path]:
    """Yield the files whose change may let a unit go on: the poke, tokens, and the logins of gh."""
    yield find_poke(context.facts)
    if logins := gh.find_file(context.facts):
        yield logins
    for account in context.once(find_accounts).known:
        yield token_path(context.facts, account.host)


def poke(facts: Facts) -> None:
    """Have init look for what is due, within a few seconds. Raises OSError."""
    path = find_poke(facts)
    path.parent.mkdir(0o700, exist_ok=True)
    runtime.write_atomic(str(path), b"")
