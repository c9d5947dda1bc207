"""Homes of any owner, group and mode: people get in, secrets are closed, and no line is false."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.contract.owner_cells import ANOTHER, FS_GROUP, HOMES, OPENED, OWNERS, STARTS, UID, Home
from tests.worlds.needs import need, need_other_users

ROOT = Path(__file__).parents[2]
LONGEST = 300.0
"""Seconds for all homes of one owner."""

pytestmark = pytest.mark.xdist_group("owners")  # all homes are made and tried once


@pytest.fixture(scope="module")
def seen() -> Iterator[dict[str, list[dict[str, Any]]]]:
    """Every home, and what each start with it came to."""
    need(os.getuid() == 0, "only root can make homes of other owners")
    need(shutil.which("sshd", path="/usr/sbin"), "needs sshd")
    need_other_users()
    with tempfile.TemporaryDirectory(prefix="owners-") as name:
        Path(name).chmod(0o755)
        running = [start(Path(name) / str(owner), owner) for owner in OWNERS]
        said = [process.communicate(timeout=LONGEST) for process in running]
        assert [process.returncode for process in running] == [0] * len(OWNERS), said
        lines = [line for output, _ in said for line in output.splitlines()]
        yield dict(json.loads(line) for line in lines)


def start(folder: Path, owner: int) -> "subprocess.Popen[str]":
    """Start to try the homes of this owner."""
    folder.mkdir()
    argv = ["unshare", "--mount", sys.executable, "-m", "tests.contract.owner_cells"]
    return subprocess.Popen(
        [*argv, str(folder), str(owner)], cwd=ROOT, text=True, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE)  # fmt: skip


def find_modes(tried: Home) -> list[int]:
    """Return the home's mode at each start."""
    modes = [tried.mode] * STARTS
    modes[-1] |= OPENED
    if (tried.owner, tried.group) == (UID, 0) and not tried.mode & 0o002:
        return [mode & ~0o020 for mode in modes]  # closed to group 0, as the image's home is
    return modes


def is_usable(tried: Home, mode: int) -> bool:
    """Tell whether the workspace's user may write the home."""
    if tried.owner == UID:
        return True
    return bool(mode & (0o020 if tried.group in (UID, FS_GROUP) else 0o002))


def find_others(tried: Home, mode: int) -> str:
    """Return who else may write it; nobody else is in group 1000."""
    if mode & 0o002:
        return "every uid"
    if mode & 0o020 and tried.group != UID:
        return f"group {tried.group}"
    return f"uid {ANOTHER}" if tried.owner == ANOTHER else ""


@pytest.mark.parametrize("tried", HOMES, ids=str)
def test_people_get_in_and_sign_whatever_home_a_platform_gives(
    seen: dict[str, list[dict[str, Any]]], tried: Home
) -> None:
    for found in seen[str(tried)]:
        assert (found["login"], found["own_login"], found["commit"]) == ("", "", ""), found["said"]
        assert [oct(mode) for mode in found["modes"]] == ["0o600", "0o600", "0o700"]


@pytest.mark.parametrize("tried", HOMES, ids=str)
def test_what_is_said_of_a_home_is_true(seen: dict[str, list[dict[str, Any]]], tried: Home) -> None:
    for found, mode in zip(seen[str(tried)], find_modes(tried), strict=True):
        said = [(level, message) for level, message in found["said"]]
        if not is_usable(tried, mode):
            ((level, message),) = said
            assert (level, "cannot write the home folder" in message) == ("warning", True)
        elif others := find_others(tried, mode):
            ((level, message),) = said
            assert level == "info"
            assert f"{others} can write" in message
        else:
            assert said == []


@pytest.mark.parametrize("tried", HOMES, ids=str)
def test_the_host_is_known_again(seen: dict[str, list[dict[str, Any]]], tried: Home) -> None:
    keys = [
        found["host_key"]
        for found, mode in zip(seen[str(tried)], find_modes(tried), strict=True)
        if is_usable(tried, mode)
    ]
    assert len(set(keys)) <= 1
