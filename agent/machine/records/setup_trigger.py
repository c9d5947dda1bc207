"""Starts the job that carries out units: init watches a file, and a change of it starts the job."""

from pathlib import Path

from agent.machine.light import runtime
from agent.machine.records.unit_record import FOLDER
from agent.machine.system import Facts

JOB = "setup"
"""The job that carries units out."""
POKE = "poke"
"""In the folder of units: a change of it starts the job."""


def find_file(facts: Facts) -> Path:
    """Return the file whose change starts the job."""
    return facts.runtime / FOLDER / POKE


def trigger(facts: Facts) -> None:
    """Have init start the job within a few seconds. Raises OSError."""
    path = find_file(facts)
    path.parent.mkdir(0o700, exist_ok=True)
    runtime.write_atomic(str(path), b"")
