"""What doctor says of the machine: disks, volumes, memory, limits, Kubernetes, versions."""

import errno
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from agent.machine.light.cgroup import Cgroup
from agent.machine.storage.mountinfo import Mount, find_mount, read_mounts
from agent.machine.storage.volumes import Volume
from agent.observe.checks import disk, kubernetes, limits, memory, versions, volumes
from agent.observe.checks.limits import Watches
from agent.observe.checks.versions import Program
from agent.observe.checks.work_folders import Place
from agent.observe.versions import read_manifest
from agent.settings.check import Finding, Result
from agent.settings.context import PROBLEMS
from agent.settings.everything import Settings
from tests.worlds.machine import make_facts
from tests.worlds.needs import need_other_users

GB = 10**9


def summarize(found: Sequence[Finding]) -> list[tuple[Result, str]]:
    return [(each.result, each.summary) for each in found]


# --- mounts -------------------------------------------------------------------------------------

TABLE = rb"""84 59 0:39 / / rw,relatime master:2 - overlay overlay rw,lowerdir=/a:/b
101 86 0:47 / /dev/shm rw,nosuid,nodev,noexec,relatime - tmpfs shm rw,size=65536k
102 84 0:48 / /home/dev8/my\040work rw - nfs4 server:/export rw,vers=4.2
103 84 0:49 /..2026_11_29/token /run/token/it ro - tmpfs tmpfs rw
104 84 0:50 / /home/dev8/my\040work rw,noexec - ext4 /dev/sdb rw
no line of a kernel
105 84
"""


@pytest.fixture
def mounts(tmp_path: Path) -> tuple[Mount, ...]:
    (tmp_path / "mountinfo").write_bytes(TABLE)
    return read_mounts(tmp_path / "mountinfo")


def test_the_table_of_mounts(mounts: tuple[Mount, ...]) -> None:
    assert [str(mount.point) for mount in mounts] == [
        "/", "/dev/shm", "/home/dev8/my work", "/run/token/it", "/home/dev8/my work",
    ]  # fmt: skip
    assert mounts[2].kind == "nfs4"
    assert {"noexec", "size=65536k"} <= mounts[1].options
    covering = find_mount(Path("/home/dev8/my work/a/b"), mounts)
    assert covering
    assert covering.kind == "ext4"
    elsewhere = find_mount(Path("/home/dev8/my works"), mounts)
    assert elsewhere
    assert elsewhere.kind == "overlay"
    assert find_mount(Path("/x"), ()) is None


# --- disks --------------------------------------------------------------------------------------


def make_disk(
    size: int, free: int, inodes: int = 1000, free_inodes: int = 500
) -> os.statvfs_result:
    """Return what the kernel tells of a file system."""
    values = SimpleNamespace(f_bavail=free, f_bfree=free, f_blocks=size, f_frsize=1,
                             f_files=inodes, f_favail=free_inodes)  # fmt: skip
    return cast("os.statvfs_result", values)


@pytest.mark.parametrize(
    ("found", "result", "words"),
    [
        (make_disk(100 * GB, 50 * GB), Result.OK, "the home folder: 50.0 GB of 100 GB are free"),
        (make_disk(1000 * GB, 100 * GB), Result.OK, "100 GB"),
        (make_disk(1000 * GB, 40 * GB), Result.WARN, "is nearly full: 40.0 GB of 1.0 TB"),
        (make_disk(10 * GB, GB), Result.WARN, "is nearly full"),
        (make_disk(10 * GB, 0), Result.FAIL, "is full: nothing can be written to /home"),
        (make_disk(10 * GB, 9 * GB, free_inodes=0), Result.FAIL, "has no inode left"),
        (make_disk(10 * GB, 9 * GB, free_inodes=20), Result.WARN, "has used 98% of its inodes"),
        (make_disk(10 * GB, 9 * GB, inodes=0, free_inodes=0), Result.OK, "9.0 GB"),
        (make_disk(0, 0, inodes=0, free_inodes=0), Result.OK, "0 B"),
    ],
)
def test_how_full_a_disk_is(found: os.statvfs_result, result: Result, words: str) -> None:
    finding = disk.judge(Place("the home folder", Path("/home"), "delete something"), found)
    assert finding.result is result, finding
    assert words in finding.summary


# --- volumes ------------------------------------------------------------------------------------


def look_at(root: Path, table: tuple[Mount, ...] = ()) -> list[Finding]:
    facts = make_facts(root)
    return list(volumes.judge(Place("the home folder", facts.home, "delete"), facts, table))


def test_a_folder_that_works_needs_no_word_and_nothing_is_left_there(tmp_path: Path) -> None:
    assert look_at(tmp_path) == []
    assert list((tmp_path / "home").iterdir()) == []


