"""What the scripts say of a disk that is too full for the tests of images."""

import subprocess
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"


def call(words: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    script = f". {SCRIPTS}/lib/room.sh; {words}"
    return subprocess.run(
        ["bash", "-euc", script, "bash", *arguments], check=False, capture_output=True, text=True
    )


def test_room_that_is_there_is_not_mentioned(tmp_path: Path) -> None:
    done = call('check_room "$1" 0 tests', str(tmp_path))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_too_little_is_one_line_with_what_fixes_it(tmp_path: Path) -> None:
    free = call('find_room "$1"', str(tmp_path)).stdout.strip()
    done = call('check_room "$1" 1000000 "the tests of images"', str(tmp_path))
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout == (
        f"the tests of images need 1000000 GB in {tmp_path}, where {free} GB are free"
        " (make clean ALL=1, docker image prune)\n"
    )


def test_a_folder_on_another_machine_is_not_judged(tmp_path: Path) -> None:
    done = call('check_room "$1" 15 tests', str(tmp_path / "elsewhere"))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize(
    ("name", "template"), [("docker", "{{.DockerRootDir}}"), ("podman", "{{.Store.GraphRoot}}")]
)
def test_each_engine_is_asked_where_it_keeps_them(name: str, template: str, tmp_path: Path) -> None:
    engine = tmp_path / name
    engine.write_text(f'#!/bin/sh\n[ "$*" = "info --format {template}" ] && echo /var/store\n')
    engine.chmod(0o755)
    assert call('find_store "$1"', str(engine)).stdout == "/var/store\n"
