"""What a file system can do is tried; what it lacks is one line."""

import errno
import fcntl
import os
from dataclasses import replace
from pathlib import Path

import pytest

from agent.machine.light import runtime
from agent.machine.storage import homes, volumes
from agent.machine.storage.volumes import Mounts, Volume, try_folder
from tests.worlds.machine import make_facts


def refuse(code: int) -> object:
    """Return a function that fails with this errno."""

    def fail(*_: object, **__: object) -> None:
        raise OSError(code, os.strerror(code))

    return fail


def test_a_disk_can_do_all_and_nothing_is_left_there(tmp_path: Path) -> None:
    found = try_folder(tmp_path / "not/yet", os.getuid())
    assert found == Volume(tmp_path.stat().st_dev)
    assert found.is_private
    assert found.has_modes
    assert list(tmp_path.iterdir()) == []


def test_what_is_lacking_is_found_by_trying(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Path, "symlink_to", refuse(errno.EOPNOTSUPP))
    monkeypatch.setattr(fcntl, "flock", refuse(errno.ENOLCK))
    monkeypatch.setattr(os, "fchmod", refuse(errno.EPERM))
    before = os.umask(0o700)  # the modes that come out are not those that are asked for
    try:
        found = try_folder(tmp_path, os.getuid())
    finally:
        os.umask(before)
    assert (found.fault, found.links, found.locks, found.has_modes) == (0, False, False, False)
    problem = homes.explain_lacks(tmp_path / "x", tmp_path, replace(found, mode=0o777))
    assert problem
    assert "gives every file mode 0777" in problem.message
    assert "no symbolic links" in problem.message
    assert "no locks" in problem.message
    assert "file_mode=0700" in problem.hint


@pytest.mark.parametrize("mode", [0o600, 0o700])
def test_modes_that_are_private_cost_nothing(mode: int) -> None:
    assert homes.explain_lacks(Path("/a/b"), Path("/a"), Volume(mode=mode)) is None


@pytest.mark.parametrize("volume", [Volume(mode=0o640), Volume(ours=False), Volume(fault=28)])
def test_what_sshd_would_not_trust_is_not_private(volume: Volume) -> None:
    assert not volume.is_private


@pytest.mark.parametrize(
    ("free_blocks", "free_inodes", "inodes", "fault"),
    [
        (1000, 10, 100, 0),
        (1000, 0, 0, 0),  # as btrfs, which does not count them
        (1000, 0, 100, errno.ENOSPC),
        (1, 10, 100, errno.ENOSPC),
    ],
)
def test_room_is_judged_in_bytes_and_in_inodes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    free_blocks: int, free_inodes: int, inodes: int, fault: int,
) -> None:  # fmt: skip
    usual = os.statvfs(tmp_path)
    values = list(usual)
    values[1], values[4] = 4096, free_blocks  # f_frsize, f_bavail
    values[5], values[7] = inodes, free_inodes  # f_files, f_favail
    monkeypatch.setattr(os, "statvfs", lambda _: os.statvfs_result(values))
    assert try_folder(tmp_path, os.getuid()).fault == fault
    facts = make_facts(tmp_path)
    assert facts.has_room(tmp_path, volumes.ROOM) == (not fault)


def test_what_cannot_be_written_at_all_is_told_with_what_mends_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "open", refuse(errno.EDQUOT))
    found = try_folder(tmp_path, os.getuid())
    assert found.fault == errno.EDQUOT
    problem = homes.explain_fault(tmp_path / "state", found)
    assert os.strerror(errno.EDQUOT) in problem.message
    assert f"free some space on the volume of {tmp_path}/state" in problem.hint


def test_what_came_of_the_trials_is_read_back(tmp_path: Path) -> None:
    made = Mounts(".devcopilot", Volume(7, 28), Volume(8, 0, 0o777, True, False, False), "/etc/x")
    (tmp_path / runtime.MOUNTS).write_bytes(made.encode())
    assert homes.read_mounts(tmp_path) == made
    for damaged in (b"", b"{", b"[]", b'{"home": 1}'):
        (tmp_path / runtime.MOUNTS).write_bytes(damaged)
        assert homes.read_mounts(tmp_path) == Mounts()


# --- a file system that gives one mode and owner to all there is --------------------------------


def test_files_are_written_where_no_mode_can_be_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "chmod", refuse(errno.EPERM))
    before = os.umask(0o077)
    try:
        runtime.write_atomic(str(tmp_path / "file"), b"content", 0o644)
    finally:
        os.umask(before)
    assert (tmp_path / "file").read_bytes() == b"content"


def test_a_mode_that_cannot_be_had_is_not_asked_for_again(tmp_path: Path) -> None:
    facts = make_facts(tmp_path)
    file = facts.home / "file"
    file.write_text("")
    file.chmod(0o777)
    assert not facts.has_mode(file, 0o644)
    fixed = Mounts(home=Volume(file.stat().st_dev, mode=0o777))
    assert replace(facts, mounts=fixed).has_mode(file, 0o644)
    elsewhere = Mounts(home=Volume(file.stat().st_dev + 1, mode=0o777))
    assert not replace(facts, mounts=elsewhere).has_mode(file, 0o644)


# --- the agent's folder in the home --------------------------------------------------------------


def test_a_folder_that_somebody_else_made_on_the_way_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocked = tmp_path / ".local"
    blocked.mkdir()
    usual = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: path != blocked and usual(path, mode))
    state, mounts, (problem,) = homes.try_mounts(tmp_path, None, os.getuid(), {})
    assert state == tmp_path / ".devcopilot"
    assert mounts == Mounts(".devcopilot", mounts.home, mounts.home)
    assert f"cannot write {blocked}" in problem.message
    assert f"chown -R {os.getuid()}:{os.getgid()} {blocked}" in problem.hint
    state.mkdir()
    monkeypatch.undo()
    assert homes.try_mounts(tmp_path, None, os.getuid(), {})[0] == state, "it is still the one"


def test_a_state_folder_that_is_named_is_the_one(tmp_path: Path) -> None:
    given = tmp_path / "given"
    state, mounts, problems = homes.try_mounts(tmp_path, given, os.getuid(), {})
    assert (state, mounts.folder, problems) == (given, volumes.STATE_FOLDER, [])
