"""Whoever asks for JSON gets JSON, also when a verb refuses; people get a line each on stderr."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

VERBS = (
    "status", "plan", "refresh", "backup list", "backup verify", "backup prune", "backup key list",
    "backup key add", "backup create", "backup undo", "backup restore",
)  # fmt: skip


@pytest.mark.parametrize("verb", VERBS)
def test_a_refusal_is_one_document_and_a_line_for_each_problem(verb: str, tmp_path: Path) -> None:
    environ = {
        "HOME": str(tmp_path), "PATH": os.environ["PATH"], "DEV8_SSH_PORT": "no number",
        "DEV8_RUNTIME_DIR": str(tmp_path / "run"),
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-I", "-m", "agent", *verb.split(), "--json"], env=environ, check=False,
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode != 0, done.stdout
    problems = json.loads(done.stdout)["problems"]
    assert problems
    lines = [f"devcopilot: {row['message']}" for row in problems]
    assert [line.partition(" (")[0] for line in done.stderr.splitlines()] == [
        line.partition(" (")[0] for line in lines
    ]
