"""A configured workspace with a local target and one backup, and the agent's commands in it."""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from agent.machine.light import runtime
from tests.contract.homes import Workspace
from tests.contract.vault import need_restic
from tests.worlds.copies import run_verb
from tests.worlds.programs import Awaited
from tests.worlds.quick_key import find_password, place_repository


@contextmanager
def open_box(folder: Path, **variables: str) -> Iterator[Workspace]:
    """Yield the workspace; an init of it lives meanwhile."""
    need_restic()
    made = Workspace(folder, {
        "PATH": os.environ["PATH"],
        "BACKUP_DIR": str(folder / "backups"),
        "DEV8_SSH": "false",
        "DEV8_CODE_SERVER": "false",
        **variables,
    }).prepare()  # fmt: skip
    made.configure()
    place_repository(made.folder / "backups/workspace", find_password(made.home))
    (folder / "workspace/a").write_bytes(os.urandom(100_000))
    with Awaited[bytes](["sleep", "1000"]) as alive:
        try:
            state = {
                "version": 2, "pid": alive.pid, "phase": "ready", "jobs": {}, "cmd": False,
                "started": "2026-12-01T12:00:00Z", "ready_seconds": 1.0, "stopping_because": None,
            }  # fmt: skip
            (made.runtime / runtime.STATE).write_text(json.dumps(state))
            call(made, "backup", "create")
            yield made
        finally:
            alive.kill()


def call(box: Workspace, *words: str, code: int = 0) -> "subprocess.CompletedProcess[str]":
    """Run a verb of the agent, which must end with this code."""
    done = run_verb(words, box.environ)
    assert done.returncode == code, done.stdout + done.stderr
    return done


def read(box: Workspace, *words: str, code: int = 0) -> Any:
    """Run a command, and return its JSON."""
    return json.loads(call(box, *words, "--json", code=code).stdout)
