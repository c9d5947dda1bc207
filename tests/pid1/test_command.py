"""CMD: its exit code is the container's, its signals arrive, its streams are the container's.

What every init must do is in `conformance`; this is what ours does beyond that.
"""

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from agent.machine.light.exits import Exit
from tests.pid1.boxes import BLOCKED, EMPTY_BOOT, INIT, PYTHON, Box, booted
from tests.worlds.waiting import DEADLINE, wait_until

Start = Callable[..., Box]

RECORDER = """
import os, signal, sys
names = "HUP INT QUIT USR1 USR2 TERM WINCH CONT".split()
def record(number, frame):
    os.write(1, (signal.Signals(number).name + "\\n").encode())
for name in names:
    signal.signal(getattr(signal, "SIG" + name), record)
signal.signal(signal.SIGALRM, lambda *_: os._exit(3))
os.write(1, b"listening\\n")
while True:
    signal.pause()
"""


def test_no_such_command(start: Start, folder: Path) -> None:
    locked, orphaned = folder / "locked", folder / "orphaned"
    locked.write_text("#!/bin/sh\n")
    orphaned.write_text("#!/nonexistent/shell\n")
    orphaned.chmod(0o755)
    for word, code, cause in (
        ("no-such-program", 127, "not found"),
        ("/no/such/program", 127, "not found"),
        ("", 127, "not found"),
        (str(locked), 126, "Permission denied"),
        (str(folder), 126, "Permission denied"),
        (str(orphaned), 126, "interpreter"),
    ):
        box = start(*INIT, word)
        assert box.wait() == code
        assert cause in box.err
        assert len(box.err.splitlines()) == 1


def test_no_such_command_starts_nothing(start: Start, folder: Path) -> None:
    box = start(*booted(folder, EMPTY_BOOT, "no-such-program"))
    assert box.wait() == 127
    assert "cannot execute no-such-program: not found" in box.err
    assert box.out == ""


@pytest.mark.parametrize(
    ("words", "code"), [(["--nonsense"], 2), (["-h"], 0), (["--help"], 0), ([], 2)]
)
def test_usage(words: list[str], code: int) -> None:
    done = subprocess.run([*INIT[:-1], *words], capture_output=True, text=True, check=False)
    assert done.returncode == code
    assert "usage: devcopilot init" in (done.stderr if code else done.stdout)


def test_command_keeps_its_streams(start: Start) -> None:
    box = start(*INIT, "sh", "-c", "cat; echo words >&2", stdin=subprocess.PIPE)
    box.process.communicate(b"from outside\n", timeout=DEADLINE)
    assert (box.out, box.err, box.wait()) == ("from outside\n", "words\n", 0)


def test_command_keeps_closed_streams_apart(start: Start) -> None:
    script = 'exec "$@" <&- >&- 2>&-'
    command = "ls -l /proc/self/fd | grep -c pipe"
    box = start("sh", "-c", script, "sh", *INIT, "sh", "-c", f"test $({command}) = 1")
    assert box.wait() == 0


def test_a_failure_with_closed_streams(start: Start) -> None:
    """The line about it must not land in a descriptor of init's own."""
    box = start("sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", *INIT, "no-such-program")
    assert box.wait() == 127


def test_every_signal_arrives_once_and_in_order(start: Start) -> None:
    box = start(*INIT, *PYTHON, "-c", RECORDER)
    box.wait_for("listening\n")
    names = ["HUP", "INT", "QUIT", "USR1", "USR2", "WINCH", "CONT", "TERM"]
    seen = "listening\n"
    for name in names:
        box.send(signal.Signals[f"SIG{name}"])
        seen += f"SIG{name}\n" if name != "TERM" else "SIGTERM\nSIGCONT\n"
        box.wait_for(seen)
    box.send(signal.SIGALRM)
    assert box.wait() == 3
    assert box.out == seen


def test_a_stopped_command_hears_term(start: Start) -> None:
    box = start(*INIT, "sh", "-c", "echo begun; kill -STOP $$; echo never")
    box.wait_for("begun")
    path = Path(f"/proc/{wait_until(lambda: box.find('sh -c'), 'CMD')}/stat")
    wait_until(lambda: path.read_text().split()[2] == "T", "CMD stops")
    assert box.stop() == 128 + signal.SIGTERM, "or the deadline would have ended it by KILL"


