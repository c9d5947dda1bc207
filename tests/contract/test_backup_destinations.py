"""Destinations that are as few tests have them: read-only, or with hundreds of backups."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from agent.machine.light.clock import format_time, read_time
from tests.contract.box import call, open_box, read
from tests.contract.homes import Workspace
from tests.worlds.needs import need
from tests.worlds.quick_key import find_password, plant

HOURS, DAYS = 250, 7


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Workspace]:
    with open_box(tmp_path) as made:
        yield made


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Mount a folder over itself so that nobody can write there."""
    script = 'mount --bind "$1" "$1" && mount -o remount,bind,ro "$1"'
    mounted = subprocess.run(["sh", "-c", script, "sh", folder], check=False, capture_output=True)
    need(mounted.returncode == 0, f"cannot mount: {mounted.stderr.decode()}")
    try:
        yield
    finally:
        subprocess.run(["umount", folder], check=True)


def test_a_read_only_destination_gives_back_what_it_has(box: Workspace) -> None:
    file, new = box.folder / "workspace/a", box.folder / "new"
    before = file.read_bytes()
    with read_only(box.folder / "backups"):
        file.write_bytes(b"changed")
        (row,) = read(box, "backup", "list")
        call(box, "backup", "restore", "--to", str(new))
        for words in (("create",), ("verify",), ("prune",), ("restore", "--yes")):
            done = call(box, "backup", *words, code=1)
            told = done.stdout + done.stderr
            assert "read-only file system (mount it writable)" in told
        assert "--to DIR" in told, "it says how to get at the backup all the same"
    (found,) = new.rglob("a")
    assert found.read_bytes() == before
    assert file.read_bytes() == b"changed", "nothing was restored without a way back"
    call(box, "backup", "create")
    call(box, "backup", "verify")
    assert len(read(box, "backup", "list")) == 2
    call(box, "backup", "restore", row["id"], "--yes")
    assert file.read_bytes() == before


def test_hundreds_of_backups_are_listed_chosen_and_thinned_out(box: Workspace) -> None:
    before = (box.folder / "workspace/a").read_bytes()
    (first,) = read(box, "backup", "list")
    words = ("--target", "local", "--", "cat", "snapshot", first["id"])
    snapshot = json.loads(call(box, "backup", "restic", *words).stdout)
    folder, made = box.folder / "backups/workspace/snapshots", read_time(first["time"])
    for hours in range(1, HOURS + 1):
        row = snapshot | {"time": format_time(made - timedelta(hours=hours))}
        plant(folder, find_password(box.home), row)
    rows = read(box, "backup", "list")
    assert len(rows) == HOURS + 1
    oldest = min(rows, key=lambda row: read_time(row["time"]))
    (box.folder / "workspace/a").write_bytes(b"changed")
    call(box, "backup", "restore", oldest["id"], "--yes")
    assert (box.folder / "workspace/a").read_bytes() == before
    (box.folder / "workspace/a").write_bytes(b"changed again")
    call(box, "backup", "create")
    call(box, "backup", "prune")
    kept = [row for row in read(box, "backup", "list") if row["kind"] == "backup"]
    times = [read_time(row["time"]) for row in kept]
    days = sorted({(made - timedelta(hours=hours)).date() for hours in range(HOURS + 1)})
    assert {moment.date() for moment in times} >= {*days[-DAYS:]}, "one of each day stays"
    assert sum(made - moment < timedelta(hours=20) for moment in times) >= 20, "and of each hour"
    assert len(kept) < HOURS // 4
    call(box, "backup", "restore", "--yes")
    assert (box.folder / "workspace/a").read_bytes() == b"changed again"
