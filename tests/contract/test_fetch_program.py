"""docker/base/fetch-program.sh with apt's own helper, against mirrors on loopback."""

import functools
import hashlib
import http.server
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "docker/base/fetch-program.sh"
PATH = "pool/main/r/restic/restic_1_{}.deb"
CONTROL = "Package: restic\nVersion: 1\nArchitecture: all\nMaintainer: T <t@example.com>\n\
Description: a stand-in\n"

pytestmark = pytest.mark.skipif(
    not Path("/usr/lib/apt/apt-helper").exists(), reason="needs apt, as the build has it"
)


def serve(folder: Path) -> Iterator[str]:
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


@pytest.fixture
def mirror(tmp_path: Path) -> Iterator[str]:
    """A mirror that has dropped everything."""
    folder = tmp_path / "mirror"
    folder.mkdir()
    yield from serve(folder)


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A package in the archive, named for this machine."""
    tree = tmp_path / "tree"
    files = {"DEBIAN/control": CONTROL, "usr/bin/restic": "a program",
             "usr/share/doc/restic/copyright": "a license"}  # fmt: skip
    for name, text in files.items():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text(text)
    tree.chmod(0o755)
    (tree / "DEBIAN").chmod(0o755)
    words = ["dpkg", "--print-architecture"]
    machine = subprocess.run(words, check=True, capture_output=True, text=True).stdout.strip()
    target = tmp_path / "archive" / PATH.format(machine)
    target.parent.mkdir(parents=True)
    subprocess.run(["dpkg-deb", "--build", tree, target], check=True, capture_output=True)
    return target


@pytest.fixture
def archive(package: Path, tmp_path: Path) -> Iterator[str]:
    """An archive that has the package."""
    yield from serve(tmp_path / "archive")


@pytest.fixture
def lock(package: Path, tmp_path: Path) -> Path:
    digest = hashlib.sha256(package.read_bytes()).hexdigest()
    file = tmp_path / "restic.txt"
    file.write_text(f"# a comment\n{digest}  {package.relative_to(tmp_path / 'archive')}\n")
    return file


def fetch(lock: Path, *mirrors: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        ["sh", SCRIPT, lock, "out", *mirrors],
        cwd=lock.parent, check=False, capture_output=True, text=True,
    )  # fmt: skip


def test_what_a_mirror_dropped_comes_from_the_archive(
    lock: Path, mirror: str, archive: str
) -> None:
    assert fetch(lock, mirror, archive).returncode == 0
    program = lock.parent / "out/usr/local/bin/restic"
    assert program.read_text() == "a program"
    assert program.stat().st_mode & 0o777 == 0o755
    assert (lock.parent / "out/usr/share/doc/restic/copyright").read_text() == "a license"


def test_the_archive_is_not_asked_where_the_mirror_has_it(lock: Path, archive: str) -> None:
    assert fetch(lock, archive, "http://127.0.0.1:9/").returncode == 0


def test_another_file_of_that_name_is_refused(lock: Path, archive: str) -> None:
    lock.write_text(lock.read_text().replace(lock.read_text()[12:20], "01234567"))
    done = fetch(lock, archive, archive)
    assert done.returncode == 1
    assert not (lock.parent / "out/usr").exists()


def test_a_file_that_is_nowhere_is_told(lock: Path, mirror: str, archive: str) -> None:
    shutil.rmtree(lock.parent / "archive")
    done = fetch(lock, mirror, archive)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("cannot fetch pool/main/r/restic/restic_1_")
    assert f"neither {mirror} nor {archive} has it" in done.stderr
