"""Making a backup with the real restic when something is in the way: files, servers, room."""

import ctypes
import os
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import psutil
import pytest

from agent import catalogue
from agent.backup.create.content import ToolFiles, find_content
from agent.backup.create.snapshot import BackupMaker, BackupResult, Contents, Source
from agent.backup.restic import locks
from agent.backup.restic.client import Restic
from agent.backup.target import find_targets
from agent.machine.programs.follow import Limits, Message
from agent.settings.everything import Settings
from tests.contract.vault import Vault
from tests.worlds.backup_servers import Server, serving_rclone
from tests.worlds.programs import Awaited
from tests.worlds.quick_key import place_repository
from tests.worlds.small_folder import SmallFolder, small_folder
from tests.worlds.trees import make_odd_tree
from tests.worlds.waiting import wait_until

CHURN = """
import os, sys
number = 0
while True:
    number += 1
    with open(f"{sys.argv[1]}/{number}", "w") as file:
        file.write("x" * 5000)
    if number == 300:
        print("begun", flush=True)
    if number >= 300:
        os.unlink(f"{sys.argv[1]}/{number - 299}")
"""


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    found = Vault(tmp_path)
    found.put("kept", 100_000)
    return found


@contextmanager
def churning(folder: Path) -> Iterator[None]:
    """Have another process make files and remove them, all the time."""
    folder.mkdir()
    argv = [sys.executable, "-c", CHURN, str(folder)]
    with Awaited[bytes](argv, stdout=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.readline()
        try:
            yield
        finally:
            process.kill()


def test_files_that_vanish_meanwhile_are_no_fault(vault: Vault) -> None:
    with churning(vault.workspace / "churn"):
        for _ in range(3):
            made = vault.make()
            assert (made.problem, made.missing) == (None, ())
    assert vault.restic.run("dump", "latest", str(vault.workspace / "kept")).code == 0


@pytest.mark.skipif(os.getuid() == 0, reason="root reads every file; the end-to-end tests do this")
def test_a_file_that_cannot_be_read_is_named(vault: Vault) -> None:
    vault.put("closed", 10).chmod(0)
    made = vault.make()
    assert made.snapshot
    assert [text.split(":")[0] for text in made.missing] == [str(vault.workspace / "closed")]


def test_a_path_that_is_too_long_is_named(vault: Vault) -> None:
    folder = os.open(vault.workspace, os.O_RDONLY)
    for _ in range(25):
        os.mkdir("x" * 200, dir_fd=folder)
        inner = os.open("x" * 200, os.O_RDONLY, dir_fd=folder)
        os.close(folder)
        folder = inner
    os.close(os.open("file", os.O_CREAT | os.O_WRONLY, dir_fd=folder))
    os.close(folder)
    made = vault.make()
    assert made.snapshot
    assert [text.rpartition(": ")[2] for text in made.missing] == ["file name too long"]


@pytest.mark.skipif(os.getuid() != 0, reason="only root may mount")
def test_a_mount_whose_server_is_gone_is_named(vault: Vault) -> None:
    (vault.workspace / "remote").mkdir()
    with dead_mount(vault.workspace / "remote"):
        made = vault.make()
    assert made.snapshot
    cause = "transport endpoint is not connected"
    assert made.missing == (f"{vault.workspace / 'remote'}: {cause}",)


@contextmanager
def dead_mount(folder: Path) -> Iterator[None]:
    """Mount FUSE whose server has ended: whatever one asks there, the answer is ENOTCONN."""
    server = os.open("/dev/fuse", os.O_RDWR)
    options = f"fd={server},rootmode=40000,user_id=0,group_id=0"
    libc = ctypes.CDLL(None, use_errno=True)
    result = libc.mount(b"dead", bytes(folder), b"fuse", 0, options.encode())
    os.close(server)
    if result:
        pytest.skip(f"cannot mount: {os.strerror(ctypes.get_errno())}")
    try:
        yield
    finally:
        libc.umount2(bytes(folder), 2)  # MNT_DETACH


def test_a_small_change_adds_little(vault: Vault) -> None:
    for number in range(100):
        vault.put(f"file{number}", 30_000)
    first = vault.back_up()
    vault.put("file7", 30_000)
    assert vault.back_up().added < 0.05 * first.added


def test_what_a_backup_says_of_itself_is_what_the_target_lists(vault: Vault) -> None:
    made = vault.back_up()
    (listed,) = vault.restic.snapshots()
    assert made == replace(listed, tree="")


@dataclass
class Loss(Source):
    """Does something to the only backup as soon as restic has ended."""

    repository: Path
    do: Callable[[Path], object]

    def look_again(self) -> tuple[Path, ...]:
        (path,) = (self.repository / "snapshots").iterdir()
        self.do(path)
        return ()

    def make_ready(self) -> Contents:
        raise AssertionError("there is no second run")


def spoil(path: Path) -> None:
    path.chmod(0o600)
    path.write_bytes(path.read_bytes()[:-1] + b"?")


@pytest.mark.parametrize("do", [Path.unlink, spoil])
def test_a_backup_that_the_target_does_not_hold_is_none(
    vault: Vault, do: Callable[[Path], object]
) -> None:
    """restic has said that it is there."""
    made = vault.make(source=Loss(vault.repository, do))
    assert made.snapshot is None
    assert made.problem


def test_a_full_target_is_told_and_what_it_had_is_as_good(vault: Vault, tmp_path: Path) -> None:
    place = tmp_path / "target"
    place.mkdir()
    with small_folder(place, megabytes=4) as small:
        place_repository(small.inside, vault.root / "password")
        inside = replace(vault.target, repository=str(small.inside), folder=small.inside)
        restic = Restic(inside, vault.facts)
        maker = BackupMaker("workspace", Contents((vault.workspace,)))
        first = maker.make(restic)
        assert first.snapshot
        vault.put("more", 2_000_000)
        small.fill(left=200_000)
        full = maker.make(restic)
        assert full.snapshot is None
        assert full.problem
        assert "no space left" in str(full.problem)
        assert "earlier backups are unaffected" in str(full.problem)
        assert [item.id for item in restic.snapshots()] == [first.snapshot.id]
        assert restic.run("dump", first.snapshot.id, str(vault.workspace / "kept")).code == 0
        small.make_room()
        assert maker.make(restic).problem is None


@contextmanager
def small_target(vault: Vault) -> Iterator[tuple[Path, SmallFolder]]:
    """Give a folder for backups by a path that everybody can use, and what holds it."""
    place = vault.root / "target"
    place.mkdir()
    with small_folder(place, megabytes=60) as small:
        place_repository(small.inside, vault.root / "password")
        yield small.inside, small


def test_a_target_that_becomes_read_only_is_told_at_once(vault: Vault) -> None:
    with small_target(vault) as (folder, small):
        script = 'mount --bind "$1" "$1" && mount -o remount,bind,ro "$1"'
        over = ("sh", "-c", script, "sh", str(small.path))
        failed, good = lose_target(
            vault, folder, lambda: small.run(*over).check_returncode(),
            lambda: small.run("umount", str(small.path)).check_returncode(),
        )  # fmt: skip
    assert "read-only file system" in str(failed.problem)
    assert "mount it writable" in str(failed.problem)
    assert good.problem is None


def test_a_target_whose_server_dies_is_told_at_once(vault: Vault) -> None:
    with ExitStack() as stack:
        failed, good = lose_target(
            vault, vault.repository, lambda: stack.enter_context(dead_mount(vault.repository)),
            stack.close,
        )  # fmt: skip
    assert "transport endpoint is not connected" in str(failed.problem)
    assert "mount it again" in str(failed.problem)
    assert good.problem is None


def make_meanwhile(
    vault: Vault, restic: Restic, stall: float, happen: Callable[[], object], patience: float
) -> BackupResult:
    """Make a backup, and let something happen in the midst of it; return the backup."""
    limits = Limits(stall=stall)
    begun = threading.Event()
    results: list[BackupResult] = []
    worker = threading.Thread(target=lambda: results.append(make(vault, restic, limits, begun)))
    worker.start()
    assert begun.wait(60)
    happen()
    worker.join(patience)
    assert not worker.is_alive(), tell_children()
    (made,) = results
    return made


def tell_children() -> str:
    """Return what the processes of this test wait for: one in D waits for a disk."""
    children = psutil.Process().children(recursive=True)
    return ", ".join(f"{child.name()} ({child.status()})" for child in children)


def lose_target(
    vault: Vault, folder: Path, lose: Callable[[], object], give_back: Callable[[], object]
) -> tuple[BackupResult, BackupResult]:
    """Lose a target in the midst of a backup; return that one, and the next when it is back.

    See that nothing that it had is lost.
    """
    target = replace(vault.target, repository=str(folder), folder=folder)
    restic = Restic(target, vault.facts, memory=100_000_000, extra=("--limit-upload", "3000"))
    first = make(vault, restic, Limits())
    assert first.snapshot
    vault.put("more", 30_000_000)
    failed = make_meanwhile(vault, restic, 100, lose, patience=300)
    give_back()
    assert failed.snapshot is None
    assert "no progress" not in str(failed.problem)
    assert find_restics() == []
    good = make(vault, Restic(target, vault.facts), Limits())
    assert restic.run("dump", first.snapshot.id, str(vault.workspace / "kept")).code == 0
    locks.check_alone(restic, "check", "check", "--read-data")
    return failed, good


@pytest.mark.parametrize("home_is_small", [False, True])
def test_temporary_files_go_where_there_is_room(
    vault: Vault, tmp_path: Path, home_is_small: bool
) -> None:
    """A /tmp of 16 MB would not hold the packs that are being filled."""
    (tmp_path / "tmp").mkdir()
    vault.put("big", 120_000_000)
    with small_folder(tmp_path / "tmp", megabytes=16) as small:
        facts = replace(vault.facts, environ={**vault.facts.environ, "TMPDIR": str(small.inside)})
        if home_is_small:
            facts = replace(facts, home=small.inside)
        made = BackupMaker("workspace", Contents((vault.workspace,))).make(
            Restic(vault.target, facts)
        )
    assert (made.problem, made.missing) == (None, ())


# --- a server that is not there ---


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    (tmp_path / "server").mkdir()
    with serving_rclone(tmp_path / "server") as found:
        yield found


def connect(vault: Vault, server: Server) -> Restic:
    """Return restic on a repository of this server, as the settings make it."""
    server.place(vault.root / "password")
    word = {"DEV8_BACKUP_PASSWORD_FILE": str(vault.root / "password")}
    settings = Settings.from_environ({**server.variables, **word})
    (target,) = find_targets(catalogue.TARGETS, settings, vault.facts).ready
    return Restic(target, vault.facts)


def make(
    vault: Vault, restic: Restic, limits: Limits, hear: threading.Event | None = None
) -> BackupResult:
    if hear:
        restic.environment["RESTIC_PROGRESS_FPS"] = "60"  # with two it may be done by the first

    def listen(_: Message) -> None:
        if hear:
            hear.set()

    return BackupMaker(
        "workspace", Contents((vault.workspace,)), limits=limits, listener=listen
    ).make(restic)


def find_restics() -> list[int]:
    """Return the processes of restic that this test has started."""
    return [child.pid for child in psutil.Process().children(recursive=True)
            if child.name() == "restic" and child.status() != psutil.STATUS_ZOMBIE]  # fmt: skip


def test_a_server_that_is_away_for_a_while_is_waited_for(vault: Vault, server: Server) -> None:
    restic = connect(vault, server)
    assert make(vault, restic, Limits()).problem is None
    vault.put("more", 20_000_000)
    server.stop()
    results: list[BackupResult] = []
    worker = threading.Thread(target=lambda: results.append(make(vault, restic, Limits(first=120))))
    worker.start()
    wait_until(find_restics, "restic's start")
    server.start()
    worker.join(120)
    assert [made.problem for made in results] == [None]


def test_a_run_that_must_end_by_a_time_does_so_although_restic_would_not(
    vault: Vault, server: Server
) -> None:
    """restic tries for a minute to take its lock away from a server that is silent."""
    restic = connect(vault, server)
    assert make(vault, restic, Limits()).problem is None
    vault.put("more", 60_000_000)
    begun = threading.Event()
    results: list[BackupResult] = []
    limits = Limits(total=12, patience=0.2)
    worker = threading.Thread(target=lambda: results.append(make(vault, restic, limits, begun)))
    worker.start()
    assert begun.wait(60)
    began = time.monotonic()
    with server.frozen():
        worker.join(120)
    assert time.monotonic() - began < 45
    assert find_restics() == []
    assert "it took longer than 12 s" in str(results[0].problem)


def test_one_that_falls_silent_in_the_midst_is_given_up(vault: Vault, server: Server) -> None:
    restic = connect(vault, server)
    assert make(vault, restic, Limits()).problem is None
    vault.put("more", 60_000_000)
    begun = threading.Event()
    results: list[BackupResult] = []
    limits = Limits(stall=4)
    worker = threading.Thread(target=lambda: results.append(make(vault, restic, limits, begun)))
    began = time.monotonic()
    worker.start()
    assert begun.wait(60)
    with server.frozen():
        worker.join(120)
        assert not worker.is_alive()
        assert time.monotonic() - began < 60
        assert find_restics() == []
    (made,) = results
    assert made.snapshot is None
    assert "no progress for 4 s" in str(made.problem)
    assert make(vault, restic, Limits()).problem is None, "the dead lock is in nobody's way"


def test_one_that_is_stopped_in_the_midst_is_named_and_loses_nothing(
    vault: Vault, server: Server
) -> None:
    restic = connect(vault, server)
    first = make(vault, restic, Limits())
    assert first.snapshot
    vault.put("more", 60_000_000)
    made = make_meanwhile(vault, restic, 8, server.stop, patience=300)
    assert find_restics() == []
    assert made.snapshot is None
    assert "connection refused" in str(made.problem)
    assert "check that its server can be reached" in str(made.problem)
    server.start()
    assert make(vault, restic, Limits()).problem is None
    assert restic.run("dump", first.snapshot.id, str(vault.workspace / "kept")).code == 0
    locks.check_alone(restic, "check", "check", "--read-data")


def test_restic_takes_every_file_that_another_look_counts(vault: Vault) -> None:
    """It leaves nothing out without a word: whatever is hard to keep, the sums agree."""
    make_odd_tree(vault.workspace, unreadable=os.getuid() == 0)
    content = find_content(vault.workspace, vault.root / "nobody", tools=ToolFiles())
    regular = sum(
        stat.S_ISREG((Path(top) / name).lstat().st_mode)
        for top, _, names in os.walk(vault.workspace) for name in names
    )  # fmt: skip
    made = BackupMaker("workspace", Contents(content.paths, content.excludes)).make(vault.restic)
    assert made.snapshot
    assert (made.snapshot.files, made.missing) == (regular, ())
