"""The user's commands before and after a backup."""

import os
import time
from pathlib import Path

import pytest

from agent.backup import hooks
from agent.errors import Problem
from tests.waiting import wait_until

PATH = {"PATH": os.environ["PATH"]}


def run(folder: Path, script: str, seconds: float = 10.0) -> Problem | None:
    return hooks.run("DEV8_BACKUP_PRE", ["sh", "-c", script], PATH, folder, seconds)


def test_one_that_works_runs_in_the_workspace(tmp_path: Path) -> None:
    assert run(tmp_path, "echo dump >dump") is None
    assert (tmp_path / "dump").read_text() == "dump\n"


def test_its_last_line_tells_why_it_failed(tmp_path: Path) -> None:
    problem = run(tmp_path, "echo begun; echo no such database >&2; echo; exit 4")
    assert str(problem) == "DEV8_BACKUP_PRE failed with code 4: no such database"


def test_one_that_is_missing_is_named(tmp_path: Path) -> None:
    problem = hooks.run("DEV8_BACKUP_PRE", ["/no/such"], PATH, tmp_path, 5)
    assert problem
    assert "No such file" in problem.message


def test_it_is_ended_whole_when_its_time_is_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hooks, "PATIENCE", 0.2)
    began = time.monotonic()
    problem = run(tmp_path, "trap '' TERM; sleep 1000 & echo $! >pid; wait; wait; sleep 999", 0.3)
    assert problem
    assert "DEV8_BACKUP_HOOK_TIMEOUT" in problem.hint
    assert time.monotonic() - began < 30
    child = Path("/proc", (tmp_path / "pid").read_text().strip())
    wait_until(lambda: not child.exists() or "Z" in (child / "stat").read_text(), "its child's end")


def test_it_reads_nothing_and_gets_no_more_than_the_clean_environment(tmp_path: Path) -> None:
    os.environ["LEAKED"] = "secret"
    try:
        assert run(tmp_path, '! read -r line && [ -z "$LEAKED" ]') is None
    finally:
        del os.environ["LEAKED"]