def test_a_folder_of_another_uid(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    need_other_users()
    make_facts(tmp_path)
    os.chown(tmp_path / "home", 4242, 4242)
    monkeypatch.setattr(os, "access", lambda *_: False)
    (found,) = look_at(tmp_path)
    assert found.result is Result.FAIL
    assert "belongs to uid 4242" in found.summary
    assert "chown -R" in found.fix


def test_a_home_that_is_lost_with_the_container(tmp_path: Path) -> None:
    facts = make_facts(tmp_path)
    row = {"step": "home", "message": "cannot write the home folder /home/dev8: it is read-only; "
           "a temporary home is used", "hint": "mount a writable volume on /home/dev8"}  # fmt: skip
    PROBLEMS.write(facts, [row])
    found = volumes.explain_lost_home(replace(facts, home=facts.runtime / "home"))
    assert found.result is Result.FAIL
    assert (found.summary, found.fix) == (row["message"], row["hint"])


@pytest.mark.parametrize(
    ("volume", "kind", "result", "words", "fix"),
    [
        (Volume(fault=errno.EDQUOT), "ext4", Result.FAIL, "quota exceeded", "free some space"),
        (Volume(fault=errno.EROFS), "ext4", Result.FAIL, "Read-only", "mount a writable volume"),
        (Volume(ours=False), "nfs4", Result.FAIL, "its NFS server squashes", "anonuid="),
        (Volume(mode=0o777, ours=False), "cifs", Result.WARN, "mode 0777", "file_mode=0700"),
        (Volume(links=False), "fuse", Result.WARN, "no symbolic links", "mfsymlinks"),
    ],
)
def test_what_a_file_system_cannot_do(
    tmp_path: Path, volume: Volume, kind: str, result: Result, words: str, fix: str
) -> None:
    facts = make_facts(tmp_path)
    mount = Mount(Path("/home"), "/", kind, frozenset(), "source", "0:1")
    place = Place("the home folder", facts.home, "delete")
    (found,) = volumes.judge_volume(place, volume, mount, facts)
    assert (found.result, words in found.summary, fix in found.fix) == (result, True, True), found


def test_a_home_that_others_may_write_and_one_where_nothing_runs(tmp_path: Path) -> None:
    facts = make_facts(tmp_path)
    facts.home.chmod(0o777)
    options = frozenset({"noexec"})
    table = (Mount(tmp_path, "/", "ext4", options, "/dev/sdb", "0:1"),)
    runs, writers = look_at(tmp_path, table)
    assert (runs.result, runs.fix) == (Result.FAIL, f"mount {tmp_path} without noexec")
    assert writers.result is Result.WARN
    assert writers.fix == f"chmod go-w {facts.home}"


# --- memory and processes -----------------------------------------------------------------------


def make_group(root: Path, **files: str) -> Cgroup:
    """Return a control group of version 2."""
    (root / "cgroup.controllers").write_text("cpu memory pids\n")
    for name, text in files.items():
        (root / name.replace("_", ".", 1)).write_text(text)
    return Cgroup(str(root), str(root / "none"))


@pytest.mark.parametrize(
    ("files", "results"),
    [
        ({"memory_current": "1000000000", "memory_max": "max"}, [Result.OK]),
        ({"memory_current": "1000000000", "memory_max": "4000000000"}, [Result.OK]),
        ({"memory_current": "3900000000", "memory_max": "4000000000"}, [Result.WARN]),
        ({"memory_current": "100000000", "memory_max": "200000000"}, [Result.WARN]),
        ({"memory_current": "1", "memory_max": "max", "memory_events": "oom 9\noom_kill 2\n"},
         [Result.WARN, Result.OK]),
        ({"memory_max": "nonsense"}, [Result.UNKNOWN]),
        ({}, [Result.UNKNOWN]),
    ],
)  # fmt: skip
def test_memory(tmp_path: Path, files: dict[str, str], results: list[Result]) -> None:
    found = list(memory.judge(make_group(tmp_path, **files)))
    assert [each.result for each in found] == results, found
    if len(found) > 1:
        assert found[0].summary == "2 processes were killed because the memory was used up"


@pytest.mark.parametrize(
    ("used", "limit", "refused", "result"),
    [
        (50, None, None, Result.OK), (50, 4096, 0, Result.OK), (50, 100, 0, Result.WARN),
        (3900, 4096, 0, Result.WARN), (50, 4096, 3, Result.WARN),
        (None, None, None, Result.UNKNOWN),
    ],
)  # fmt: skip
def test_processes(
    used: int | None, limit: int | None, refused: int | None, result: Result
) -> None:
    found = limits.judge_processes(used, limit, refused)
    assert (found.result, bool(found.fix)) == (result, result is Result.WARN)


def test_refused_processes_are_counted_by_the_kernel(tmp_path: Path) -> None:
    assert make_group(tmp_path, pids_events="max 7\n").processes_refused() == 7
    assert Cgroup(str(tmp_path / "none"), "/nonexistent").processes_refused() is None


@pytest.mark.parametrize(
    ("found", "result"),
    [((1024, 1048576), Result.OK), ((1024, -1), Result.OK), ((256, 1024), Result.WARN)],
)
def test_open_files(found: tuple[int, int], result: Result) -> None:
    assert limits.judge_files(found).result is result


@pytest.mark.parametrize(
    ("most", "instances", "used", "results"),
    [
        ("524288", "128", Watches(10, 900), [Result.OK]),
        ("8192", "128", Watches(10, 900), [Result.WARN]),
        ("524288", "128", Watches(120, 900), [Result.WARN, Result.OK]),
        ("100000", "128", Watches(10, 99000), [Result.WARN]),
        ("many", "128", Watches(0, 0), [Result.UNKNOWN]),
        ("", "", Watches(0, 0), [Result.UNKNOWN]),
    ],
)
def test_watched_files(
    tmp_path: Path, most: str, instances: str, used: Watches, results: list[Result]
) -> None:
    (tmp_path / "max_user_watches").write_text(f"{most}\n")
    (tmp_path / "max_user_instances").write_text(f"{instances}\n")
    assert [found.result for found in limits.judge_watches(used, tmp_path)] == results


def test_watchers_are_counted(tmp_path: Path) -> None:
    for folder in ("7/fd", "7/fdinfo", "self/fd"):
        (tmp_path / folder).mkdir(parents=True)
    for name, target in (("3", "anon_inode:inotify"), ("4", "/etc/passwd")):
        (tmp_path / "7/fd" / name).symlink_to(target)
        (tmp_path / "7/fdinfo" / name).write_text("pos:\t0\ninotify wd:1\ninotify wd:2\n")
    (tmp_path / "7/fd/5").symlink_to("anon_inode:inotify")  # it ends just now
    assert limits.count_watches(tmp_path) == Watches(2, 2)


# --- Kubernetes ---------------------------------------------------------------------------------


def test_the_grace_period_cannot_be_seen() -> None:
    assert kubernetes.judge_grace(8.0, None).result is Result.OK
    found = kubernetes.judge_grace(50.0, None)
    assert found.result is Result.UNKNOWN
    assert "terminationGracePeriodSeconds" in found.fix
    told = kubernetes.judge_grace(55.0, 60.0)
    assert (told.result, told.summary) == (
        Result.OK,
        "stopping takes at most 55 s of the 60 s of grace",
    )


def test_a_secret_on_a_sub_path_never_changes(mounts: tuple[Mount, ...]) -> None:
    settings = Settings.from_environ({"GITHUB_TOKEN_FILE": "/run/token/it"})
    (found,) = kubernetes.judge_secrets(settings, mounts)
    assert found.result is Result.WARN
    assert "GITHUB_TOKEN_FILE=/run/token/it is mounted with a subPath" in found.summary
    settings = Settings.from_environ({"GITHUB_TOKEN_FILE": "/run/secrets/token"})
    assert [each.result for each in kubernetes.judge_secrets(settings, mounts)] == [Result.OK]
    assert list(kubernetes.judge_secrets(Settings.from_environ({}), mounts)) == []


def test_the_service_account_and_shared_memory(tmp_path: Path) -> None:
    token = tmp_path / "token"
    assert kubernetes.judge_account(token).result is Result.OK
    token.write_text("x")
    assert "automountServiceAccountToken: false" in kubernetes.judge_account(token).fix
    assert kubernetes.judge_shared_memory(2**30).result is Result.OK
    assert kubernetes.judge_shared_memory(64 * 2**20).result is Result.WARN


# --- versions -----------------------------------------------------------------------------------

GIT = Program("git", ("git", "--version"), (2, 34), "commits cannot be signed")


@pytest.mark.parametrize(
    ("text", "needed", "result"),
    [
        ("git version 2.39.5\n", True, Result.OK),
        ("git version 2.34\n", True, Result.OK),
        ("git version 2.25.1 (Apple)\n", True, Result.WARN),
        ("", True, Result.UNKNOWN),
        (None, True, Result.FAIL),
        (None, False, Result.SKIPPED),
    ],
)
def test_versions(text: str | None, needed: bool, result: Result) -> None:
    assert versions.judge(GIT, text, needed=needed).result is result


@pytest.mark.parametrize(
    ("content", "version"),
    [('{"version": "4.1.2"}', "4.1.2"), ("{}", ""), ("[]", ""), ("no JSON", ""), (None, "")],
)
def test_a_version_is_read_where_it_stands(
    tmp_path: Path, content: str | None, version: str
) -> None:
    path = tmp_path / "package.json"
    if content is not None:
        path.write_text(content)
    assert read_manifest(path) == version
    assert read_manifest(None) == ""
