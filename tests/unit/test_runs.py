"""A program that was started here is known to be gone when the kernel says so."""

import os
import subprocess
import time
from pathlib import Path

import pytest

from agent.backup.restic import runs
from agent.backup.restic.client import Restic
from agent.backup.target import Target
from agent.machine.system import Facts
from tests.worlds.machine import make_facts


@pytest.fixture
def facts(tmp_path: Path) -> Facts:
    return make_facts(tmp_path)


def start(facts: Facts, *argv: str) -> "subprocess.Popen[bytes]":
    with runs.register(facts) as entry:
        assert entry.descriptor is not None
        process = subprocess.Popen(argv, pass_fds=(entry.descriptor,), stdout=subprocess.PIPE)
        entry.note(process.pid)
    return process


def test_it_is_gone_with_all_that_it_started(facts: Facts) -> None:
    script = "sleep 600 & echo $!; wait"
    with start(facts, "sh", "-c", script) as process:
        assert process.stdout
        child = int(process.stdout.readline())
        assert runs.find_gone(facts) == ()
        process.kill()
        process.wait()
        assert runs.find_gone(facts) == (), "its child lives"
        os.kill(child, 9)
        process.stdout.read()  # to its end: the child has closed it
    deadline = time.monotonic() + 60
    while not (gone := runs.find_gone(facts)):
        assert time.monotonic() < deadline
    assert [run.pid for run in gone] == [process.pid]
    name = os.uname().nodename
    assert gone[0].wrote(name, process.pid, time.time())
    assert not gone[0].wrote(name, process.pid, time.time() - 3600)
    assert not gone[0].wrote("other", process.pid, time.time())


def test_of_another_machine_nothing_is_known(
    facts: Facts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start(facts, "true").communicate()
    assert len(runs.find_gone(facts)) == 1
    (tmp_path / "boot").write_text("another\n")
    monkeypatch.setattr(runs, "BOOT", tmp_path / "boot")
    assert runs.find_gone(facts) == ()
    monkeypatch.setattr(runs, "BOOT", tmp_path / "none")
    start(facts, "true").communicate()
    assert runs.find_gone(facts) == ()


def test_one_that_ended_well_and_one_of_long_ago_are_forgotten(facts: Facts) -> None:
    with runs.register(facts) as entry:
        entry.note(1)
        entry.forget()
    assert list((facts.state / runs.FOLDER).iterdir()) == []
    start(facts, "true").communicate()
    (path,) = (facts.state / runs.FOLDER).iterdir()
    os.utime(path, (0, 0))
    runs.find_gone(facts)
    assert not path.exists()
    path.write_text("garbage")
    assert runs.find_gone(facts) == ()


def test_without_a_place_for_it_a_program_is_started_all_the_same(facts: Facts) -> None:
    (facts.state / "backup").mkdir(parents=True)
    (facts.state / runs.FOLDER).write_text("no folder")
    with runs.register(facts) as entry:
        entry.note(1)
        entry.forget()
        assert entry.descriptor is None
    assert runs.find_gone(facts) == ()


@pytest.mark.parametrize(
    ("script", "leaves"),
    [
        ("exit 0", False),
        ("exit 12", False),
        ("exit 1", True),
        ("echo 'error while unlocking: dial tcp: connection refused' >&2", True),
    ],
)
def test_a_run_that_left_its_lock_behind_is_remembered(
    facts: Facts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, leaves: bool
) -> None:
    program = tmp_path / "bin/restic"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    target = Target("s3", "s3:http://127.0.0.1:1/bucket", {"PATH": os.environ["PATH"]})
    Restic(target, facts).run("prune")
    assert bool(runs.find_gone(facts)) is leaves
