"""restic alone on each server of tests/worlds/backup_servers.py: no failure here is our fault."""

import os
import subprocess
import threading
from pathlib import Path

import pytest

from tests.worlds.backup_servers import Server, find_program, serving_rclone
from tests.worlds.programs import Awaited
from tests.worlds.quick_key import place_repository
from tests.worlds.small_folder import small_folder
from tests.worlds.waiting import DEADLINE

PASSWORD = {"RESTIC_PASSWORD": "x", "RESTIC_PROGRESS_FPS": "1"}
PATH = "some/path"
Done = subprocess.CompletedProcess[str]


@pytest.fixture
def files(tmp_path: Path) -> Path:
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "text").write_text("kept\n")
    (folder / "bytes").write_bytes(os.urandom(300_000))
    return folder


@pytest.fixture
def password(tmp_path: Path) -> Path:
    path = tmp_path / "password"
    path.write_text(PASSWORD["RESTIC_PASSWORD"])
    return path


def run_restic(server: Server, *words: str, timeout: float = 60) -> Done:
    argv = [find_program("restic"), "--no-cache", *server.options(PATH), *words]
    environ = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", **PASSWORD, **server.environment}
    return subprocess.run(
        argv, env=environ, check=False, capture_output=True, text=True, timeout=timeout
    )


def expect(done: Done, code: int = 0) -> str:
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


def test_restic_gets_back_what_it_gave(server: Server, files: Path) -> None:
    expect(run_restic(server, "init"))
    expect(run_restic(server, "backup", str(files)))
    expect(run_restic(server, "check", "--read-data"))
    assert expect(run_restic(server, "dump", "latest", str(files / "text"))) == "kept\n"


def test_a_frozen_server_is_waited_for(server: Server, password: Path) -> None:
    server.place(password, PATH)
    done: list[Done] = []
    with server.frozen():
        asker = threading.Thread(target=lambda: done.append(run_restic(server, "snapshots")))
        asker.start()
        asker.join(2)
        assert asker.is_alive(), done
    asker.join(DEADLINE)
    (last,) = done
    expect(last)


def test_a_server_that_was_stopped_comes_back_with_all_it_had(
    tmp_path: Path, files: Path, password: Path
) -> None:
    with serving_rclone(tmp_path) as server:
        server.place(password, PATH)
        expect(run_restic(server, "backup", str(files)))
        server.stop()
        assert not server.answers()
        with pytest.raises(subprocess.TimeoutExpired):  # restic asks on, for 15 minutes
            run_restic(server, "snapshots", timeout=3)
        server.start()
        assert str(files) in expect(run_restic(server, "snapshots"))


def test_rclone_refuses_a_wrong_key(tmp_path: Path) -> None:
    with serving_rclone(tmp_path) as server:
        environ = {**os.environ, **PASSWORD, **server.environment, "AWS_SECRET_ACCESS_KEY": "other"}
        argv = [find_program("restic"), "--no-cache", *server.options("x"), "init"]
        with Awaited(argv, env=environ, stdout=-1, stderr=-2, text=True) as process:
            try:
                assert process.stdout
                words = iter(process.stdout.readline, "")
                assert any("does not match the signature" in line for line in words)
            finally:
                process.kill()


def test_a_target_gets_full_and_what_it_had_stays(
    tmp_path: Path, files: Path, password: Path
) -> None:
    target, restored = tmp_path / "target", tmp_path / "restored"
    target.mkdir()
    restic = [find_program("restic"), "--no-cache", "--repo", str(target / "repository")]
    with small_folder(target, megabytes=4) as small:
        place_repository(small.inside / "repository", password)
        expect(small.run(*restic, "backup", str(files), **PASSWORD))
        (files / "more").write_bytes(os.urandom(1_000_000))
        small.fill(left=200_000)
        done = small.run(*restic, "backup", str(files), **PASSWORD)
        assert (done.returncode, "no space left" in done.stderr) == (1, True), done.stderr
        expect(small.run(*restic, "restore", "latest", "--target", str(restored), **PASSWORD))
        assert (restored / str(files)[1:] / "text").read_text() == "kept\n"
        small.make_room()
        expect(small.run(*restic, "backup", str(files), **PASSWORD))
    assert not list(target.iterdir()), "nobody else sees what is in there"
