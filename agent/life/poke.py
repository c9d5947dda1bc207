"""The word that has init look again for what is due. It is light: `configure` loads it."""

from pathlib import Path

from agent.life.record import FOLDER
from agent.machine import runtime
from agent.machine.system import Facts

JOB = "setup"
"""The job that carries units out."""
POKE = "poke"
"""In the folder of units: a change of it starts the job again."""


def find_poke(facts: Facts) -> Path:
    """Return the file whose change starts the job."""
    return facts.runtime / FOLDER / POKE


def poke(facts: Facts) -> None:
    """Have init look for what is due, within a few seconds. Raises OSError."""
    path = find_poke(facts)
    path.parent.mkdir(0o700, exist_ok=True)
    runtime.write_atomic(str(path), b"")
