"""The real log child, with pipes, a stalled reader, a broken output and a terminal."""

import base64
import json
import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agent.init.logger.output import Output
from agent.machine.light.exits import Exit
from agent.machine.light.log import make_event
from tests.worlds.waiting import DEADLINE, wait_until

SECRET = "sk-0123456789-abcdefghij"
PROGRAM = ("-m", "agent.init.logger")
HANGING = """
import sys, time
from agent.machine.light import masking
from agent.init.logger import __main__
read = masking.read_file
masking.read_file = lambda path, limit: time.sleep(60) if "HANG" in path else read(path, limit)
sys.exit(__main__.main(sys.argv[1:]))
"""
"""The same, on a file system whose server is gone."""
SLOW = """
import sys, time
from agent.init.logger import __main__
read = __main__.Pump._read
__main__.Pump._read = lambda *words: time.sleep(2 * __main__.STALL) or read(*words)
sys.exit(__main__.main(sys.argv[1:]))
"""
"""The same, where others have the processor most of the time."""


class Child:
    """A log child with streams named agent, supervisord and web."""

    NAMES = ("agent", "supervisord", "web")

    def __init__(
        self, runtime: Path, output: int, *options: str, program: tuple[str, str] = PROGRAM
    ) -> None:
        pipes = {name: os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK) for name in self.NAMES}
        self.writers = {name: writer for name, (_, writer) in pipes.items()}
        readers = {name: reader for name, (reader, _) in pipes.items()}
        for writer in self.writers.values():
            os.set_blocking(writer, True)
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])  # as init does: none is lost
        self.process = subprocess.Popen(
            [sys.executable, "-I", *program, "--runtime", str(runtime),
             "--output", "1", *(options or ("--format", "auto", "--level", "info")),
             *(f"{name}={reader}" for name, reader in readers.items())],
            stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.DEVNULL,
            pass_fds=readers.values())  # fmt: skip
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])
        for reader in readers.values():
            os.close(reader)

    def send(self, name: str, text: str) -> None:
        os.write(self.writers[name], text.encode())

    def end(self) -> None:
        """Ask it to end, which it must, with 0."""
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(DEADLINE) == 0

    def status(self, field: str) -> int:
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        return int(next(line.split()[1] for line in lines if line.startswith(field + ":")))

    def cpu_ticks(self) -> int:
        words = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return int(words[11]) + int(words[12])


Start = Callable[..., Child]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "secrets").mkdir()
    (tmp_path / "tokens").mkdir()
    (tmp_path / "secrets/API_KEY").write_text(SECRET)
    return tmp_path


@pytest.fixture
def start(folder: Path) -> Iterator[Start]:
    children: list[Child] = []

    def start(output: int, *options: str, program: tuple[str, str] = PROGRAM) -> Child:
        children.append(Child(folder, output, *options, program=program))
        return children[-1]

    yield start
    for child in children:
        child.process.kill()
        child.process.wait()


