"""What the sampler reads may be anything: it keeps to what a kernel writes, and never fails."""

import json
import os
import random
import socket
import struct
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path

import pytest

from agent.machine.light import netlink
from agent.observe.activity import (
    connections,
    idle,
    last_sample,
    moment,
    proc_stat,
    rules,
    sample,
    table,
)
from agent.observe.activity.last_sample import Memory
from tests.fakes.proc import Machine

JOB = Path(sample.__file__).parent / "job.py"
KERNEL_THREADS = "2"
"""The pid of kthreadd, their parent."""
LINE = b"7 (ma) ke (x) R 1 7 7 34817 7 4194304 9 0 0 0 12 3 4 5 20 0 1 0 123456 8 9"


def test_a_line_of_the_kernel_is_read() -> None:
    found = proc_stat.parse("7", LINE)
    assert found is not None
    assert (found.name, found.parent, found.terminal) == ("ma) ke (x", "1", "1")
    assert (found.ticks, found.start) == (12 + 3 + 4 + 5, 123456)
    assert found.leads_session
    assert found.is_in_foreground
    assert not found.has_ended


def spoil(line: bytes, chance: random.Random) -> bytes:
    """Return a line that no kernel writes, or perhaps one that it does."""
    kind = chance.randrange(6)
    at = chance.randrange(len(line))
    if kind == 0:
        return line[:at]
    if kind == 1:
        return line[:at] + bytes(chance.randrange(256) for _ in range(3)) + line[at:]
    if kind == 2:
        words = line.split(b" ")
        words[chance.randrange(len(words))] = chance.choice(
            [b"", b"-", b"-1", b"9" * 400, b"0x1", b"1.5", b"\xff", b")", "٣".encode()]
        )
        return b" ".join(words)
    if kind == 3:
        return line.replace(b" ", chance.choice([b"  ", b"\t", b"\n", b""]))
    if kind == 4:
        return bytes(chance.randrange(256) for _ in range(chance.randrange(2000)))
    return line.replace(b")", b"").replace(b"(", b"")


def test_lines_that_no_kernel_writes_are_no_processes(tmp_path: Path) -> None:
    """Thousands of them; a whole look at a machine of such lines succeeds as well."""
    chance = random.Random(15)
    lines = [spoil(LINE, chance) for _ in range(4000)]
    for line in lines:
        if found := proc_stat.parse("7", line):
            assert found.ticks >= 0
            assert found.start >= 0
            assert isinstance(found.terminal, str)
    machine = Machine(tmp_path)
    machine.open_terminal(1)
    for round_ in range(20):
        for number in range(1, 30):
            folder = machine.proc / str(5000 + number)
            folder.mkdir(exist_ok=True)
            (folder / "stat").write_bytes(chance.choice(lines))
            (folder / "cmdline").write_bytes(chance.choice(lines))
        (machine.proc / "net/tcp").write_bytes(b"\n".join(chance.choices(lines, k=20)))
        (machine.runtime / "state.json").write_bytes(chance.choice(lines))
        machine.wait(30)
        assert machine.look().make_document()["signals"], round_


@pytest.mark.parametrize(
    "text",
    [b"", b"{", b"[]", b"null", b'{"version": 2}', b'{"version": 2, "used": []}', b"\xff" * 100,
     b'{"version": 1, "used": {}}', b'{"version": 2, "used": {}, "boot": "x"}',
     b'{"version": 2, "used": {"7": 3}, "seen": {"editor": 1}}', b"[" * 5000],
)  # fmt: skip
def test_a_damaged_memory_is_none(tmp_path: Path, text: bytes) -> None:
    (tmp_path / "activity").mkdir()
    (tmp_path / last_sample.FILE).write_bytes(text)
    kept = last_sample.load(str(tmp_path))
    assert kept.encode() == Memory().encode()


