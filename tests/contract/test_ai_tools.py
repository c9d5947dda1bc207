"""The real tools take the keys from the files that the step writes.

The images do not bring these tools yet, so a machine without them is no failure, not even in CI.
"""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.contract.homes import SECRETS, Workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    names = ("ANTHROPIC_API_KEY", "OPENAI_API_KEY", "GEMINI_API_KEY")
    workspace = Workspace(tmp_path, {name: SECRETS[name] for name in names}).prepare()
    workspace.configure()
    return workspace


def run_tool(workspace: Workspace, *argv: str) -> "subprocess.CompletedProcess[str]":
    """Run a tool as a shell in the workspace would, with an environment without keys."""
    program = shutil.which(argv[0])
    if program is None:
        pytest.skip(f"{argv[0]} is not installed")
    environ = {
        "HOME": str(workspace.home),
        "PATH": os.environ["PATH"],
        "GEMINI_CLI_TRUST_WORKSPACE": "true",
    }
    return subprocess.run(
        [program, *argv[1:]], env=environ, cwd=workspace.folder / "workspace", check=False,
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120,
    )  # fmt: skip


def test_claude_takes_the_key_from_its_helper(workspace: Workspace) -> None:
    done = run_tool(workspace, "claude", "auth", "status")
    assert done.returncode == 0, done.stdout + done.stderr
    assert '"apiKeySource": "apiKeyHelper"' in done.stdout


def test_codex_is_signed_in(workspace: Workspace) -> None:
    done = run_tool(workspace, "codex", "login", "status")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "API key" in done.stdout + done.stderr


def test_no_tool_is_signed_in_without_its_variable(workspace: Workspace) -> None:
    workspace.with_variables({}).configure()
    assert run_tool(workspace, "claude", "auth", "status").returncode != 0
    assert run_tool(workspace, "codex", "login", "status").returncode != 0
    done = run_tool(workspace, "gemini", "--prompt", "hello")
    assert "GEMINI_API_KEY" in done.stdout + done.stderr
