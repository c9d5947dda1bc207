"""The real supervisord with the configuration that we render."""

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from agent.commands import explain
from agent.init import early, preload
from agent.machine.light import runtime
from agent.machine.planning.ledger import Ledger
from agent.machine.planning.plan import apply, plan
from agent.machine.system import Facts, System
from agent.services import probes, status, supervisord
from agent.services.service import MARK, PortProbe, Service
from agent.settings.agent import LONGEST_RUNTIME_PATH
from agent.settings.context import Context
from agent.settings.everything import Settings
from tests.floods.stranger import ask, list_messages
from tests.worlds.containers import find_free_port
from tests.worlds.memory import find_own_memory
from tests.worlds.programs import Awaited, has_ended
from tests.worlds.waiting import DEADLINE

ODD = "100%s %(here)s \"double\" 'single'; # $HOME `id` \\ é\nsecond line = 3 ;"


class SupervisedBox:
    """A runtime folder with a supervisord, loaded and woken as init does it."""

    def __init__(self, folder: Path, services: Sequence[Service], stop_timeout: float) -> None:
        self.folder = folder
        environ = {"PATH": os.environ["PATH"], "HOME": str(folder), "my.dotted-name": ODD}
        self.facts = Facts(folder, os.getuid(), folder, folder, environ)
        runtime.make(str(folder), os.getuid())
        wanted = supervisord.resources(services, self.facts, stop_timeout)
        planned = plan("boot", wanted, self.facts, Ledger())
        assert not apply(planned, System(environ), Ledger())
        self.streams = {service.name: open_fifo(folder / runtime.STREAMS / service.name)
                        for service in services}  # fmt: skip
        self.events = open_fifo(folder / runtime.EVENTS)
        self.log = folder / "log"
        self.heard: dict[int, bytes] = {}
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, *prefix: str) -> None:
        boot = self.folder / runtime.BOOT
        word, writer = os.pipe()
        os.write(writer, os.fsencode(boot))
        os.close(writer)
        content = {
            "supervisord": supervisord.command(self.facts), "environment": self.facts.environ,
        }  # fmt: skip
        boot.write_text(json.dumps(content))
        lend = ("sh", "-c", f'exec "$@" {preload.WORD}<&0 </dev/null', "sh")
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [*lend, *prefix, *early.ARGV], env=early.ENVIRONMENT,
                stdin=word, stdout=log, stderr=log, process_group=0)  # fmt: skip
        os.close(word)
        process = self.process
        self.wait(lambda: self.wake() or process.poll() is not None)
        assert process.poll() is None, self.log.read_text()

    def wake(self) -> bool:
        with socket.socket(socket.AF_UNIX) as caller:
            try:
                caller.connect(str(self.folder / runtime.SUPERVISORD_SOCKET))
            except OSError:
                return False
        return True

    def stop(self) -> float:
        """Ask it to end, waking it until it has; return the seconds that it took."""
        assert self.process
        begin = time.monotonic()
        self.process.terminate()
        process = self.process
        self.wait(lambda: not self.wake() and process.poll() is not None)
        return time.monotonic() - begin

    def wait(self, condition: Callable[[], object]) -> None:
        deadline = time.monotonic() + DEADLINE
        while not condition():
            assert time.monotonic() < deadline, self.log.read_text()
            select.select([], [], [], 0.02)

    def states(self) -> dict[str, supervisord.ServiceState]:
        return supervisord.query_states(self.folder, DEADLINE)

    def hear(self, descriptor: int) -> str:
        """Return all that came through a FIFO so far."""
        with contextlib.suppress(BlockingIOError):
            while data := os.read(descriptor, 65536):
                self.heard[descriptor] = self.heard.get(descriptor, b"") + data
        return self.heard.get(descriptor, b"").decode()


def open_fifo(path: Path) -> int:
    os.mkfifo(path, 0o600)
    return os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)


Make = Callable[..., SupervisedBox]


