"""supervisord is loaded beside `configure`, and becomes what the second life would have started."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from agent.init import early
from agent.init.early import GONE, PLAIN, Early, take_over
from agent.init.fifo import open_fifo
from agent.machine.light import runtime
from agent.machine.light.boot_file import Job, read_boot
from agent.machine.light.exits import Exit
from agent.machine.light.proc import read_stat
from agent.services.service import Service
from tests.pid1.boxes import (
    BLOCKED,
    EMPTY_BOOT,
    ENVIRONMENT,
    PYTHON,
    Box,
    booted,
    change,
    with_services,
)
from tests.worlds.programs import Awaited
from tests.worlds.waiting import DEADLINE, wait_until

Start = Callable[..., Box]

EARLY = "agent.init.preload supervisor.supervisord"
SECRET = "a-secret-that-nobody-may-see"
FIRST_LIFE = Path(__file__).with_name("first_life.py")
HOLD = "echo begun >&2; while ! test -e $DEV8_RUNTIME_DIR/../go; do sleep 0.01; done"
"""A `configure` that takes as long as the test wants."""


def start_first(start: Start, folder: Path, stdin: int = subprocess.DEVNULL) -> Box:
    """Start the first life, with HOLD as `configure`."""
    copy = folder / "first_life.py"
    copy.write_bytes(FIRST_LIFE.read_bytes())
    variables = {
        **ENVIRONMENT, "DEV8_RUNTIME_DIR": str(folder / "run"), "GITHUB_TOKEN": SECRET,
    }  # fmt: skip
    words = (*BLOCKED, *PYTHON, str(copy), "sh", "-c", HOLD, "--")
    return start(*words, environment=variables, stdin=stdin)


def find(box: Box, words: str) -> int:
    """Return the number of a process, once there is one with these words."""
    return int(wait_until(lambda: box.find(words), f"{words}: {box.out} {box.err}") or 0)


def go_on(folder: Path) -> None:
    (folder / "go").touch()


SLEEPER = Service("a", ("sh", "-c", 'echo "begun with $LANG"; env; exec sleep 1000'))


def look_at(pid: int) -> dict[str, object]:
    """Return what a process has from whoever started it."""
    status = Path(f"/proc/{pid}/status").read_text().splitlines()
    names = ("Sig", "Uid", "Gid", "Seccomp", "NoNewPrivs", "CapEff", "Umask")
    streams = [str(Path(f"/proc/{pid}/fd/{number}").readlink()) for number in range(3)]
    _, fields = read_stat(f"/proc/{pid}")
    return {
        "status": [line for line in status if line.startswith(names) and "SigQ" not in line],
        "leads its group": int(fields[2]) == pid,
        "nice": fields[16],
        "descriptors": len(list(Path(f"/proc/{pid}/fd").iterdir())),
        "streams": [name.partition(":")[0] for name in streams],
        "one output": streams[1] == streams[2],
        "folder": Path(f"/proc/{pid}/cwd").readlink(),
    }


def test_it_waits_without_the_containers_environment(start: Start, folder: Path) -> None:
    booted(folder, with_services(folder, SLEEPER))
    box = start_first(start, folder)
    pid = find(box, EARLY)
    own = b"".join(os.fsencode(f"{name}={text}\0") for name, text in early.ENVIRONMENT.items())
    assert Path(f"/proc/{pid}/environ").read_bytes() == own
    assert SECRET not in " ".join(box.processes()[pid])
    go_on(folder)
    box.wait_for("begun with C.UTF-8")
    assert box.find("supervisor.supervisord") == pid, "it is the one that waited"
    assert Path(f"/proc/{pid}/environ").read_bytes() == own
    assert SECRET not in box.out + box.err
    assert not early.ENVIRONMENT.keys() & {line.partition("=")[0] for line in box.out.split()}
    assert box.stop() == Exit.OK


def test_it_differs_in_nothing_from_one_that_is_started_later(start: Start, folder: Path) -> None:
    zero = os.open("/dev/zero", os.O_RDONLY)
    looks = []
    for way in ("early", "later"):
        words = booted(folder, with_services(folder, SLEEPER))
        box = start_first(start, folder, zero) if way == "early" else start(*words, stdin=zero)
        go_on(folder)
        box.wait_for("begun with")
        box.wait_for("spawned: 'a'")  # it has closed the service's ends of the pipes
        pid = find(box, "supervisor.supervisord")
        assert (box.find(EARLY) == pid) == (way == "early")
        find(box, "sleep 1000")
        looks.append(look_at(pid))
        events = [line for line in box.out.splitlines() if "supervisord started" in line]
        assert len(events) == 1, "its words come through the log"
        assert box.stop() == Exit.OK
    os.close(zero)
    assert looks[0] == looks[1]


def test_without_services_it_is_ended(start: Start, folder: Path) -> None:
    booted(folder, EMPTY_BOOT)
    box = start_first(start, folder)
    find(box, EARLY)
    go_on(folder)
    box.wait_for_phase("ready")
    wait_until(lambda: not box.find("supervisor.supervisord"), "its end")
    wait_until(lambda: "" not in box.processes().values(), "its status to be taken")


@pytest.mark.parametrize("moment", ["before the word", "after the word"])
def test_without_it_supervisord_is_started_anew(start: Start, folder: Path, moment: str) -> None:
    booted(folder, with_services(folder, SLEEPER))
    box = start_first(start, folder)
    pid = find(box, EARLY)
    if moment == "before the word":
        os.kill(pid, signal.SIGKILL)
        go_on(folder)
    else:
        os.kill(pid, signal.SIGSTOP)
        go_on(folder)
        wait_until((folder / "run/state.json").exists, "the second life")
        wait_until((folder / "run/events").exists, "the word")
        os.kill(pid, signal.SIGKILL)
    box.wait_for("begun with C.UTF-8")
    assert box.find(EARLY) is None
    assert box.find("supervisor.supervisord")
    assert box.stop() == Exit.OK


@pytest.mark.parametrize("code", [0, 2])
def test_none_is_left_where_init_is_not_pid_1(tmp_path: Path, code: int) -> None:
    """As PID 1 it would take everybody with it. With 0 there is no boot file."""
    words = [*PYTHON, str(FIRST_LIFE), "sh", "-c", f"exit {code}", "--"]
    variables = {**ENVIRONMENT, "DEV8_RUNTIME_DIR": str(tmp_path / "run")}
    with Awaited[bytes](
        words, env=variables, stderr=subprocess.DEVNULL, start_new_session=True
    ) as process:
        assert process.wait(20) == (code or Exit.INTERNAL)
    wait_until(lambda: not list_session(process.pid), "the end of all that it started", 5.0)


def test_services_that_have_begun_end_with_a_second_life_that_cannot_begin(tmp_path: Path) -> None:
    """They are started while it is executed, and here another agent has taken its folder."""
    booted(tmp_path, with_services(tmp_path, SLEEPER))
    words = [*PYTHON, str(FIRST_LIFE), "sh", "-c", "exit 0", "--"]
    variables = {**ENVIRONMENT, "DEV8_RUNTIME_DIR": str(tmp_path / "run")}
    for path in (tmp_path, *tmp_path.rglob("*")):
        os.chown(path, os.getuid(), os.getgid())
    with runtime.hold_lock(tmp_path / "run" / runtime.LOCK):
        process = subprocess.Popen(
            words, env=variables, stderr=subprocess.PIPE, start_new_session=True
        )
        _, said = process.communicate(timeout=DEADLINE)
    assert process.returncode == Exit.USAGE
    assert b"another agent uses it" in said
    wait_until(lambda: not list_session(process.pid), "the end of all that it started")


def test_fifos_are_open_until_the_second_life_has_them(tmp_path: Path) -> None:
    """What is written in between is there afterwards, and the writer has not waited."""
    booted(tmp_path, change(EMPTY_BOOT, streams=("a",), supervisord=PLAIN))
    run = tmp_path / "run"
    reader, word = os.pipe()
    early = Early(0, word, *os.pipe())
    assert early.begin(read_boot(str(run)), str(run))
    assert os.read(reader, 4096) == bytes(run / runtime.BOOT)
    (run / runtime.STREAMS / "a").write_text("hello\n")
    (run / runtime.EVENTS).write_text("RUNNING a\n")
    later = take_over(early.describe())
    own = [open_fifo(str(run / name)) for name in (f"{runtime.STREAMS}/a", runtime.EVENTS)]
    assert later.go(PLAIN, str(run))
    assert [os.read(each, 100) for each in own] == [b"hello\n", b"RUNNING a\n"]
    for held in early.held:
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(held)
    for each in (reader, *own, *early.output):
        os.close(each)


def test_one_that_has_begun_is_ended_when_it_is_not_wanted() -> None:
    with Awaited[bytes](["sleep", "1000"]) as process:
        Early(process.pid, GONE, 0, 0).dismiss()
        assert process.wait(DEADLINE) == -signal.SIGTERM
        Early(process.pid, GONE, 0, 0).dismiss()  # it has ended


@pytest.mark.parametrize("hangs", [False, True])
def test_the_first_jobs_let_supervisord_start_before_them(
    start: Start, folder: Path, hangs: bool
) -> None:
    """They would take the processors from it. One that hangs does not keep them for ever."""
    look = f"test -S {folder}/run/supervisord.sock && echo it listens || echo none listens"
    job = Job("look", ("sh", "-c", look), None, 5.0)
    booted(folder, change(with_services(folder, SLEEPER), jobs=(job,)))
    box = start_first(start, folder)
    if hangs:
        os.kill(find(box, EARLY), signal.SIGSTOP)
    go_on(folder)
    seen = box.wait_for("none listens" if hangs else "it listens")
    assert hangs or "none listens" not in seen


def list_session(session: int) -> list[str]:
    """Return the processes of a session that have not ended."""
    found = []
    for name in (path.name for path in Path("/proc").glob("[1-9]*")):
        try:
            _, (state, _, _, its_session, *_) = read_stat(f"/proc/{name}")
        except OSError:
            continue
        if int(its_session) == session and state != "Z":
            found.append(name)
    return found


def test_a_stop_while_it_waits(start: Start, folder: Path) -> None:
    booted(folder, with_services(folder, SLEEPER))
    box = start_first(start, folder)
    find(box, EARLY)
    assert (box.stop(), box.out) == (Exit.OK, "")


def test_the_word_to_one_that_has_ended_is_none(tmp_path: Path) -> None:
    theirs, word = os.pipe()
    os.close(theirs)
    argv = (sys.executable, "-I", "-m", "supervisor.supervisord", "-n")
    assert not Early(0, word, 0, 0).go(argv, str(tmp_path))


def test_nobody_left_to_give_the_word_ends_it() -> None:
    words = [sys.executable, "-I", "-m", "agent.init.preload", "supervisor.supervisord"]
    code = 'exec 3</dev/null; exec "$@"'
    done = subprocess.run(["sh", "-c", code, "sh", *words], env={}, timeout=20, check=False)
    assert done.returncode == Exit.OK