class Reader:
    """Reads what comes out of a descriptor, with a deadline."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self.data = b""

    def read_until(self, wanted: Callable[[bytes], bool]) -> bytes:
        deadline = time.monotonic() + DEADLINE
        while not wanted(self.data):
            left = deadline - time.monotonic()
            assert left > 0, f"never came; so far {self.data[-500:]!r}"
            if select.select([self.descriptor], [], [], left)[0]:
                try:
                    got = os.read(self.descriptor, 65536)
                except OSError:  # a terminal whose other side is gone
                    got = b""
                if not got:
                    break
                self.data += got
        return self.data

    def read_all(self) -> bytes:
        return self.read_until(lambda _: False)

    def events(self, count: int) -> list[dict[str, str]]:
        data = self.read_until(lambda data: data.count(b"\n") >= count)
        return [json.loads(line) for line in data.splitlines()]


def open_pipe() -> tuple[Reader, int]:
    reader, writer = os.pipe()
    return Reader(reader), writer


def test_streams_come_out_as_events_with_secrets_hidden(start: Start) -> None:
    reader, writer = open_pipe()
    child = start(writer)
    child.send("agent", '{"time":"t","level":"warning","source":"init","message":"hello"}\n')
    child.send("supervisord", "2026-01-31 12:00:00,000 CRIT trouble\n")
    child.send("web", f"my key is {SECRET[:9]}")
    child.send("web", f"{SECRET[9:]} ok\n")
    seen = {event["source"]: (event["level"], event["message"]) for event in reader.events(3)}
    assert seen == {"init": ("warning", "hello"), "supervisord": ("error", "trouble"),
                    "web": ("info", "my key is *** ok")}  # fmt: skip


def test_a_token_that_appears_later_is_hidden(start: Start, folder: Path) -> None:
    reader, writer = open_pipe()
    child = start(writer)
    child.send("web", "first\n")
    reader.events(1)
    (folder / "tokens/github.com").write_text("ghs_appeared_later\n\n")
    basic = base64.b64encode(b"x-access-token:ghs_appeared_later").decode()
    child.send("web", f"ghs_appeared_later {basic}\n")
    assert reader.events(2)[1]["message"] == "*** ***"


def test_problems_of_the_agent_become_the_termination_message(start: Start, folder: Path) -> None:
    """At once, for a container that is killed; not what services say, and no secret."""
    message = folder / "termination-log"
    message.touch()
    reader, writer = open_pipe()
    child = start(writer, "--format", "json", "--level", "error", "--termination", str(message))
    child.send("web", "error: mine\n")
    event = {"level": "warning", "source": "backup", "message": f"no {SECRET}", "target": "s3"}
    child.send("agent", json.dumps({**event, "time": "2026-01-31T12:00:00.000Z"}) + "\n")
    wait_until(message.read_text, "a message")
    child.send("supervisord", "2026-01-31 12:00:00,000 CRIT lost\ndevco")
    child.end()
    first, second = message.read_text().splitlines()
    assert first == "2026-01-31 12:00:00 backup: warning: no *** target=s3"
    assert second.endswith(" supervisord: error: lost")
    assert [line["message"] for line in reader.events(1)] == ["lost"], "the level is the log's"


def test_level_below_the_threshold_is_left_out(start: Start) -> None:
    reader, writer = open_pipe()
    child = start(writer, "--format", "json", "--level", "warning")
    child.send("web", "quiet\n")
    child.send("supervisord", "2026-01-31 12:00:00,000 WARN loud\n")
    os.close(writer)
    child.end()
    assert [json.loads(line)["message"] for line in reader.read_all().splitlines()] == ["loud"]


def test_a_stalled_reader_stops_nobody_and_the_loss_is_told(start: Start, folder: Path) -> None:
    reader, writer = open_pipe()
    child = start(writer)
    lines = 60_000
    for number in range(0, lines, 500):  # 5 MB into a pipe that nobody reads
        child.send("web", "".join(f"{n:06d} {'z' * 80}\n" for n in range(number, number + 500)))
    child.send("supervisord", "2026-01-31 12:00:00,000 INFO fair\n")
    data = reader.read_until(lambda data: b"059999" in data and b"fair" in data)
    events = [json.loads(line) for line in data.splitlines()]
    lost = [event["message"] for event in events if event["source"] == "log"]
    numbers = [int(event["message"][:6]) for event in events if event["source"] == "web"]
    assert lost
    assert all("of web were lost: the reader of the log was too slow" in text for text in lost)
    assert sum(int(text.split()[0]) for text in lost) + len(numbers) == lines
    assert numbers == sorted(numbers)
    assert child.status("VmRSS") < 16 * 1024
    child.end()
    told = sum(int(text.split()[0]) for text in lost)
    assert json.loads((folder / "log/lost.json").read_text()) == {
        "agent": 0, "supervisord": 0, "web": told,
    }  # fmt: skip


def test_pieces_are_whole_lines_for_who_shares_the_pipe(start: Start) -> None:
    reader, writer = open_pipe()
    child = start(writer, "--format", "text", "--level", "info")
    for number in range(2000):
        child.send("web", f"{number:04d} {'z' * 50}\n")
        os.write(writer, b"the command speaks\n")
        if number % 100 == 0:
            reader.read_until(lambda data, n=number: b"%04d" % n in data)  # type: ignore[misc]
    data = reader.read_until(lambda data: b"1999 " in data)
    spoken = [line for line in data.splitlines() if b"the command" in line]
    assert spoken == [b"the command speaks"] * len(spoken)


def test_output_stays_blocking_for_the_command(start: Start) -> None:
    reader, writer = open_pipe()
    child = start(writer)
    child.send("web", "x\n")
    reader.events(1)
    assert os.get_blocking(writer)


def test_end_flushes_what_is_there_at_once(start: Start) -> None:
    reader, writer = open_pipe()
    child = start(writer)
    child.send("web", "first\n")
    reader.events(1)
    child.send("web", "one\ntwo without end")
    os.close(writer)
    child.end()
    assert [json.loads(line)["message"] for line in reader.read_all().splitlines()] == [
        "first", "one", "two without end"]  # fmt: skip


def test_without_the_turn_it_leaves_every_line(start: Start) -> None:
    """Init has taken it: there is nothing on the standard input. The lines are another's."""
    reader, writer = open_pipe()
    child = start(writer, "--format", "json", "--level", "info", "--turn", "0")
    child.send("web", "not yours\n")
    assert child.process.wait(DEADLINE) == Exit.FAILED
    os.close(writer)
    assert reader.read_all() == b""