@pytest.fixture
def one_retry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give a service up after one retry: supervisord pauses a second longer before each."""
    monkeypatch.setattr(supervisord, "START_RETRIES", 1)


@pytest.fixture
def make() -> Iterator[Make]:
    with contextlib.ExitStack() as stack:

        def make(*services: Service, stop_timeout: float = 8.0) -> SupervisedBox:
            # Not tmp_path: the path of a unix socket has room for 107 bytes.
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="a b")))
            box = SupervisedBox(folder, services, stop_timeout)
            stack.callback(end, box)
            return box

        yield make


def end(box: SupervisedBox) -> None:
    """End supervisord and whatever it started."""
    if box.process is None:
        return
    states = box.states().values() if box.process.poll() is None else ()
    pids = [state.pid for state in states if state.pid > 1]
    box.process.kill()
    box.process.wait()
    for pid in pids:
        with contextlib.suppress(OSError):
            os.killpg(pid, signal.SIGKILL)
    box.wait(lambda: all(map(has_ended, pids)))  # they write into the folder that is removed next


def script(name: str, code: str, *words: str, **options: object) -> Service:
    return Service(name, (sys.executable, "-c", code, *words), **options)  # type: ignore[arg-type]


TELL = """
import json, os, sys, time
facts = {"argv": sys.argv[1:], "environ": dict(os.environ), "cwd": os.getcwd()}
open("told.new", "w").write(json.dumps(facts)); os.rename("told.new", "told")
print("first words", flush=True); print("of trouble", file=sys.stderr, flush=True)
time.sleep(1000)
"""
LISTEN = """
import socket, sys, time
listener = socket.create_server(("127.0.0.1", int(sys.argv[1]))); time.sleep(1000)
"""
SLEEP = ("sleep", "1000")
C_LIBRARYS_OWN = 1 << 31 | 1 << 32
"""Signals 32 and 33: glibc's posix_spawn, by which make starts programs, ignores them."""


def test_the_longest_runtime_folder_with_every_character_that_may_stand_in_it_works() -> None:
    with tempfile.TemporaryDirectory(prefix="Az09._@+-", dir="/tmp") as top:
        path = Path(top) / ("x" * (LONGEST_RUNTIME_PATH - len(top) - 1))
        assert Settings.from_environ({"DEV8_RUNTIME_DIR": str(path)}).agent.runtime_dir == path
        box = SupervisedBox(path, [Service("a", SLEEP)], 8.0)
        try:
            box.start()
            box.wait(lambda: box.states()["a"].state == "STARTING")
            box.wait(lambda: "STARTING a" in box.hear(box.events))
        finally:
            end(box)


def test_every_value_arrives_as_it_was_given(make: Make, tmp_path: Path) -> None:
    place = tmp_path / 'it\'s %s; "a" place'
    place.mkdir()
    words = (ODD, "", "-x", "a=b", "%(ENV_HOME)s")
    environment = {"A": ODD, "B-c.d": ODD, "EMPTY": ""}
    service = script("odd", TELL, *words, environment=environment, directory=place)
    box = make(service)
    box.start()
    box.wait((place / "told").exists)
    told = json.loads((place / "told").read_text())
    assert tuple(told["argv"]) == words
    assert told["cwd"] == str(place)
    got = told["environ"]
    assert (got["A"], got["B-c.d"], got["EMPTY"], got["my.dotted-name"]) == (ODD, ODD, "", ODD)
    ours = {"PATH", "HOME", "my.dotted-name", "A", "B-c.d", "EMPTY", "PWD", "LC_CTYPE"}
    assert set(got) <= ours


def test_programs_get_default_signals(make: Make, tmp_path: Path) -> None:
    code = "grep SigIgn /proc/self/status >ignored.new; mv ignored.new ignored; exec sleep 1000"
    box = make(Service("calm", ("sh", "-c", code), directory=tmp_path))
    box.start()
    box.wait((tmp_path / "ignored").exists)
    ignored = int((tmp_path / "ignored").read_text().split()[1], 16)
    assert ignored & ~C_LIBRARYS_OWN == 0