def test_the_memory_comes_back_as_it_was(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.open_terminal(1)
    machine.wait(60)
    machine.type(1)
    found = machine.look()
    with last_sample.hold(str(tmp_path)):
        sample.save(str(tmp_path), found)
    assert last_sample.load(str(tmp_path)).encode() == found.view.memory.encode()


def test_the_file_holds_what_the_verb_says_and_is_private(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-I", "-S", JOB], env={"DEV8_RUNTIME_DIR": str(tmp_path)},
        check=True, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert (done.stdout, done.stderr) == ("", "")
    document = json.loads((tmp_path / "activity.json").read_bytes())
    assert document["reason"].startswith("Active: ")
    assert sample.find(str(tmp_path), 60) == document
    for name in ("activity.json", last_sample.FILE):
        assert (tmp_path / name).stat().st_mode & 0o077 == 0


def test_a_full_disk_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "activity").write_text("in the way")
    done = subprocess.run(
        [sys.executable, "-I", "-S", JOB], env={"DEV8_RUNTIME_DIR": str(tmp_path)},
        check=False, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 1
    assert json.loads(done.stderr)["message"].startswith("cannot keep the activity: ")


@pytest.mark.parametrize(
    ("age", "is_said"),
    [(30.0, True), (60.0, False), (600.0, False), (3610.0, True), (5000.0, False), (-900.0, False)],
)
@pytest.mark.parametrize("kept", [True, False])
def test_that_nothing_can_be_kept_is_said_once_an_hour(
    tmp_path: Path, age: float, is_said: bool, kept: bool
) -> None:
    now = moment.read()
    (tmp_path / "activity").mkdir()
    if kept:
        (tmp_path / sample.FILE).write_text(json.dumps({"boot": now.boot - age}))
    else:
        (tmp_path / rules.FILE).write_text("{}")
        os.utime(tmp_path / rules.FILE, (now.wall - age, now.wall - age))
    assert idle.is_news(str(tmp_path)) == is_said


def test_who_asks_at_once_gets_one_sample(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two that read the memory, and then both write it, would forget what one of them saw."""
    really, taken = sample.take, []

    def take(folder: str) -> sample.Sample:
        taken.append(folder)
        return really(folder)

    monkeypatch.setattr(sample, "take", take)
    with ThreadPoolExecutor() as pool:
        with last_sample.hold(str(tmp_path)):
            asked = [pool.submit(sample.find, str(tmp_path), 60.0) for _ in range(4)]
            assert not wait(asked, 0.1).done
        documents = [each.result(30) for each in asked]
    assert len(taken) == 1
    assert documents == [documents[0]] * 4


# --- connections ---


def test_the_kernel_and_its_file_count_the_same_connections() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)), server.accept()[0]:
            assert connections.count("/proc", (port,)) == {port: 1}
            assert list(connections.read_table("/proc/net/tcp")).count(port) == 1
            (own,) = [each for each in netlink.list_tcp(netlink.ESTABLISHED)
                      if struct.unpack_from("!4xH", each) == (port,)]  # fmt: skip
            assert own


def test_where_the_kernel_does_not_tell_the_file_is_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(_state: int) -> list[bytes]:
        raise OSError("no such module")

    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)), server.accept()[0]:
            monkeypatch.setattr(netlink, "list_tcp", refuse)
            assert connections.count("/proc", (port,)) == {port: 1}


# --- cost ---


@pytest.mark.parametrize(("has_clocks", "files"), [(True, 20), (False, 520)])
def test_a_sample_reads_few_files_of_each_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has_clocks: bool, files: int
) -> None:
    """Of 500 that sleep it opens none; one each where the kernel does not say that they sleep."""
    machine = Machine(tmp_path)
    machine.has_clocks = has_clocks
    for pid in range(1000, 1500):
        machine.start(pid, "sleep")
    machine.look()
    opened: list[object] = []
    really = os.open

    def count(path: str, *given: int, **more: int) -> int:
        opened.append(path)
        return really(path, *given, **more)

    monkeypatch.setattr(os, "open", count)
    machine.wait(30)
    machine.look()
    assert len(opened) < files


def test_a_process_that_has_run_is_read_again(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.start(7, "sh")
    machine.start(8, "sleep")
    machine.look()
    machine.wait(30, p7=0.5)
    found = machine.look().view.processes
    assert found["7"].used == pytest.approx(0.5, abs=0.01)
    assert found["8"].used == 0.0
    machine.wait(30)
    assert machine.look().view.processes["7"].used == 0.0


def test_a_pid_that_is_given_again_is_another_process(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.start(7, "sleep")
    machine.look()
    machine.end(7)
    machine.wait(30)
    machine.start(7, "make")
    machine.wait(1, p7=0.2)
    found = machine.look().view.processes["7"]
    assert (found.name, found.before) == ("make", None)


def test_a_process_that_sleeps_while_its_parent_ends_has_another(tmp_path: Path) -> None:
    """Its parent's pid may belong to somebody else by then."""
    machine = Machine(tmp_path)
    for parent, child in ((7, 8), (17, 18)):
        machine.start(parent, "sh")
        machine.start(child, "sleep", parent=parent)
    machine.look()
    machine.wait(30)
    for parent, child in ((7, 8), (17, 18)):
        machine.end(parent)
        machine.adopt(1, child)
    machine.start(17, "make")
    machine.wait(1, p17=0.2)
    found = machine.look().view.processes
    assert [found[pid].parent for pid in ("8", "18")] == ["1", "1"]


def test_a_process_whose_parent_is_a_zombie_has_another(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.start(7, "sh")
    machine.start(8, "sleep", parent=7)
    machine.look()
    machine.wait(30)
    machine.exit(7)
    machine.adopt(1, 8)
    assert machine.look().view.processes["8"].parent == "1"


def test_who_reads_the_keys_of_a_terminal_is_looked_up_each_time(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.open_terminal(1)
    machine.run(1, 200, "sleep")
    machine.look()
    machine.wait(30)
    machine.put_in_foreground(1, 101)
    found = machine.look().view.processes
    assert (found["101"].is_in_foreground, found["200"].is_in_foreground) == (True, False)


def test_the_kernel_says_for_how_long_a_process_has_run() -> None:
    """And of one that is not there, or of another machine's, nothing."""
    read_clock = table.find_clock("/proc")
    argv = [sys.executable, "-S", "-c", "print(flush=True); input()"]
    child = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert child.stdout
        child.stdout.readline()  # it runs
        first = read_clock(str(os.getpid()))
        assert read_clock(str(child.pid)) > 0
        assert read_clock(str(os.getpid())) > first > 0
    finally:
        child.communicate(b"\n")
    assert read_clock(str(child.pid)) == 0
    assert table.find_clock("/nowhere")(str(os.getpid())) == 0


def test_a_look_at_the_real_processes_agrees_with_one_that_knows_nothing() -> None:
    """What ran in between may be another program; the kernel's threads change names asleep."""
    first = table.read_all("/proc", {}, table.read_clock)
    known = {pid: table.note(process) for pid, process in first.items()}
    second = table.read_all("/proc", known, table.read_clock)
    bare = table.read_all("/proc", {}, lambda _pid: 0)
    kept = [
        pid
        for pid, process in second.items()
        if process.before is process
        and pid in bare
        and process.parent != KERNEL_THREADS
        and table.read_clock(pid) == process.clock
    ]
    assert kept
    for pid in kept:
        assert (second[pid].name, second[pid].start) == (bare[pid].name, bare[pid].start)
