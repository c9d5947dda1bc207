"""Archives of the old backup.sh: unpacked within their folder and harmless, or refused."""

import gzip
import io
import os
import shutil
import stat
import tarfile
from pathlib import Path

from hypothesis import strategies as st

from agent.backup.restore import archive_extraction
from agent.machine.errors import AgentError
from tests.fuzz.properties import fuzz, make_folder
from tests.fuzz.texts import UNICODE, write

FOLDER = make_folder()
OUTSIDE = write(FOLDER / "outside/kept", "kept")
NAMES = st.one_of(
    st.sampled_from(
        (
            ".",
            "./",
            "a",
            "./a",
            "a/b",
            "a/b/c",
            "../outside/kept",
            "/etc/x",
            "a/../b",
            "link",
            "link/x",
            "",
            "a//b",
            "./../x",
            "link/../x",
            "a\nb",
            "é",
            "x" * 300,
            "/".join("d" * 260),
            "..",
            "outside",
        )
    ),
    UNICODE.map(lambda text: text[:40]),
)
KINDS = st.sampled_from(
    (
        tarfile.REGTYPE,
        tarfile.AREGTYPE,
        tarfile.DIRTYPE,
        tarfile.SYMTYPE,
        tarfile.LNKTYPE,
        tarfile.FIFOTYPE,
        tarfile.CHRTYPE,
        tarfile.CONTTYPE,
        b"Z",
    )
)
LINKS = st.one_of(
    st.sampled_from(("a", str(OUTSIDE), str(OUTSIDE.parent), "..", "../outside", "link", "/", ".")),
    NAMES,
)


@st.composite
def members(draw: st.DrawFn) -> tuple[tarfile.TarInfo, bytes]:
    member = tarfile.TarInfo(draw(NAMES))
    member.type, member.linkname = draw(KINDS), draw(LINKS)
    member.mode = draw(st.sampled_from((0o644, 0o4755, 0o7777, 0, 0o777)))
    member.mtime = draw(st.sampled_from((0, 1, 2**33, 2**40, -1)))
    content = draw(st.binary(max_size=20)) if member.isreg() else b""
    member.size = len(content)
    return member, content


def pack(rows: list[tuple[tarfile.TarInfo, bytes]], form: int) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as tar:
        for member, content in rows:
            try:
                tar.addfile(member, io.BytesIO(content))
            except ValueError:  # this format cannot hold it
                continue
    return out.getvalue()


PACKED = st.builds(
    pack,
    st.lists(members(), max_size=6),
    st.sampled_from((tarfile.GNU_FORMAT, tarfile.PAX_FORMAT, tarfile.USTAR_FORMAT)),
)
DAMAGE = st.lists(st.tuples(st.floats(0, 0.999), st.integers(0, 255)), max_size=4)


def list_names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def unpack(content: bytes) -> None:
    """Unpack it as a restore does. Whatever it holds, what is outside stays and nothing is odd."""
    target = FOLDER / "target/tree"
    shutil.rmtree(target.parent, ignore_errors=True)
    target.parent.mkdir()
    path = write(FOLDER / "archive.tar.gz", content)
    try:
        held = archive_extraction.unpack(path, target)
    except AgentError as error:
        assert all("\n" not in str(problem) for problem in error.problems)
    else:
        assert (target / held.top).exists() or not held.files
    assert OUTSIDE.read_text() == "kept"
    assert stat.S_IMODE(OUTSIDE.stat().st_mode) == 0o644
    assert list_names(FOLDER) == ["archive.tar.gz", "outside", "target"]
    assert list_names(OUTSIDE.parent) == ["kept"]
    assert list_names(target.parent) in (["tree"], [])
    for folder, folders, files in os.walk(target):
        for name in (*folders, *files):
            found = (Path(folder) / name).lstat()
            if not stat.S_ISLNK(found.st_mode):
                assert stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode)
                assert stat.S_IMODE(found.st_mode) & ~0o755 == 0


@fuzz(part=0.3, content=PACKED)
def test_what_is_unpacked_is_within_and_harmless(content: bytes) -> None:
    unpack(gzip.compress(content, 1))


@fuzz(part=0.3, content=PACKED, damage=DAMAGE)
def test_a_damaged_one_is_refused_or_harmless(
    content: bytes, damage: list[tuple[float, int]]
) -> None:
    broken = bytearray(content)
    for place, value in damage:
        broken[int(place * len(broken))] = value
    unpack(gzip.compress(bytes(broken), 1))


@fuzz(part=0.5, content=st.binary(max_size=300), packed=st.booleans())
def test_anything_is_refused(content: bytes, packed: bool) -> None:
    unpack(gzip.compress(content, 1) if packed else content)
