"""The user's commands before and after a backup."""

import os
import time
from functools import partial
from pathlib import Path

import pytest

from agent.machine.errors import Problem
from agent.machine.programs import user_commands
from tests.worlds.programs import has_ended
from tests.worlds.waiting import wait_until

PATH = {"PATH": os.environ["PATH"]}
LONG = 1000.0


def run(folder: Path, script: str, seconds: float = LONG) -> Problem | None:
    return user_commands.run("DEV8_BACKUP_PRE", ["sh", "-c", script], PATH, folder, seconds)


def read_pid(folder: Path) -> int:
    return int((folder / "pid").read_text())


def test_one_that_works_runs_in_the_folder(tmp_path: Path) -> None:
    assert run(tmp_path, "echo dump >dump") is None
    assert (tmp_path / "dump").read_text() == "dump\n"


def test_its_last_line_tells_why_it_failed(tmp_path: Path) -> None:
    problem = run(tmp_path, "echo begun; echo no such database >&2; echo; exit 4")
    assert str(problem) == "DEV8_BACKUP_PRE failed with code 4: no such database"


def test_one_that_was_killed_is_named_so(tmp_path: Path) -> None:
    problem = run(tmp_path, "kill -SEGV $$")
    assert str(problem) == "DEV8_BACKUP_PRE failed with signal SIGSEGV: it printed nothing"


def test_much_that_it_says_is_read_and_not_kept(tmp_path: Path) -> None:
    problem = run(tmp_path, "yes | head -c 3000000; echo; printf 'the \\377 end'; exit 1")
    assert problem
    assert problem.message.endswith("code 1: the \ufffd end")


@pytest.mark.parametrize("argv", [["/no/such"], ["/etc/passwd"]])
def test_one_that_cannot_be_run_is_named(tmp_path: Path, argv: list[str]) -> None:
    problem = user_commands.run("DEV8_BACKUP_PRE", argv, PATH, tmp_path, 5)
    assert problem
    assert problem.message.startswith("cannot run DEV8_BACKUP_PRE: ")
    assert argv[0] in problem.hint


def test_a_folder_that_is_missing_is_named(tmp_path: Path) -> None:
    problem = run(tmp_path / "gone", "true")
    assert problem
    assert str(tmp_path / "gone") in problem.hint


def test_at_the_deadline_the_whole_group_gets_term(tmp_path: Path) -> None:
    script = (
        "(trap 'echo child >child; exit' TERM; echo >ready; while :; do sleep 0.01; done) & wait"
    )
    began = time.monotonic()
    problem = run(tmp_path, f"trap 'wait' TERM; {script}; wait", 3.0)
    assert str(problem) == "DEV8_BACKUP_PRE was ended: it took longer than 3 s"
    assert time.monotonic() - began >= 3.0
    wait_until((tmp_path / "child").exists, "the child's last word")


def test_what_does_not_mind_term_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(user_commands, "PATIENCE", 0.2)
    script = "trap '' TERM; sleep 1000 & echo $! >pid; while :; do wait; done"
    began = time.monotonic()
    assert run(tmp_path, script, 3.0)
    assert time.monotonic() - began < 60
    wait_until(partial(has_ended, read_pid(tmp_path)), "the child's end")


def test_what_it_leaves_running_holds_nobody_up(tmp_path: Path) -> None:
    began = time.monotonic()
    assert run(tmp_path, "sleep 1000 & echo $! >pid") is None
    assert time.monotonic() - began < 60
    ended = partial(has_ended, read_pid(tmp_path))
    assert not ended()
    os.kill(int((tmp_path / "pid").read_text()), 9)
    wait_until(ended, "its end")


def test_one_that_closes_its_output_is_waited_for(tmp_path: Path) -> None:
    assert run(tmp_path, "exec >&- 2>&-; sleep 0.2; touch done") is None
    assert (tmp_path / "done").exists()


def test_an_exception_ends_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*_: object) -> bytes:
        wait_until((tmp_path / "pid").exists, "its begin")
        raise SystemExit

    monkeypatch.setattr(user_commands, "listen", stop)
    with pytest.raises(SystemExit):
        run(tmp_path, "echo $$ >pid.new; mv pid.new pid; exec sleep 1000")
    assert has_ended(read_pid(tmp_path))


def test_it_reads_nothing_and_gets_no_more_than_the_environment_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEAKED", "secret")
    assert run(tmp_path, '! read -r line && [ -z "$LEAKED" ]') is None
