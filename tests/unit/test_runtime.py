import os
import resource
import stat
import threading
from pathlib import Path

import pytest

from agent.machine.errors import AgentError
from agent.machine.light import runtime
from agent.machine.storage.mountinfo import is_in_memory
from agent.settings import stored

UID = os.getuid()


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_where_it_is() -> None:
    assert runtime.locate({}, 1000) == "/dev/shm/devcopilot-1000"
    assert runtime.locate({"DEV8_RUNTIME_DIR": "/run/x"}, 1000) == "/run/x"


def test_made_private_and_accepted_again(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    old = os.umask(0)
    try:
        runtime.make(str(folder), UID)
    finally:
        os.umask(old)
    (folder / "secrets" / "X").write_text("kept")
    runtime.make(str(folder), UID)
    assert (folder / "secrets" / "X").read_text() == "kept"
    for name in (".", "secrets", "tokens", "streams"):
        assert mode_of(folder / name) == 0o700


def test_a_folder_that_others_may_enter_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    folder.chmod(0o750)
    with pytest.raises(PermissionError, match="only uid"):
        runtime.make(str(folder), UID)


def test_a_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    (tmp_path / "run").symlink_to("elsewhere")
    with pytest.raises(PermissionError):
        runtime.make(str(tmp_path / "run"), UID)


def test_somebody_elses_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir(mode=0o700)
    with pytest.raises(PermissionError):
        runtime.make(str(tmp_path / "run"), UID + 1)


def test_settings_of_a_folder_that_others_may_enter_are_not_used(tmp_path: Path) -> None:
    """Whoever made it could have root run a command: it would come from the settings."""
    folder = tmp_path / "run"
    runtime.make(str(folder), UID)
    (folder / runtime.SETTINGS).write_text('{"variables": {}, "environment": {}}')
    assert stored.load(folder) == ({}, {})
    (tmp_path / "link").symlink_to(folder)
    folder.chmod(0o755)
    for planted in (folder, tmp_path / "link"):
        with pytest.raises(AgentError, match="is not a folder that only uid"):
            stored.load(planted)
        with pytest.raises(AgentError, match="is not a folder that only uid"):
            stored.load_user_environ(planted)


def test_one_agent_at_a_time(tmp_path: Path) -> None:
    folder = str(tmp_path / "run")
    held = runtime.hold(folder, UID)
    with pytest.raises(OSError, match="another agent"):
        runtime.hold(folder, UID)
    os.close(held)
    os.close(runtime.hold(folder, UID))


def test_what_an_earlier_life_left_is_removed(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    runtime.make(str(folder), UID)
    runtime.clear(str(folder))
    (folder / "jobs").mkdir()
    left = [folder / name for name in ("boot.json", "state.json", "secrets/X", "tokens/github.com",
            "jobs/refresh.next")]  # fmt: skip
    kept = folder / "home"
    for path in (*left, kept):
        path.touch()
    runtime.clear(str(folder))
    assert [path for path in left if path.exists()] == []
    assert kept.exists()


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o777])
def test_written_with_its_mode_whatever_the_umask(tmp_path: Path, umask: int) -> None:
    old = os.umask(umask)
    try:
        runtime.write_atomic(str(tmp_path / "private"), b"1")
        runtime.write_atomic(str(tmp_path / "public"), b"2", 0o644)
    finally:
        os.umask(old)
    assert mode_of(tmp_path / "private") == 0o600
    assert mode_of(tmp_path / "public") == 0o644


