"""The smallest values: secrets, problems, exit codes."""

import pickle
from pathlib import Path

from agent.machine.errors import AgentError, Problem
from agent.machine.light.exits import SIGNAL_BASE, Exit
from agent.machine.secret import Secret, SecretInput


def test_a_secret_does_not_show_itself() -> None:
    value = Secret("hunter2-hunter2")
    given = SecretInput("X", value=value, file=Path("/x"))
    for shown in (str(value), repr(value), f"{value}", f"{value!r}", repr(given), repr([value])):
        assert "hunter2" not in shown
    assert value.reveal() == "hunter2-hunter2"


def test_secrets_are_equal_by_value() -> None:
    assert Secret("a") == Secret("a")
    assert Secret("a") != Secret("b")
    assert pickle.loads(pickle.dumps(Secret("a"))) == Secret("a")


def test_a_problem_is_one_line_with_its_hint() -> None:
    assert str(Problem("cannot x y: z")) == "cannot x y: z"
    assert str(Problem("cannot x y: z", "set Y")) == "cannot x y: z (set Y)"


def test_an_error_keeps_its_problems_and_code() -> None:
    error = AgentError(Problem("a"), Problem("b"), exit_code=Exit.USAGE)
    assert [problem.message for problem in error.problems] == ["a", "b"]
    assert error.exit_code == 2
    assert AgentError(Problem("a")).exit_code == 1


def test_exit_codes_are_documented_and_distinct() -> None:
    assert [int(code) for code in Exit] == [0, 1, 2, 70, 71, 72, 124, 126, 127]
    assert all(code.doc.strip() for code in Exit)
    assert all(code < SIGNAL_BASE for code in Exit)
