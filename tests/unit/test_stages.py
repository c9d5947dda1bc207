"""How `configure` goes through its stages."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import CompletedProcess

from agent.machine.errors import Problem
from agent.machine.planning.resources import Resource
from agent.settings.context import Context
from agent.settings.everything import Settings
from agent.workspace.configure import Stage, carry_out
from tests.worlds.machine import make_facts


def ask_ahead(current: Context) -> Callable[[], "CompletedProcess[bytes]"]:
    """Start a program that ends once somebody has written into the pipe."""
    return current.facts.start(("head", "-n1", str(current.facts.home / "pipe")))


def answer(current: Context) -> Iterator[Resource | Problem]:
    (current.facts.home / "pipe").write_text("answered\n")  # waits for a reader
    yield from ()


def read_answer(current: Context) -> Iterator[Resource | Problem]:
    yield Problem(current.once(ask_ahead)().stdout.decode().strip())


def test_a_program_that_a_stage_waits_for_runs_beside_the_stages_before(tmp_path: Path) -> None:
    current = Context({}, Settings.from_environ({}), make_facts(tmp_path))
    os.mkfifo(current.facts.home / "pipe")
    stages = (
        Stage("first", answer),
        Stage("second", read_answer, begin=lambda now: now.once(ask_ahead)),
    )
    outcome = carry_out(current, iter(stages))
    assert [(stage, problem.message) for stage, problem in outcome.problems] == [
        ("second", "answered")
    ]


def test_what_cannot_be_started_ahead_is_asked_in_its_stage(tmp_path: Path) -> None:
    current = Context({}, Settings.from_environ({}), make_facts(tmp_path))

    def fail(_: Context) -> None:
        raise OSError(11, "no process can be made")

    stages = [Stage("only", lambda _: [Problem("asked")], begin=fail)]
    outcome = carry_out(current, stages)
    assert [problem.message for _, problem in outcome.problems] == ["asked"]