def test_a_busy_machine_costs_no_last_line(start: Start) -> None:
    reader, writer = open_pipe()
    child = start(writer, program=("-c", SLOW))
    child.send("web", "first\n")
    reader.events(1)
    child.send("web", "".join(f"{number}\n" for number in range(1000)))
    child.process.send_signal(signal.SIGTERM)
    os.close(writer)
    seen = [json.loads(line)["message"] for line in reader.read_all().splitlines()]
    assert seen == ["first", *(str(number) for number in range(1000))]


def test_end_does_not_wait_for_a_stalled_reader(start: Start) -> None:
    reader, writer = open_pipe()
    child = start(writer)
    for _ in range(40):
        child.send("web", ("z" * 80 + "\n") * 500)
    child.end()
    os.close(reader.descriptor)


def test_end_of_all_streams_ends_it(start: Start) -> None:
    reader, writer = open_pipe()
    child = start(writer)
    child.send("web", "last")
    for descriptor in child.writers.values():
        os.close(descriptor)
    assert child.process.wait(DEADLINE) == 0
    assert reader.events(1)[0]["message"] == "last"


@pytest.mark.parametrize("kind", ["full", "closed"])
def test_a_broken_output_neither_ends_it_nor_keeps_it_busy(start: Start, kind: str) -> None:
    if kind == "full":
        output = os.open("/dev/full", os.O_WRONLY)
    else:
        reader, output = os.pipe()
        os.close(reader)
    child = start(output)
    for _ in range(20):
        child.send("web", ("z" * 80 + "\n") * 500)
    assert _wait_until_quiet(child)
    assert child.process.poll() is None
    child.end()


def test_nothing_happens_while_nothing_is_said(start: Start) -> None:
    reader, writer = open_pipe()
    child = start(writer)
    child.send("web", "x\n")
    reader.events(1)
    assert _wait_until_quiet(child)


def _wait_until_quiet(child: Child) -> bool:
    """Tell whether, within the deadline, the child stays asleep for a second."""
    deadline = time.monotonic() + DEADLINE
    while time.monotonic() < deadline:
        before = child.status("voluntary_ctxt_switches"), child.cpu_ticks()
        select.select([], [], [], 1.0)  # the measurement itself
        if (child.status("voluntary_ctxt_switches"), child.cpu_ticks()) == before:
            return True
    return False


def test_on_a_terminal_it_is_for_a_person(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    master, terminal = pty.openpty()
    child = start(terminal)
    child.send("web", "hello\n")
    child.send("supervisord", "2026-01-31 12:00:00,000 CRIT trouble\n")
    reader = Reader(master)
    text = reader.read_until(lambda data: b"hello" in data and b"trouble" in data).decode()
    assert " web: hello\r\n" in text
    assert "\033[31m" in text
    assert "supervisord: error: trouble\033[0m" in text
    os.close(terminal)
    os.close(master)


@pytest.mark.parametrize(
    ("name", "value", "coloured"),
    [
        ("TERM", "xterm-256color", True), ("TERM", "dumb", False), ("NO_COLOR", "1", False),
        ("NO_COLOR", "", True),
    ],
)  # fmt: skip
def test_colours_are_for_terminals_that_want_them(
    name: str, value: str, coloured: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv(name, value)
    master, terminal = pty.openpty()
    (record,) = Output(terminal, "auto", "info").make_records(make_event("web", "error", "no"))
    assert (b"\033[31m" in record) is coloured
    os.close(master)
    os.close(terminal)


def test_a_stopped_terminal_does_not_stop_it(start: Start) -> None:
    master, terminal = pty.openpty()
    child = start(terminal)
    for _ in range(100):  # far more than a terminal holds
        child.send("web", ("z" * 80 + "\n") * 500)
    child.end()
    os.close(master)
    os.close(terminal)


def test_it_is_small(start: Start) -> None:
    reader, writer = open_pipe()
    child = start(writer)
    child.send("web", "x\n")
    reader.events(1)
    assert child.status("RssAnon") < 6 * 1024
    assert child.status("VmRSS") < 13 * 1024


def test_a_pipe_among_the_secrets_is_not_waited_for(start: Start, folder: Path) -> None:
    os.mkfifo(folder / "secrets/PIPE")
    reader, writer = open_pipe()
    child = start(writer)
    child.send("web", f"words {SECRET}\n")
    assert reader.events(1)[0]["message"] == "words ***"
    child.end()
    os.close(writer)


def test_a_log_child_that_hangs_ends_itself(start: Start, folder: Path) -> None:
    """Who writes must not wait for it: init starts another one."""
    reader, writer = os.pipe()
    child = start(writer, program=("-c", HANGING))
    child.send("web", "words\n")
    Reader(reader).read_until(lambda data: b"words" in data)
    (folder / "secrets/HANG").touch()
    child.send("web", "further words\n")
    assert child.process.wait(DEADLINE) == -signal.SIGALRM
    os.close(reader)
    os.close(writer)
