"""`devcopilot metrics` and /metrics of a workspace, as Prometheus' own parsers read them."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.machine.light import runtime
from agent.observe.metrics import surface
from agent.observe.metrics.all import FAMILIES
from agent.observe.metrics.exposition import OPENMETRICS, TEXT
from agent.observe.serve.surface import NotFoundError, Request
from agent.services import registered
from tests.contract.workspace import ROOT, HubWorkspace
from tests.fakes.github import FakeGitHub
from tests.worlds.scrapes import find_names

TOKEN = "ghp_first0123456789"
STATE = {
    "version": 2, "pid": os.getpid(), "phase": "ready", "started": "2026-12-01T12:00:00Z",
    "ready_seconds": 0.7, "stopping_because": None, "cmd": False, "restarts": {"a": 1},
    "jobs": {"refresh": {"running": False, "runs": 3, "last_exit": 0,
                         "last_started": "2026-12-01T12:00:00Z", "next_at": None}},
}  # fmt: skip


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[HubWorkspace]:
    with FakeGitHub() as hub:
        hub.add_token(TOKEN)
        workspace = HubWorkspace(tmp_path, hub)
        workspace.put(TOKEN)
        workspace.refresh()
        registered.ROSTER.write(workspace.facts, registered.Roster(()))
        (workspace.facts.runtime / runtime.STATE).write_text(json.dumps(STATE))
        yield workspace


def run(workspace: HubWorkspace, *words: str | Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "agent", "metrics", *words], cwd=ROOT, check=False, timeout=120,
        env=dict(workspace.facts.environ), capture_output=True, text=True,
    )  # fmt: skip


def test_both_formats_are_read_and_hold_no_secret(workspace: HubWorkspace) -> None:
    text, openmetrics = run(workspace), run(workspace, "--openmetrics")
    assert (text.returncode, openmetrics.returncode) == (0, 0), text.stderr + openmetrics.stderr
    names = find_names(text.stdout)
    assert names == find_names(openmetrics.stdout, openmetrics=True)
    assert "devcopilot_github_token_ok" in names
    assert names <= {family.name for family in FAMILIES}
    assert TOKEN not in text.stdout


def test_a_file_is_replaced_whole_and_everybody_may_read_it(
    workspace: HubWorkspace, tmp_path: Path
) -> None:
    path = tmp_path / "out" / "workspace.prom"
    for _ in range(2):
        done = run(workspace, "--out", path)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        assert path.stat().st_mode & 0o777 == 0o644
        assert find_names(path.read_text())
        assert list(path.parent.iterdir()) == [path], "nothing else is left there"


@pytest.mark.parametrize("kind", ["folder", "fifo", "below a file"])
def test_what_is_no_file_is_left_alone(workspace: HubWorkspace, tmp_path: Path, kind: str) -> None:
    path = tmp_path / "x.prom"
    if kind == "folder":
        path.mkdir()
    elif kind == "fifo":
        os.mkfifo(path)
    else:
        path.write_text("mine")
        path = path / "y.prom"
    done = run(workspace, "--out", path)
    assert done.returncode == 1
    assert done.stderr.startswith(f"devcopilot: cannot write {path}: ")
    assert len(done.stderr.splitlines()) == 1


def test_without_a_running_agent_there_is_one_line(workspace: HubWorkspace) -> None:
    (workspace.facts.runtime / runtime.STATE).unlink()
    done = run(workspace)
    assert (done.returncode, done.stdout) == (1, "")
    assert "the agent is not running here" in done.stderr


def test_who_asks_over_http_chooses_the_format(workspace: HubWorkspace) -> None:
    plain = surface.answer(Request("/metrics"), workspace.context)
    accept = {"accept": "application/openmetrics-text; version=1.0.0"}
    new = surface.answer(Request("/metrics", headers=accept), workspace.context)
    assert (plain.content_type, new.content_type) == (TEXT, OPENMETRICS)
    assert find_names(plain.body.decode()) == find_names(new.body.decode(), openmetrics=True)
    with pytest.raises(NotFoundError):
        surface.answer(Request("/"), workspace.context)