def test_an_early_term_is_not_lost(start: Start) -> None:
    """TERM at any moment of the start, after the ENTRYPOINT has blocked it."""
    boxes = []
    for milliseconds in range(0, 120, 10):
        box = start(*BLOCKED, *INIT, "sleep", "1000")
        path = Path(f"/proc/{box.pid}/cmdline")
        wait_until(lambda path=path: path.read_bytes().startswith(b"/"), "Python")  # type: ignore[misc]
        moment = time.monotonic() + milliseconds / 1000
        wait_until(lambda moment=moment: time.monotonic() >= moment, "the moment")  # type: ignore[misc]
        box.send(signal.SIGTERM)
        boxes.append(box)
    assert [box.wait() for box in boxes] == [128 + signal.SIGTERM] * 12


def test_children_get_clean_signals(start: Start) -> None:
    """An empty mask, and nothing ignored: Python ignores SIGPIPE and SIGXFSZ for itself.

    Signals 32 and 33 are the C library's own: whoever starts programs with posix_spawn, such as
    make, leaves them ignored, and no program can change that.
    """
    clean = ("env", "--default-signal")  # the tests may have been started by nohup
    box = start(*clean, *BLOCKED, *INIT, "grep", "-E", "^Sig(Blk|Ign)", "/proc/self/status")
    assert box.wait() == 0
    masks = [int(line.split()[1], 16) for line in box.out.splitlines()]
    assert [mask & ~(0b11 << 31) for mask in masks] == [0, 0]


def test_what_was_ignored_at_the_start_stays_ignored(start: Start) -> None:
    """As nohup has it; also what init needs itself, such as TERM and CHLD."""
    numbers = {signal.SIGHUP, signal.SIGINT, signal.SIGUSR1, signal.SIGTERM, signal.SIGTTOU,
               signal.SIGCHLD}  # fmt: skip
    names = ",".join(number.name.removeprefix("SIG") for number in numbers)
    words = ("env", "--default-signal", f"--ignore-signal={names}")
    box = start(*words, *INIT, "grep", "^SigIgn", "/proc/self/status")
    assert box.wait() == 0
    mask = int(box.out.split()[1], 16) & ~(0b11 << 31)
    assert {number for number in signal.valid_signals() if mask >> (number - 1) & 1} == numbers


def test_children_inherit_no_descriptors(start: Start, folder: Path) -> None:
    box = start(*booted(folder, EMPTY_BOOT, "sh", "-c", "ls /proc/self/fd"))
    assert box.wait() == 0
    assert box.out.split() == ["0", "1", "2", "3"], "3 is the folder that ls reads"


def test_init_imports_little() -> None:
    """Seen against an interpreter that imports nothing: a virtual environment adds its own."""
    script = "{}\nimport sys\nprint(*sys.modules)"
    imports = "import agent.init.entry, agent.init.bootstrap, agent.init.supervisor"
    seen = [
        set(subprocess.run([sys.executable, "-I", "-c", script.format(line)], check=True,
                           capture_output=True, text=True).stdout.split())
        for line in ("", imports)
    ]  # fmt: skip
    added = seen[1] - seen[0]
    ours = {name for name in added if name.startswith("agent.") and name.count(".") == 1}
    assert ours == {"agent.init", "agent.machine"}
    light = {name for name in added if name.startswith("agent.machine.")} - {"agent.machine.light"}
    names = (
        "backoff", "boot_file", "cgroup", "clock", "core_dumps", "escaping", "exits", "expressions",
        "faults", "files", "log", "moments", "proc", "runtime", "termination", "texts",
        "token_prefixes",
    )  # fmt: skip
    assert light == {f"agent.machine.light.{name}" for name in names}
    costly = {"argparse", "asyncio", "ctypes", "dataclasses", "inspect", "logging", "pathlib",
              "socket", "subprocess", "tempfile", "threading", "typing"}  # fmt: skip
    assert not added & costly


def test_a_fault_of_init_is_one_line() -> None:
    script = "import sys; from agent.init import entry; sys.exit(entry.resume(['nonsense']))"
    done = subprocess.run(
        [*PYTHON, "-c", script], capture_output=True, text=True, timeout=DEADLINE, check=False
    )
    assert done.returncode == Exit.INTERNAL
    assert len(done.stderr.splitlines()) == 1
