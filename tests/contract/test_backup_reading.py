"""Reading the backups: no lock of anybody's, dead or alive, keeps a person from their files."""

import os
import re
import shlex
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from agent.backup import reading
from agent.backup.create import snapshot
from agent.commands.backup import shared
from tests.contract.restore_box import MINE, RestoreBox
from tests.worlds.programs import Awaited
from tests.worlds.waiting import DEADLINE, wait_until

SOON = 100.0
"""Seconds: less than what restic alone needs to give up three locks that it cannot write (141)."""


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the verbs wait for a lock of somebody who lives for one second."""
    monkeypatch.setattr(reading, "PATIENCE", "1s")
    monkeypatch.setattr(snapshot, "LOCK_WAIT", "1s")


def find_locks(box: RestoreBox) -> list[str]:
    """Return the repository's locks, without those that are only being written."""
    found = (box.folder / "backups/workspace/locks").iterdir()
    return [path.name for path in found if "-tmp-" not in path.name]


@contextmanager
def lock_of_a_stranger(box: RestoreBox) -> Iterator["subprocess.Popen[bytes]"]:
    """Hold the repository's exclusive lock, as a check in another container does."""
    folder = box.folder / "backups/workspace"
    argv = ["restic", "check", "--read-data", "--no-cache", "--limit-download", "1"]
    environ = {**box.environ, "RESTIC_REPOSITORY": str(folder), "RESTIC_PASSWORD_FILE":
               str(box.home / ".local/state/devcopilot/backup/password")}  # fmt: skip
    user = [f"--reuid={MINE}", f"--regid={MINE}", "--clear-groups"]
    with Awaited[bytes](
        [*(["setpriv", *user] if os.getuid() == 0 else []), *argv], env=environ,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    ) as process:  # fmt: skip
        wait_until(lambda: find_locks(box) or process.poll() is not None, "the lock")
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.usefixtures("impatient")
def test_the_lock_of_a_killed_stranger_keeps_nobody_from_reading(box: RestoreBox) -> None:
    box.fill(2)
    box.backup("create")
    with lock_of_a_stranger(box):
        pass
    said = box.restore("--path", "big1", "--to", str(box.home / "new")).stderr
    assert said.count("reading despite the lock of process") == 1, "it is waited for once"
    assert (box.home / "new").read_bytes() == (box.workspace / "big1").read_bytes()


@pytest.mark.usefixtures("impatient")
def test_an_undo_beside_a_check_says_what_is_possible(box: RestoreBox) -> None:
    """It waits, changes nothing, and the command that it names gets the files back."""
    box.write("file", "first")
    box.backup("create")
    box.write("file", "second")
    box.restore("--yes")
    box.fill(1)
    box.backup("create")
    with lock_of_a_stranger(box) as check:
        done = box.run("backup", "undo", "--yes", code=1)
        assert check.poll() is None
        assert f"the repository is locked by process {check.pid} on" in done.stderr
        assert done.stderr.count("cannot make the safety backup") == 1
        assert "nothing was changed" in done.stderr
        assert box.read("file") == "first"
        (command,) = re.findall(r"`devcopilot (backup restore \S+ --to) DIR`", done.stderr)
        box.run(*shlex.split(command), str(box.home / "back"))
    found = box.home / "back" / (box.workspace / "file").relative_to("/")
    assert found.read_text() == "second"
    box.backup("restic", "--", "unlock", "--remove-all")
    box.backup("undo", "--yes")
    assert box.read("file") == "second"


def test_backups_that_are_mounted_read_only_are_read(box: RestoreBox) -> None:
    box.write("file", "text")
    box.backup("create")
    box.write("file", "changed")
    folders = [path for path in (box.folder / "backups").rglob("*") if path.is_dir()]
    for path in folders:
        path.chmod(0o500)
    began = time.monotonic()
    box.restore("--to", str(box.home / "all"))
    box.restore("--path", "file", "--to", str(box.home / "one"))
    assert "1 changed" in box.restore("--dry-run").stdout
    assert time.monotonic() - began < SOON
    assert (box.home / "one").read_text() == "text"
    for path in folders:
        path.chmod(0o700)


def test_reading_does_not_wait_for_whoever_works_here(box: RestoreBox) -> None:
    """Such as a check, which holds the agent's own lock and the repository's."""
    box.fill(1)
    box.backup("create")
    state = box.home / ".local/state/devcopilot/backup"
    with open_lock(state / "lock"):
        said = box.restore("--path", "big0", "--to", str(box.home / "new")).stderr
    assert "waiting" not in said


@contextmanager
def open_lock(path: Path) -> Iterator[None]:
    with Awaited[bytes](
        ["flock", str(path), "sh", "-c", "echo; exec cat"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    ) as process:  # fmt: skip
        assert process.stdin
        assert process.stdout
        process.stdout.readline()
        yield
        process.stdin.close()


@pytest.mark.parametrize("words", [("create",), ("restic", "--", "ls", "latest")])
def test_a_command_beats_a_scheduled_check(
    box: RestoreBox, words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the check is due again: nothing was noted of it."""
    # A busy machine needs more than 15 s to end the check, which goes on for 15 minutes by itself.
    monkeypatch.setattr(shared, "PATIENCE", 110.0)
    box.fill(1)
    box.backup("create")
    slow = box.folder / "bin"
    slow.mkdir()
    os.chown(slow, MINE, MINE)
    (slow / "restic").write_text(
        "#!/bin/sh\nPATH=${PATH#*:}\ncase \" $* \" in *' check '*) "
        'touch ${0%/*}/begun; set -- --limit-download 1 "$@";; esac\nexec restic "$@"\n'
    )
    (slow / "restic").chmod(0o755)
    box.variables["PATH"] = f"{slow}:{box.environ['PATH']}"
    box.configure()
    with Awaited(
        box.argv("backup", "scheduled"), env=box.environ, stderr=subprocess.PIPE, text=True
    ) as scheduled:
        wait_until((slow / "begun").exists, "the check")
        wait_until(lambda: find_locks(box) or scheduled.poll() is not None, "the check")
        assert scheduled.poll() is None
        box.backup(*words)
        assert scheduled.wait(DEADLINE) == 0
        assert scheduled.stderr
        assert "interrupted for one of your commands" in scheduled.stderr.read()
    assert find_locks(box) == []
    assert 0 < float((box.folder / "run/jobs/backup.next").read_text()) <= 60


def test_a_kill_leaves_nothing_in_the_way(box: RestoreBox) -> None:
    """The lock of a program that this workspace started, and that is gone, is dead at once."""
    box.fill(8)
    box.backup("create")
    for command in ("verify", "prune"):
        box.kill("backup", command, when=lambda: find_locks(box))
        assert len(find_locks(box)) == 1
        box.backup("verify")
        assert find_locks(box) == []
