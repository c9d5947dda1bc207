"""Files that programs change through memory, whose times may not show it."""

import mmap
import os
import stat
import struct
import time
from pathlib import Path

import pytest

from agent.backup.create.content import Content
from agent.backup.create.mapped_files import KNOWN, find_mapped, freshen
from agent.machine.system import Facts
from tests.worlds.machine import make_facts

ROW = "7f0000000000-7f0000001000 {} 00000000 fe:00 1234       {}\n"


@pytest.fixture
def facts(tmp_path: Path) -> Facts:
    return make_facts(tmp_path)


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    """A /proc with the maps of one process, which a test fills."""
    (tmp_path / "proc/42").mkdir(parents=True)
    (tmp_path / "proc/self").mkdir()
    (tmp_path / "proc/43").mkdir()  # it has just ended
    return tmp_path / "proc"


def write_maps(proc: Path, *rows: str) -> None:
    (proc / "42/maps").write_bytes("".join(rows).encode(errors="surrogateescape"))


def make_file(folder: Path) -> Path:
    """Return a file that was changed a while ago, and modified long ago."""
    path = folder / "w/file"
    path.parent.mkdir()
    path.write_text("x")
    os.utime(path, (1, 1))
    time.sleep(0.02)  # longer than the kernel's tick: only then do times differ
    return path


@pytest.mark.parametrize("name", ["file", "two  blanks ", "line\nfeed", "\udcff", "[heap]"])
def test_what_is_mapped_for_writing_is_found_whatever_it_is_called(proc: Path, name: str) -> None:
    write_maps(proc, ROW.format("rw-s", f"/w/{name}".replace("\n", "\\012")))
    assert [*find_mapped(proc, [Path("/w")])] == [Path(f"/w/{name}")]


@pytest.mark.parametrize(
    "row",
    [
        ROW.format("rw-p", "/w/private"),
        ROW.format("r--s", "/w/only-read"),
        ROW.format("rw-s", "/elsewhere/file"),
        ROW.format("rw-s", "/w/app.db-shm"),
        "7f0000000000-7f0000001000 rw-s 00000000 00:00 0\n",
        "garbage\n",
    ],
)
def test_other_mappings_are_passed_over(proc: Path, row: str) -> None:
    write_maps(proc, row)
    assert [*find_mapped(proc, [Path("/w")])] == []


def test_a_process_of_this_machine_is_seen(tmp_path: Path) -> None:
    path = make_file(tmp_path)
    with path.open("r+b") as file, mmap.mmap(file.fileno(), 0):
        assert path in [*find_mapped(Path("/proc"), [path.parent])]
    assert path not in [*find_mapped(Path("/proc"), [path.parent])]


def test_only_the_time_of_change_is_new_now_and_once_more_afterwards(
    tmp_path: Path, facts: Facts, proc: Path
) -> None:
    path = make_file(tmp_path)
    content = Content((path.parent,))
    write_maps(proc, ROW.format("rw-s", path))
    dates = [path.stat().st_ctime_ns]
    for after in (None, "", ""):
        freshen(content, facts, proc)
        dates.append(path.stat().st_ctime_ns)
        assert (path.read_text(), path.stat().st_mtime) == ("x", 1)
        time.sleep(0.02)
        if after is not None:
            write_maps(proc, after)
    freshen(content, facts, proc)
    dates.append(path.stat().st_ctime_ns)
    assert dates[0] < dates[1] < dates[2] < dates[3] == dates[4]
    assert KNOWN.read(facts) == []


def test_what_is_left_out_or_gone_is_left_alone(tmp_path: Path, facts: Facts, proc: Path) -> None:
    path = make_file(tmp_path)
    before = path.stat().st_ctime_ns
    write_maps(proc, ROW.format("rw-s", path), ROW.format("rw-s", f"{path} (deleted)"))
    freshen(Content((path.parent,), (f"{path.parent}/fi*",)), facts, proc)
    assert path.stat().st_ctime_ns == before


def test_a_link_is_not_followed(tmp_path: Path, facts: Facts, proc: Path) -> None:
    path = make_file(tmp_path)
    before = path.stat().st_ctime_ns
    (path.parent / "link").symlink_to(path)
    KNOWN.write(facts, [str(path.parent / "link"), "\0", "/nowhere"])
    freshen(Content((path.parent,)), facts, proc)
    assert path.stat().st_ctime_ns == before


@pytest.mark.parametrize("mode", [0o4755, 0o2755])
def test_a_program_keeps_the_bits_that_give_it_another_user(
    tmp_path: Path, facts: Facts, proc: Path, mode: int
) -> None:
    path = make_file(tmp_path)
    path.chmod(mode)
    write_maps(proc, ROW.format("rw-s", path))
    freshen(Content((path.parent,)), facts, proc)
    assert stat.S_IMODE(path.stat().st_mode) == mode


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives capabilities")
def test_a_program_keeps_its_capabilities(tmp_path: Path, facts: Facts, proc: Path) -> None:
    path = make_file(tmp_path)
    may_bind = struct.pack("<5I", 0x02000001, 1 << 10, 0, 0, 0)  # CAP_NET_BIND_SERVICE
    os.setxattr(path, "security.capability", may_bind)
    write_maps(proc, ROW.format("rw-s", path))
    freshen(Content((path.parent,)), facts, proc)
    assert os.getxattr(path, "security.capability") == may_bind