def test_output_and_errors_go_to_the_stream(make: Make, tmp_path: Path) -> None:
    box = make(script("talk", TELL, directory=tmp_path))
    box.start()
    box.wait(lambda: "of trouble" in box.hear(box.streams["talk"]))
    assert box.hear(box.streams["talk"]) == "first words\nof trouble\n"


def test_its_own_log_raises_no_alarm(make: Make) -> None:
    box = make(Service("calm", SLEEP))
    box.start()
    box.wait(lambda: "spawned: 'calm'" in box.log.read_text())
    alarms = [line for line in box.log.read_text().splitlines()
              if (" CRIT " in line or " WARN " in line or " ERRO " in line)
              and "running as root" not in line]  # fmt: skip
    assert alarms == []
    lines = box.log.read_text().splitlines()
    assert len([line for line in lines if "spawned: 'calm'" in line]) == 1


def test_states_are_told_with_their_pids(make: Make) -> None:
    box = make(Service("one", SLEEP), Service("two", SLEEP))
    box.start()
    box.wait(lambda: all(state.pid for state in box.states().values()))
    states = box.states()
    assert set(states) == {"one", "two"}
    assert states["one"].state == "STARTING"
    started = states["one"].started
    assert started is not None
    assert abs(started - time.time()) < DEADLINE
    path = Path(f"/proc/{states['one'].pid}/cmdline")
    box.wait(lambda: path.read_bytes() == b"sleep\x001000\x00")  # the launcher became it


def test_status_says_that_a_service_runs_once_it_answers(make: Make) -> None:
    """Not only when it has lived as long as supervisord wants; whose word is told beside it."""
    listening, silent = find_free_port(), find_free_port()
    services = (
        script("web", LISTEN, str(listening), probe=PortProbe(listening)),
        Service("mute", SLEEP, probe=PortProbe(silent)),
        Service("plain", SLEEP),
    )
    box = make(*services)
    box.start()

    def ask() -> dict[str, tuple[str, str]]:
        rows = status.describe(services, Context({}, Settings.from_environ({}), box.facts))
        return {row.name: (row.state, str(row.supervisord)) for row in rows}

    box.wait(lambda: ask()["web"][0] == "RUNNING")
    starting = ("STARTING", "STARTING")
    assert ask() == {"web": ("RUNNING", "STARTING"), "mute": starting, "plain": starting}


def test_a_killed_service_comes_back(make: Make) -> None:
    box = make(Service("one", SLEEP))
    box.start()
    box.wait(lambda: box.states()["one"].pid)
    first = box.states()["one"].pid
    os.kill(first, signal.SIGKILL)
    box.wait(lambda: box.states()["one"].pid not in (0, first))
    box.wait(lambda: "BACKOFF one\n" in box.hear(box.events))


WRAPPED = """
import os, subprocess, sys
child = subprocess.Popen([sys.executable, "-c", sys.argv[1], sys.argv[2]])
open("wrapper.new", "w").write(f"{os.getpid()} {child.pid}")
os.rename("wrapper.new", "wrapper")
child.wait()
"""
"""Runs another program, as a script that starts a server does."""
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)" + LISTEN


@pytest.mark.parametrize("server", [LISTEN, STUBBORN], ids=["obedient", "stubborn"])
def test_what_a_killed_wrapper_left_ends_before_the_next_start(
    make: Make, tmp_path: Path, server: str
) -> None:
    """It holds the port, and every further start would fail."""
    port = str(find_free_port())
    box = make(script("web", WRAPPED, server, port, directory=tmp_path))
    box.start()
    note = tmp_path / "wrapper"
    box.wait(note.exists)
    box.wait(lambda: not probes.check(PortProbe(int(port)), 1.0))
    wrapper, child = map(int, note.read_text().split())
    note.unlink()
    os.kill(wrapper, signal.SIGKILL)
    box.wait(note.exists)
    assert not is_alive(child)
    box.wait(lambda: not probes.check(PortProbe(int(port)), 1.0))
    assert "ending leftover processes of the previous run" in box.hear(box.streams["web"])
    (state,) = box.states().values()
    assert state.pid == int(note.read_text().split()[0])


