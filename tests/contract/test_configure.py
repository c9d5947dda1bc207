"""What holds for `configure` as a whole, whatever its stages are."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agent.machine.errors import Problem
from agent.machine.light import runtime
from agent.machine.planning.resources import File, Resource
from agent.settings.context import Context
from agent.settings.step import Step
from agent.workspace import configure
from agent.workspace.all import STEPS
from tests.contract.homes import OPEN, PUBLIC_KEY, SECRETS, Workspace
from tests.worlds.waiting import DEADLINE, wait_until


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path, {**OPEN, **SECRETS}).prepare()


# The time may pass while Python frees memory; what is raised there is dropped, and raised again.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_what_does_not_answer_costs_its_stage_a_while_and_no_more(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pipe without a writer stands for a mount whose server is gone: each read waits for ever."""
    reader, writer = os.pipe()

    def wait_twice(context: Context) -> Iterator[Resource | Problem]:
        try:
            os.read(reader, 1)
        except OSError as error:
            yield Problem(str(error.strerror))
        yield File(context.facts.home / "between", b"")
        os.read(reader, 1)

    monkeypatch.setattr(configure, "STAGE_TIMEOUT", 0.2)
    kinds = (Step("slow", wait_twice), *STEPS)
    monkeypatch.setattr(configure, "STEPS", kinds)
    current = workspace.context()
    runtime.make(str(workspace.runtime), current.facts.uid)
    outcome = configure.carry_out(current, configure.stages(current))
    os.close(reader)
    os.close(writer)
    slow = [str(problem) for stage, problem in outcome.problems if stage == "slow"]
    assert slow == [
        "it took longer than 0.2 s",
        "cannot plan the step slow: it took longer than 0.2 s",
    ]
    assert (workspace.home / "between").exists()
    assert (workspace.runtime / runtime.BOOT).exists()


def test_configure_by_hand_waits_for_a_refresh(workspace: Workspace) -> None:
    """Both rewrite the token and gh's login: one after the other."""
    workspace.configure()
    lock = workspace.runtime / runtime.GH_LOCK
    with runtime.hold_lock(lock):
        process = subprocess.Popen(
            [sys.executable, "-I", "-m", "agent", "configure"],
            env=workspace.environ, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        wait_until(
            lambda: _waits_for_a_lock(process.pid) or process.poll() is not None,
            "waiting for the lock",
        )  # fmt: skip
        assert process.poll() is None, "it did not wait"
    process.communicate(timeout=DEADLINE)
    assert process.returncode == 0


def test_json_has_what_changed_and_what_is_wrong(workspace: Workspace) -> None:
    workspace.configure()
    argv = [sys.executable, "-I", "-m", "agent", "configure", "--json"]

    def run() -> dict[str, Any]:
        done = subprocess.run(
            argv, env=workspace.environ, capture_output=True, check=True, timeout=DEADLINE
        )
        document: dict[str, Any] = json.loads(done.stdout)
        return document

    assert (run()["schema"], run()["changes"]) == (1, [])
    (workspace.home / ".local/state/devcopilot/ssh/authorized_keys").unlink()
    (change,) = run()["changes"]
    assert change["step"] == "ssh"


def test_configure_by_hand_reads_the_file_of_login_keys_again(workspace: Workspace) -> None:
    file = workspace.folder / "keys"
    file.write_text(f"{PUBLIC_KEY}\n")
    later = workspace.with_variables({"SSH_AUTHORIZED_KEYS_FILE": str(file)})
    later.configure()
    kept = workspace.home / ".local/state/devcopilot/ssh/authorized_keys"
    assert kept.read_text() == f"{PUBLIC_KEY}\n"
    file.write_text(f"restrict {PUBLIC_KEY}\n")
    argv = [sys.executable, "-I", "-m", "agent", "configure"]
    subprocess.run(argv, env=later.environ, capture_output=True, check=True, timeout=DEADLINE)
    assert kept.read_text() == f"restrict {PUBLIC_KEY}\n"


def _waits_for_a_lock(pid: int) -> bool:
    """Tell whether the process stands in flock(2): `->` marks who waits (proc_locks(5))."""
    lines = Path("/proc/locks").read_text().splitlines()
    return any("->" in line and f" {pid} " in line for line in lines)
