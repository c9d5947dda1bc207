"""scripts/upstream.py against a maker's server on loopback, and packages made by hand."""

import hashlib
import io
import socket
import subprocess
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from scripts import upstream
from scripts.upstream import MismatchError, NotComparedError, Release, find_checksum

TOP = Path(__file__).resolve().parents[2]
PROGRAM, OTHER = b"\x7fELF the program", b"\x7fELF another one"
LOCK = "docker/base/gh.txt"


class Maker(ThreadingHTTPServer):
    """What a maker publishes: path -> content."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def publish(self, name: str, data: bytes, checksum_of: bytes | None = None) -> None:
        """Publish an archive with a list of checksums: its own, or that of something else."""
        digest = hashlib.sha256(data if checksum_of is None else checksum_of).hexdigest()
        self.files[f"/{name}"] = data
        self.files["/SUMS"] = f"{'0' * 64}  other.zip\n{digest} *{name}\n".encode()


class Handler(BaseHTTPRequestHandler):
    server: Maker

    def do_GET(self) -> None:
        content = self.server.files.get(self.path)
        self.send_response(200 if content is not None else 404)
        self.end_headers()
        self.wfile.write(content or b"")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def maker() -> Iterator[Maker]:
    with Maker() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def make_tar(compression: str, files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=f"w:{compression}") as archive:  # type: ignore[call-overload]
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def make_zip(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as package:
        for name, content in files.items():
            package.writestr(name, content)
    return buffer.getvalue()


def make_release(
    url: str, name: str = "tool-{version}-{maker}.zip", member: str = "bin/"
) -> Release:
    return Release("tool", LOCK, "tool-bin", "tool/bin/", f"{url}/SUMS", f"{url}/{name}", member,
                   (("x86_64", "amd64"),))  # fmt: skip


def compare(release: Release, package: dict[str, bytes]) -> None:
    upstream.Build(release, "1.2.3", "x86_64", "amd64").compare(lambda: make_zip(package))


PACKAGE = {"tool/bin/tool": PROGRAM, "tool/bin/__init__.py": b"", "tool-1.2.3.dist-info/x": b"x"}
PUBLISHED = {"bin/tool": PROGRAM, "bin/more": OTHER, "README": b"hello"}


@pytest.mark.parametrize("kind", ["zip", "tar.gz", "tar.xz"])
def test_the_makers_own_program_passes(maker: Maker, kind: str) -> None:
    data = make_zip(PUBLISHED) if kind == "zip" else make_tar(kind[4:], PUBLISHED)
    maker.publish(f"tool.{kind}", data)
    compare(make_release(maker.url, f"tool.{kind}"), PACKAGE)


def test_an_archive_that_is_the_program_itself_passes(maker: Maker) -> None:
    maker.publish("tool", PROGRAM)
    release = Release("tool", LOCK, "tool-bin", "tool/bin/tool", f"{maker.url}/SUMS",
                      f"{maker.url}/tool", "", (("x86_64", "amd64"),))  # fmt: skip
    compare(release, PACKAGE)
    with pytest.raises(MismatchError):
        compare(release, {"tool/bin/tool": OTHER})


@pytest.mark.parametrize(
    "package",
    [
        {"tool/bin/tool": OTHER},
        {**PACKAGE, "tool/bin/added": OTHER},
        {"elsewhere/tool": PROGRAM},
    ],
    ids=["another program", "one more", "none"],
)
def test_a_package_that_holds_something_else_is_refused(
    maker: Maker, package: dict[str, bytes]
) -> None:
    maker.publish("tool-1.2.3-amd64.zip", make_zip(PUBLISHED))
    with pytest.raises(MismatchError):
        compare(make_release(maker.url), package)


def test_an_archive_that_its_checksum_does_not_fit_is_refused(maker: Maker) -> None:
    maker.publish("tool-1.2.3-amd64.zip", make_zip(PUBLISHED), checksum_of=b"the real one")
    with pytest.raises(MismatchError, match="is not what its checksum says"):
        compare(make_release(maker.url), PACKAGE)


def test_what_is_not_published_is_not_compared(maker: Maker) -> None:
    with pytest.raises(NotComparedError, match="cannot reach 127"):
        compare(make_release(maker.url), PACKAGE)
    maker.publish("something-else.zip", b"")
    with pytest.raises(NotComparedError, match="no checksum of tool-1"):
        compare(make_release(maker.url), PACKAGE)


def test_lists_of_checksums_are_read_as_makers_write_them() -> None:
    digest = "ab" * 32
    for line in (f"{digest}  a.zip", f"{digest} *a.zip", f"{digest}  ./a.zip", digest.upper()):
        assert find_checksum(f"{'1' * 64}  xa.zip\n{line}\n", "a.zip") == digest
    with pytest.raises(NotComparedError):
        find_checksum(f"{digest}  a.zip.asc\n", "a.zip")


# --- as `make lock` calls it ----------------------------------------------------------------------


def write_wheel(folder: Path, program: bytes) -> str:
    """Write the package of gh for this test; return the line of a lock that pins it."""
    data = make_zip({
        "tool/bin/tool": program,
        "tool_bin-1.2.3.dist-info/METADATA": b"Metadata-Version: 2.1\nName: tool-bin\n"
        b"Version: 1.2.3\n",
        "tool_bin-1.2.3.dist-info/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\n"
        b"Tag: py3-none-manylinux2014_x86_64\n",
        "tool_bin-1.2.3.dist-info/RECORD": b"",
    })  # fmt: skip
    (folder / "tool_bin-1.2.3-py3-none-manylinux2014_x86_64.whl").write_bytes(data)
    hashed = hashlib.sha256(data).hexdigest()
    hashes = "".join(f" \\\n    --hash=sha256:{one}" for one in (hashed, "0" * 64))
    return f"tool-bin==1.2.3{hashes}\n    # via x\n"


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that pip fetches from."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize(
    ("program", "outcome"),
    [(PROGRAM, (0, "as its maker published it")), (OTHER, (1, "NOT what its maker published"))],
)
def test_make_lock_refuses_what_differs(
    maker: Maker, packages: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str], program: bytes, outcome: tuple[int, str],
) -> None:  # fmt: skip
    maker.publish("tool-1.2.3-amd64.zip", make_zip(PUBLISHED))
    monkeypatch.setattr(upstream, "RELEASES", (make_release(maker.url),))
    (packages / "lock").write_text(write_wheel(packages, program))
    code, words = outcome
    assert upstream.main([LOCK, "--content", str(packages / "lock")]) == code
    assert f"    tool 1.2.3 for amd64: {words}" in capsys.readouterr().err


def test_a_maker_who_cannot_be_reached_is_said_and_no_failure(
    packages: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # and nobody listens
        host = f"127.0.0.1:{closed.getsockname()[1]}"
        monkeypatch.setattr(upstream, "RELEASES", (make_release(f"http://{host}"),))
        (packages / "lock").write_text(write_wheel(packages, PROGRAM))
        assert upstream.main([LOCK, "--content", str(packages / "lock")]) == 0
    line = f"    tool 1.2.3 for amd64: not compared: cannot reach {host}: "
    assert capsys.readouterr().err.startswith(line)


def test_every_release_is_of_a_package_that_its_lock_pins() -> None:
    """Otherwise nothing would be compared, and nobody would notice."""
    tracked = subprocess.run(
        ["git", "ls-files"], cwd=TOP, check=True, capture_output=True, text=True
    ).stdout.split()
    found = {
        (build.release.title, build.key)
        for name in tracked
        if name.endswith((".txt", "package-lock.json"))
        for build in upstream.Lock(name, (TOP / name).read_text(), (), ()).list_builds()
    }
    assert found == {(one.title, key) for one in upstream.RELEASES for key, _ in one.architectures}