def test_of_a_service_that_goes_into_the_background_one_copy_is_left_and_named(
    make: Make, tmp_path: Path, one_retry: None
) -> None:
    note = tmp_path / "copies"
    code = "setsid sh -c 'echo $$ >>$0; exec sleep 1000' $0 & until test -s $0; do :; done"
    box = make(Service("shy", ("sh", "-c", code, str(note)), environment={MARK: "shy"}),
               Service("calm", SLEEP, environment={MARK: "calm"}))  # fmt: skip
    box.start()
    box.wait(lambda: "FATAL shy\n" in box.hear(box.events))
    copies = list(map(int, note.read_text().split()))
    try:
        assert len(copies) == supervisord.START_RETRIES + 1
        assert [pid for pid in copies if is_alive(pid)] == copies[-1:]
        shy = Service("shy", ("sh",), environment={MARK: "shy"})
        reason = explain.find_reason(shy, box.facts)
        assert f"leaves sleep (process {copies[-1]}) in the background" in reason
        box.wait(lambda: box.states()["calm"].state == "RUNNING")
    finally:
        for pid in filter(is_alive, copies):
            os.kill(pid, signal.SIGKILL)


def is_alive(pid: int) -> bool:
    """Tell whether there is such a process that has not ended."""
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False


@pytest.mark.parametrize("case", ["another session", "a living leader"])
def test_a_number_that_has_come_to_somebody_else_is_left_alone(
    make: Make, tmp_path: Path, case: str
) -> None:
    box = make(Service("calm", SLEEP, directory=tmp_path))
    line = "exec sleep 1000" if case == "a living leader" else "sleep 1000 & echo $!; exit"
    with Awaited[bytes](
        ["sh", "-c", line], start_new_session=True, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout
        pid = other.pid if case == "a living leader" else int(other.stdout.readline())
        if case == "another session":
            other.wait()
        try:
            note = box.folder / "services/calm.group"
            note.write_text(f"{other.pid}\n")
            box.start()
            box.wait(lambda: note.read_text() not in ("", f"{other.pid}\n"))
            words = Path(f"/proc/{note.read_text().strip()}/cmdline")
            box.wait(lambda: words.read_bytes().startswith(b"sleep"))
            assert is_alive(pid)
        finally:
            os.kill(pid, signal.SIGKILL)


def test_init_hears_of_a_service_that_is_given_up(make: Make, one_retry: None) -> None:
    box = make(Service("broken", ("no-such-program",)), Service("fine", SLEEP))
    box.start()
    box.wait(lambda: "FATAL broken\n" in box.hear(box.events))
    lines = box.hear(box.events).splitlines()
    assert lines.count("STARTING broken") == supervisord.START_RETRIES + 1
    assert "STARTING fine" in lines
    assert not any("listener" in line for line in lines)
    assert "no-such-program" in box.hear(box.streams["broken"])
    assert box.states()["broken"].state == "FATAL"


def test_all_stop_together_with_their_children(make: Make, tmp_path: Path) -> None:
    code = "sleep 1000 & echo $! >$0.new; mv $0.new $0; wait"
    names = ("one", "two", "three")
    services = (Service(name, ("sh", "-c", code, str(tmp_path / name))) for name in names)
    box = make(*services, stop_timeout=10 * DEADLINE)
    box.start()
    box.wait(lambda: all((tmp_path / name).exists() for name in names))
    box.stop()
    for name in names:
        pid = int((tmp_path / name).read_text())
        box.wait(lambda pid=pid: not alive(pid))  # type: ignore[misc]


def test_who_ignores_term_is_killed_before_the_deadline(make: Make, tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    deaf = Service("deaf", ("sh", "-c", f"trap '' TERM; touch {ready}; sleep 1000"))
    box = make(deaf, stop_timeout=4.0)
    box.start()
    box.wait(ready.exists)
    assert box.stop() > 2.5


def alive(pid: int) -> bool:
    """Tell whether a process is there and no zombie that nobody reaps."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_low_limits_are_no_hindrance(make: Make) -> None:
    box = make(Service("one", SLEEP))
    box.start("prlimit", "--nofile=64:64", "--")
    box.wait(lambda: box.states()["one"].pid)


def test_nobody_there_is_an_os_error(make: Make) -> None:
    box = make(Service("one", SLEEP))
    with pytest.raises(OSError, match="No such file"):
        box.states()


NO_TEMPORARY_FOLDER = """
import sys, tempfile
from agent.init import preload
tempfile._candidate_tempdir_list = lambda: ["/proc/nowhere"]
preload.main(sys.argv[-1])
"""


def test_it_starts_where_no_temporary_folder_can_be_written(make: Make) -> None:
    """/tmp, /var/tmp and the workspace may all be full, or read-only."""
    box = make(Service("a", ("sh", "-c", "echo TMPDIR=$TMPDIR; exec sleep 1000")))
    box.start(sys.executable, "-I", "-c", NO_TEMPORARY_FOLDER)
    box.wait(lambda: "TMPDIR=" in box.hear(box.streams["a"]))
    assert "TMPDIR=\n" in box.hear(box.streams["a"])


LINGER = """
import pathlib, sys, time
from agent.init import preload
from supervisor import options
begun = pathlib.Path(sys.argv[1])
def linger(self):
    begun.open("ab").write(b".")
    time.sleep(1000)
options.ServerOptions.setpgrp = linger
preload.main(sys.argv[-1])
"""
"""A supervisord whose processes do not come to their programs. Each writes a dot to a file."""


def test_what_is_just_being_started_ends_at_once(make: Make, tmp_path: Path) -> None:
    """A TERM would find no group yet, or supervisord's own handler, and be lost."""
    begun = tmp_path / "begun"
    begun.touch()
    box = make(*(Service(name, SLEEP) for name in ("a", "b")), stop_timeout=10 * DEADLINE)
    box.start(sys.executable, "-I", "-c", LINGER, str(begun))
    box.wait(lambda: begun.read_text() == "...")  # the listener is the third
    box.stop()
    assert box.process
    assert box.process.returncode == 0


def test_what_strangers_send_leaves_no_memory_behind(make: Make) -> None:
    """glibc would keep what a request of megabytes needed, and take that for usual."""
    box = make(Service("a", SLEEP))
    box.start()
    assert box.process
    door = f"unix {box.folder}/supervisord.sock"
    pid = box.process.pid
    box.wait(lambda: box.states()["a"].pid)
    before = find_own_memory(pid)
    for _ in range(3):
        for message in list_messages():
            ask(door, message)
        # It drops a request once it has seen that its sender is gone.
        box.wait(lambda: find_own_memory(pid) < before + 2_000)


def test_a_hung_supervisord_is_not_waited_for(make: Make) -> None:
    box = make(Service("one", SLEEP))
    box.start()
    assert box.process
    box.process.send_signal(signal.SIGSTOP)
    with pytest.raises(OSError, match="timed out"):
        supervisord.query_states(box.folder, 0.2)
    box.process.send_signal(signal.SIGCONT)
    assert box.states()["one"].state in ("STARTING", "RUNNING")


def test_files_are_private_and_a_second_plan_is_empty(make: Make) -> None:
    service = Service("one", SLEEP, environment={"A": ODD})
    box = make(service)
    ledger = Ledger()
    again = plan("boot", supervisord.resources([service], box.facts, 8.0), box.facts, ledger)
    assert again.actions == ()
    for path in (runtime.SUPERVISORD_CONFIG, supervisord.LISTENER, "services/one"):
        assert (box.folder / path).stat().st_mode & 0o777 == 0o600
    assert list(supervisord.resources([], box.facts, 8.0)) == []