def test_replaced_in_one_step(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    with path.open("rb") as reader:
        runtime.write_atomic(str(path), b"new" * 100_000)
        assert reader.read() == b"old"
    assert path.read_bytes() == b"new" * 100_000
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


def test_nothing_is_left_behind_when_it_fails(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "inside").touch()
    with pytest.raises(OSError, match="folder"):
        runtime.write_atomic(str(tmp_path / "folder"), b"x")
    assert [entry.name for entry in tmp_path.iterdir()] == ["folder"]


def test_what_a_killed_writer_left_does_not_matter(tmp_path: Path) -> None:
    """In containers process ids repeat, so its name can be ours."""
    stale = tmp_path / f"file.{os.getpid()}.new"
    stale.write_bytes(b"half")
    runtime.write_atomic(str(tmp_path / "file"), b"whole")
    assert (tmp_path / "file").read_bytes() == b"whole"
    assert not stale.exists()


def test_threads_of_one_process_may_replace_a_file_at_the_same_time(tmp_path: Path) -> None:
    path, start, faults = tmp_path / "file", threading.Barrier(8), []

    def write(number: int) -> None:
        start.wait()
        try:
            for _ in range(50):
                runtime.write_atomic(str(path), str(number).encode() * 1000)
        except OSError as error:
            faults.append(error)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert faults == []
    assert len(set(path.read_text())) == 1
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_in_the_place_of_the_temporary_file_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "victim").write_bytes(b"safe")
    (tmp_path / f"file.{os.getpid()}.new").symlink_to("victim")
    runtime.write_atomic(str(tmp_path / "file"), b"x")
    assert (tmp_path / "victim").read_bytes() == b"safe"


def test_what_must_outlive_a_power_cut_is_in_its_folder_by_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    events: list[str] = []
    sync, rename = os.fsync, os.rename

    def note_sync(descriptor: int) -> None:
        events.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")
        sync(descriptor)

    def note_rename(old: str, new: str) -> None:
        events.append("rename")
        rename(old, new)

    monkeypatch.setattr(os, "fsync", note_sync)
    monkeypatch.setattr(os, "rename", note_rename)
    runtime.write_atomic(str(tmp_path / "file"), b"1")
    assert events == ["file", "rename"]
    events.clear()
    runtime.write_atomic(str(tmp_path / "file"), b"2", durable=True)
    assert events == ["file", "rename", "folder"]


def test_nothing_of_a_life_is_left_but_what_is_spared(tmp_path: Path) -> None:
    """Secrets too that only services know of, such as their configuration; a home is the user's."""
    folder = tmp_path / "run"
    runtime.make(str(folder), UID)
    os.close(runtime.hold(str(folder), UID))
    (folder / "other/deep").mkdir(parents=True)
    (folder / "home").mkdir()
    outside = tmp_path / "outside"
    outside.write_text("mine")
    names = (runtime.STATE, runtime.BOOT, "code-server.yaml", "home/work", "other/deep/file")
    for name in (*names, f"{runtime.SECRETS}/TOKEN"):
        (folder / name).write_text("secret")
    (folder / "other/link").symlink_to(outside)
    (folder / "link").symlink_to(tmp_path)
    runtime.clear(str(folder), spared=(runtime.STATE,))
    left = {str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir()}
    assert left == {runtime.STATE, runtime.LOCK, "home/work"}
    assert outside.read_text() == "mine"
    runtime.clear(str(folder))
    assert not (folder / runtime.STATE).exists()


def test_memory_is_told_from_a_disk(tmp_path: Path) -> None:
    table = tmp_path / "mountinfo"
    for kind, expected in (("tmpfs", True), ("ramfs", True), ("ext4", False)):
        table.write_text(
            "1 0 0:1 / / rw - ext4 /dev/vda rw\n1 2 999:9 / /y rw - tmpfs a b\n"
            f"2 1 0:2 / {tmp_path} rw shared:1 - {kind} none rw\n"
        )
        assert is_in_memory(tmp_path / "workspace", table) is expected
    assert is_in_memory(tmp_path, tmp_path / "none") is None


def test_a_failed_write_names_the_file(tmp_path: Path) -> None:
    """A write to an open file names none, and opening names the temporary one."""
    with pytest.raises(OSError, match="such file") as missing:
        runtime.write_atomic(str(tmp_path / "nowhere/a"), b"x")
    assert missing.value.filename == str(tmp_path / "nowhere/a")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        with pytest.raises(OSError, match="too large") as full:
            runtime.write_atomic(str(tmp_path / "a"), b"x")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert full.value.filename == str(tmp_path / "a")
    assert list(tmp_path.iterdir()) == []
