"""Who was given a token, as the real git and the real gh ask for it."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.contract.desk import Desk
from tests.contract.workspace import ROOT
from tests.fakes.github import FakeGitHub
from tests.worlds.gh import find_gh

TOKEN = "ghp_first0123456789"
URL = "https://github.com/octo/demo.git"


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[FakeGitHub]:
    with FakeGitHub.in_folder(tmp_path) as hub:
        hub.add_token(TOKEN)
        hub.add_repository("octo/demo")
        yield hub


@pytest.fixture
def desk(tmp_path: Path, hub: FakeGitHub) -> Desk:
    desk = Desk(tmp_path, hub)
    desk.put(TOKEN)
    desk.refresh(offline=True)
    return desk


def agent(desk: Desk, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a verb in this workspace."""
    argv = (sys.executable, "-m", "agent", *words)
    return subprocess.run(argv, cwd=ROOT, env=desk.shell, capture_output=True, text=True,
                          check=True, timeout=120)  # fmt: skip


def read(desk: Desk, *words: str) -> list[dict[str, Any]]:
    return list(json.loads(agent(desk, "audit", "--json", *words).stdout))


def test_each_answer_to_git_names_the_repository_and_who_asked(desk: Desk) -> None:
    assert desk.git("clone", "-q", URL).returncode == 0
    assert desk.git("-C", "demo", "fetch").returncode == 0
    rows = read(desk)
    assert len(rows) >= 2
    for row in rows:
        assert (row["way"], row["hosts"], row["repository"]) == ("git", ["github.com"], "octo/demo")
        assert row["pid"] == os.getpid()
        assert "git-remote-http" in [caller["program"] for caller in row["through"]]
    assert TOKEN not in (desk.facts.runtime / "audit").read_text()


def test_a_password_in_a_url_is_not_on_record(desk: Desk) -> None:
    desk.git("ls-remote", "https://octo:hunter2hunter2@github.com/octo/demo.git")
    desk.git("ls-remote", "https://octo@github.com/octo/demo.git")
    assert "hunter2" not in (desk.facts.runtime / "audit").read_text()
    assert [row["repository"] for row in read(desk)] == ["octo/demo"]


def test_what_another_host_asks_for_is_not_on_record(desk: Desk) -> None:
    assert desk.git("ls-remote", "https://evil.example.com/octo/demo.git").returncode == 128
    assert read(desk) == []


def test_gh_and_our_own_verbs_are_on_record(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "front").mkdir()
    (tmp_path / "front/gh").symlink_to(ROOT / "agent/github/helpers/gh")
    desk.shell["PATH"] = f"{tmp_path}/front:{Path(find_gh()).parent}:{desk.shell['PATH']}"
    assert desk.run("gh", "auth", "token").stdout.strip() == TOKEN
    assert agent(desk, "token").stdout.strip() == TOKEN
    script = 'test "$GH_TOKEN" = "$1"'
    agent(desk, "exec", "--", "sh", "-c", script, "-", TOKEN)
    rows = read(desk, "--since", "1h", "--host", "github.com")
    assert [row["way"] for row in rows] == ["gh", "token", "exec"]
    assert {row["pid"] for row in rows} == {os.getpid()}
    table = agent(desk, "audit").stdout.splitlines()
    assert table[0].split() == ["TIME", "PROGRAM", "PID", "BY", "HOST", "REPOSITORY", "THROUGH"]
    assert len(table) == 4
    assert read(desk, "--host", "ghe.example.com") == []


def test_a_terminal_shows_no_escape_codes_of_strangers(desk: Desk) -> None:
    (desk.facts.runtime / "audit").write_bytes(b"1\tgit\tgithub.com\t2\t\ta\x1b[2Jb\tx\x07\n")
    table = agent(desk, "audit").stdout
    assert "\x1b" not in table
    assert r"a\x1b[2Jb" in table
