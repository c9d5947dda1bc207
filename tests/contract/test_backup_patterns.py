"""What our own reading of patterns leaves out, the real restic leaves out, too."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from agent.backup.create.content import ToolFiles, find_content
from agent.backup.create.survey import survey
from agent.machine.formats.globs import anchor, compile_patterns
from tests.worlds.needs import need
from tests.worlds.quick_key import place_repository

RESTIC = shutil.which("restic")
WISHES = (
    "!keep", "!a/keep.db", "[", "[!a]b", "[\\]]", "[]", "[^a]*", "[a-]", "[z-a]", "\\!odd",
    "$HOME", "**/*.db", "*", "*.db", "?", "a", "a/**/keep.db", "a/*", "a//b/", "a\\", "odd \\[x\\]",
)  # fmt: skip
FILES = (
    "a/keep.db", "a/b/c.db", "a/b/keep.db", "!odd", "$HOME", "]", "ab", "!b", "odd [x]/f", "keep/x",
    "top.db", "\n", "ä",
)  # fmt: skip


def run(repository: Path, *words: str) -> "subprocess.CompletedProcess[bytes]":
    environment = {**os.environ, "RESTIC_PASSWORD": "x", "RESTIC_REPOSITORY": str(repository)}
    assert RESTIC
    return subprocess.run(
        [RESTIC, "--no-cache", "--json", *words], env=environment, check=False, capture_output=True,
        timeout=120,
    )  # fmt: skip


def back_up(repository: Path, workspace: Path, *excludes: str) -> set[str] | None:
    """Return the files that restic takes with these patterns; None: it refuses one."""
    words = [word for pattern in excludes for word in ("--exclude", pattern)]
    if run(repository, "backup", "--exclude-caches", *words, str(workspace)).returncode:
        return None
    lines = run(repository, "ls", "latest").stdout.splitlines()[1:]
    nodes = [json.loads(line) for line in lines]
    return {node["path"] for node in nodes if node["type"] == "file"}


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    need(RESTIC, "needs restic 0.18")
    (tmp_path / "password").write_text("x")
    place_repository(tmp_path / "repository", tmp_path / "password")
    folder = tmp_path / "w [s]"
    for name in FILES:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


def test_each_pattern_means_the_same_to_restic(tmp_path: Path, workspace: Path) -> None:
    every = {str(workspace / name) for name in FILES}
    for wish in WISHES:
        try:
            patterns = [anchor("a/b", workspace), anchor(wish, workspace)]
        except ValueError:
            raw = f"{workspace}/{wish}".replace("[s]", "\\[s\\]")
            assert back_up(tmp_path / "repository", workspace, raw) is None, wish
            continue
        excluded = compile_patterns(patterns)
        expected = {path for path in every if not excluded(path)}
        assert back_up(tmp_path / "repository", workspace, *patterns) == expected, wish


def test_the_walk_finds_the_databases_that_restic_takes(tmp_path: Path, workspace: Path) -> None:
    for name in ("cache/x.db", "left/out.db", "state/own.db"):
        (workspace / name).parent.mkdir()
        (workspace / name).touch()
    (workspace / "cache/CACHEDIR.TAG").write_text("Signature: 8a477f597d28d172789f06886806bc55\n")
    content = find_content(
        workspace,
        tmp_path,
        wishes=["left", "*.db", "!top.db"],
        own=[workspace / "state"],
        tools=ToolFiles(),
    )
    taken = back_up(tmp_path / "repository", workspace, *content.excludes)
    assert taken
    databases = {str(path) for path in survey(content).databases}
    assert databases == {path for path in taken if path.endswith(".db")}
    assert f"{workspace}/top.db" in databases
