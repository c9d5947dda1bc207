"""`devcopilot backup verify`, `prune` and `key`, and what `status` and `health` tell of backups."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from agent.backup import record
from tests.contract.box import call, open_box, read
from tests.contract.homes import Workspace
from tests.contract.vault import flip


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Workspace]:
    with open_box(tmp_path) as made:
        yield made


def find_pack(box: Workspace) -> Path:
    packs = [path for path in (box.folder / "backups/workspace/data").rglob("*") if path.is_file()]
    return max(packs, key=lambda path: path.stat().st_size)


def test_a_check_tells_what_it_read(box: Workspace) -> None:
    text = call(box, "backup", "verify").stdout
    assert re.match(
        r"local: good: all data was read back, \d+ files were restored and \d+ of", text
    )
    (row,) = read(box, "backup", "verify", "--target", "local")
    assert (row["finding"], row["problem"], row["parts"]) == (None, None, 1)
    assert row["files_compared"] >= 1


def test_damage_is_told_everywhere_and_restarts_nothing(box: Workspace) -> None:
    assert call(box, "health").stdout == ""
    assert read(box, "health")["backups"]["local"]["red"] is False
    flip(find_pack(box))
    done = call(box, "backup", "verify", code=1)
    assert "repair packs" in done.stdout
    assert "repair packs" in call(box, "status").stdout
    health = call(box, "health")
    assert health.stdout.startswith("backup to local: the repository is damaged")
    assert call(box, "health", "--wait", "1").stdout == "", "at the start it may only be late"
    document = read(box, "health")
    assert document["healthy"] is True
    assert document["backups"]["local"]["red"] is True


def test_status_tells_the_last_good_backup(box: Workspace) -> None:
    (row,) = read(box, "status")["backups"]
    assert row["files"] >= 1
    assert row["problem"] == ""
    made = datetime.fromisoformat(row["seen"])
    assert 0 <= (datetime.now(UTC) - made).total_seconds() < 120
    line = r"^backup    local: (just now|\d min ago), \d+ files, [\d.]+ kB, next in \d"
    assert re.search(line, call(box, "status").stdout, re.MULTILINE)
    record.note(box.context().facts, "local", problem="cannot back up to local: no space left")
    assert "no space left" in call(box, "status").stdout


def test_prune_forgets_and_frees(box: Workspace) -> None:
    text = call(box, "backup", "prune").stdout
    assert text.startswith("local: 0 removed, 1 kept, space freed in ")
    assert record.read(box.context().facts, "local").pruned
    box.with_variables({**box.variables, "DEV8_BACKUP_KEEP": "last=1"}).configure()
    (box.folder / "workspace/a").write_bytes(os.urandom(100_000))
    call(box, "backup", "create")
    (row,) = read(box, "backup", "prune")
    assert (row["forgotten"], row["kept"], row["problem"]) == (1, 1, None)


def test_nothing_is_forgotten_after_a_backup_that_failed(box: Workspace) -> None:
    record.note(box.context().facts, "local", problem="cannot back up to local: no space left")
    (row,) = read(box, "backup", "prune")
    assert row["forgotten"] == 0
    assert "no space left" in row["warning"]


def test_the_job_looks_after_the_targets(box: Workspace) -> None:
    """A backup that is overdue is made, then all else that is due is done, once."""
    keep = {"DEV8_BACKUP_KEEP": "last=1", "DEV8_BACKUP_SCHEDULE": "1m"}
    box.with_variables({**box.variables, **keep}).configure()
    (box.folder / "workspace/a").write_bytes(os.urandom(100_000))
    before = record.note(box.context().facts, "local", tried="2020-01-01T00:00:00Z")
    lines = [json.loads(line) for line in call(box, "backup", "scheduled").stderr.splitlines()]
    assert [line["message"] for line in lines] == [
        "backed up", "removed old backups", "freed the space of removed backups",
        "the backups are good",
    ]  # fmt: skip
    known = record.read(box.context().facts, "local")
    assert known.snapshot != before.snapshot
    assert known.pruned
    assert known.verified
    assert call(box, "backup", "scheduled").stderr == ""


def test_make_needs_nothing(tmp_path: Path) -> None:
    argv = [sys.executable, "-I", "-m", "agent", "backup", "key", "make"]
    words = [subprocess.run(argv, check=True, capture_output=True, text=True, timeout=120,
                            env={"PATH": "/usr/bin", "DEV8_RUNTIME_DIR": str(tmp_path / "none")})
             for _ in range(2)]  # fmt: skip
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{32}\n", done.stdout) for done in words)
    assert words[0].stdout != words[1].stdout
    assert words[0].stderr == ""


def test_a_recovery_key_is_shown_once_and_opens(box: Workspace) -> None:
    done = call(box, "backup", "key", "add")
    word = done.stdout.strip()
    assert re.fullmatch(r"[A-Za-z0-9_-]{32}", word)
    assert word not in done.stderr
    kept = [path for path in box.folder.rglob("*")
            if path.is_file() and word.encode() in path.read_bytes()]  # fmt: skip
    assert kept == []
    rows = read(box, "backup", "key", "list")
    (added,) = [row for row in rows if not row["current"]]
    assert (added["user"], added["host"]) == ("recovery", "workspace")
    environ = {"PATH": os.environ["PATH"], "RESTIC_PASSWORD": word}
    argv = ["restic", "--no-cache", "-r", str(box.folder / "backups/workspace"), "snapshots"]
    subprocess.run(argv, env=environ, check=True, capture_output=True, timeout=120)
    assert call(box, "backup", "key", "remove", added["id"][:8]).stderr == ""
    assert subprocess.run(argv, env=environ, check=False, capture_output=True).returncode == 12
    (current,) = read(box, "backup", "key", "list")
    refused = call(box, "backup", "key", "remove", current["id"], code=1)
    assert "the one in use" in refused.stderr
