"""`devcopilot wait`, `done`, `log` and `rerun`, as scripts call them."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from agent.commands import wait
from agent.machine.light import runtime
from agent.machine.records.unit_log import find_path
from agent.machine.records.unit_record import SEPARATOR, UNIT, Record, State
from agent.machine.system import Facts
from agent.settings import context
from agent.units import setup, waiting
from agent.units.all import KINDS
from tests.contract.homes import Workspace
from tests.worlds.waiting import DEADLINE, wait_until

NAME = "somebody"


class Waiters:
    """A configured workspace, whose init is a process that sleeps."""

    def __init__(self, folder: Path) -> None:
        off = {"DEV8_SSH": "false", "DEV8_CODE_SERVER": "false"}
        self.workspace = Workspace(folder, off).prepare()
        self.alive = subprocess.Popen(["sleep", "1000"])
        self.work = ExitStack()
        self._held: set[str] = set()

    @property
    def facts(self) -> Facts:
        home = self.workspace.home
        return Facts(home, os.getuid(), self.workspace.runtime, home / ".local/state/devcopilot")

    def boot(self, phase: str = "ready", **jobs: object) -> None:
        """Do what init does: `configure`, and its state."""
        self.workspace.configure()
        self.write_state(phase, **jobs)

    def write_state(self, phase: str, **jobs: object) -> None:
        state = {"pid": self.alive.pid, "phase": phase, "jobs": jobs, "stopping_because": None}
        path = self.workspace.runtime / runtime.STATE
        runtime.write_atomic(str(path), json.dumps(state).encode())

    def set_unit(self, name: str, state: State, **more: object) -> None:
        """Do what carries a unit out: it holds the kind as long as this workspace is there."""
        kind = name.partition(SEPARATOR)[0]
        if state is State.RUNNING and kind not in self._held:
            self._held.add(kind)
            self.work.enter_context(setup.hold(self.facts, kind))
        row = Record(name, state, "2026-01-01T00:00:00Z", **more)  # type: ignore[arg-type]
        UNIT.write(self.facts, row, name)

    def call(self, *words: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-I", "-m", "agent", *words], check=False, timeout=DEADLINE, text=True,
            capture_output=True, env=self.workspace.environ,
        )  # fmt: skip

    @contextmanager
    def begin(self, *words: str) -> Iterator["subprocess.Popen[str]"]:
        process = subprocess.Popen(
            [sys.executable, "-I", "-m", "agent", *words], stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, env=self.workspace.environ,
        )  # fmt: skip
        limit = threading.Timer(DEADLINE, process.kill)  # who reads its lines has no deadline
        limit.start()
        try:
            yield process
        finally:
            limit.cancel()
            process.kill()
            process.communicate()


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Waiters]:
    made = Waiters(tmp_path)
    with made.work:
        yield made
    made.alive.kill()
    made.alive.wait()


def is_asleep(process: "subprocess.Popen[str]") -> bool:
    """Tell whether it waits in poll(2): it has looked, and sleeps until something changes."""
    return "poll" in Path(f"/proc/{process.pid}/wchan").read_text()


@pytest.mark.parametrize(
    ("state", "code"),
    [
        (State.WAITING, 124), (State.RUNNING, 124), (State.DONE, 0), (State.SKIPPED, 0),
        (State.FAILED, 1), (State.TIMEOUT, 1),
    ],
)  # fmt: skip
def test_a_unit_in_each_state(box: Waiters, state: State, code: int) -> None:
    box.boot()
    box.set_unit("one:part", state, reason="it is so", hint="do this")
    done = box.call("wait", "--for", "unit:one:part", "--timeout", "0")
    assert done.returncode == code
    assert ("it is so (do this)" in done.stderr) == bool(code)
    assert box.call("wait", "--timeout", "0").returncode == 0, "the services are another matter"
    document = json.loads(
        box.call("wait", "--for", "unit:one:part", "--timeout=0", "--json").stdout
    )
    assert document["waited_for"][0] == {
        "what": "unit:one:part", "state": str(state), "reason": "it is so", "hint": "do this",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("phase", "code"), [("starting", 124), ("ready", 0)], ids=["starting", "ready"]
)
def test_the_services_are_what_is_waited_for_unless_something_is_named(
    box: Waiters, phase: str, code: int
) -> None:
    box.boot(phase)
    for kind in KINDS:  # that no setup job is at work here is another matter
        box.set_unit(kind.name, State.SKIPPED)
    assert box.call("wait", "--timeout", "0").returncode == code
    assert box.call("wait", "--for", "all", "--timeout", "0").returncode == code


def test_backup_token_and_services_that_are_not_there_need_no_wait(box: Waiters) -> None:
    box.boot()
    for what in ("backup", "token", "ide", "ssh"):
        assert box.call("wait", "--for", what, "--timeout", "0").returncode == 0, what
    box.write_state("ready", backup={"last_exit": None})
    assert box.call("wait", "--for", "backup", "--timeout", "0").returncode == 124
    box.write_state("ready", backup={"last_exit": 1})
    assert box.call("wait", "--for", "backup").returncode == 1


def test_a_wait_may_begin_before_the_agent_does(box: Waiters) -> None:
    with box.begin("wait") as waiter:
        wait_until(lambda: "agent" in Path(f"/proc/{waiter.pid}/cmdline").read_text(), "it runs")
        box.boot("starting")
        wait_until(lambda: is_asleep(waiter), "it waits for the services")
        box.write_state("ready")
        assert waiter.wait(timeout=DEADLINE) == 0


def test_a_step_of_ones_own(box: Waiters) -> None:
    box.boot()
    with box.begin("wait", "--for", f"done:{NAME}") as waiter:
        wait_until(lambda: is_asleep(waiter), "it waits")
        assert box.call("done", NAME).returncode == 0
        assert waiter.wait(timeout=DEADLINE) == 0
    refused = box.call("done", "../x")
    assert (refused.returncode, refused.stderr.count("\n")) == (2, 1)
    assert box.call("wait", "--for", "done:../x").returncode == 2


def test_several_are_waited_for_together_and_the_first_that_fails_ends_it(box: Waiters) -> None:
    box.boot()
    words = ("wait", "--for", "unit:a", "--for", "unit:b", "--for", "done:c")
    with box.begin(*words) as waiter:
        wait_until(lambda: is_asleep(waiter), "it waits")
        box.set_unit("a", State.DONE)
        box.set_unit("b", State.FAILED, reason="it broke", hint="mend it")
        assert waiter.wait(timeout=DEADLINE) == 1
        assert waiter.stdout
        assert waiter.stdout.read() == "devcopilot: it broke (mend it)\n"


def test_a_port(box: Waiters) -> None:
    box.boot()
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert box.call("wait", "--for", f"port:{port}", "--timeout", "120s").returncode == 0
    assert box.call("wait", "--for", f"port:{port}", "--timeout", "0").returncode == 124
    assert box.call("wait", "--for", "port:0").returncode == 2


def test_an_unknown_name_ends_with_the_nearest(box: Waiters) -> None:
    box.boot()
    done = box.call("wait", "--for", "servces")
    assert done.returncode == 2
    assert done.stderr == (
        "devcopilot: nothing to wait for is called servces (did you mean services?)\n"
    )


def test_without_an_agent_the_time_ends_the_wait(box: Waiters) -> None:
    done = box.call("wait", "--timeout", "0")
    assert (done.returncode, "not running here yet" in done.stderr) == (124, True)


def test_fifty_waits_sleep(box: Waiters) -> None:
    box.boot()
    waiters = [
        subprocess.Popen(
            [sys.executable, "-I", "-m", "agent", "wait", "--for", "done:never"],
            env=box.workspace.environ,
        )
        for _ in range(10)
    ]  # `make bench` measures fifty
    try:
        for waiter in waiters:
            wait_until(lambda waiter=waiter: is_asleep(waiter), "it sleeps")  # type: ignore[misc]
        before = sum(count_switches(waiter.pid) for waiter in waiters)
        box.set_unit("other", State.DONE)
        wait_until(lambda: sum(count_switches(each.pid) for each in waiters) > before, "they look")
        assert all(waiter.poll() is None for waiter in waiters)
        assert box.call("done", "never").returncode == 0
        assert [waiter.wait(timeout=DEADLINE) for waiter in waiters] == [0] * 10
    finally:
        for waiter in waiters:
            waiter.kill()
            waiter.wait()


def count_switches(pid: int) -> int:
    """Return how often a process has gone to sleep by itself: proc_pid_status(5)."""
    text = Path(f"/proc/{pid}/status").read_text()
    return int(text.partition("voluntary_ctxt_switches:")[2].split()[0])


# --- log ----------------------------------------------------------------------------------------


def test_a_log_is_followed_until_the_work_is_over(box: Waiters) -> None:
    box.boot()
    path = find_path(box.facts, "one")
    path.parent.mkdir()
    path.write_text("first\n")
    box.set_unit("one", State.RUNNING)
    with box.begin("log", "-f", "one") as reader:
        assert reader.stdout
        assert reader.stdout.readline() == "first\n"
        with path.open("a") as log:
            log.write("half")
            log.flush()
            log.write(" a line\n")
        assert reader.stdout.readline() == "half a line\n"
        path.rename(f"{path}.1")
        path.write_text("a new run\x1b[2J\n")
        assert reader.stdout.readline() == "a new run\\x1b[2J\n"
        box.set_unit("one", State.FAILED)
        assert reader.wait(timeout=DEADLINE) == 0
    assert box.call("log", "one", "--previous").stdout == "first\nhalf a line\n"


def test_who_follows_a_unit_that_has_not_started_is_told_for_what_it_waits(box: Waiters) -> None:
    box.boot()
    with box.begin("log", "-f", "hooks:postCreate") as reader:
        assert reader.stdout
        waits = "devcopilot: hooks:postCreate has not started yet; waiting for it\n"
        assert reader.stdout.readline() == waits
        box.set_unit("hooks:postCreate", State.WAITING, reason="no token yet", hint="log in")
        waits = "devcopilot: hooks:postCreate is waiting: no token yet (log in)\n"
        assert reader.stdout.readline() == waits
        box.set_unit("hooks", State.SKIPPED)
        box.set_unit("hooks:postCreate", State.RUNNING)
        path = find_path(box.facts, "hooks:postCreate")
        path.parent.mkdir()
        path.write_text("first\n")
        assert reader.stdout.readline() == "first\n"
        box.set_unit("hooks:postCreate", State.DONE)
        assert reader.wait(timeout=DEADLINE) == 0


@pytest.mark.parametrize(
    ("unit", "problem"),
    [
        ("nonsense", "there is no unit nonsense (no unit has run yet)"),
        ("nonsense:part", "there is no unit nonsense:part (no unit has run yet)"),
        ("hooks:a/../b", "there is no unit hooks:a/../b (no unit has run yet)"),
        ("hooks:typo", "there is no unit hooks:typo (no unit has run yet)"),
        ("hooks", "there is no log: hooks is skipped: there are none"),
        ("clone", "there is no log: clone is not asked for"),
        ("clone:demo", "there is no unit clone:demo (no unit has run yet)"),
        ("x" * 5000, f"there is no unit {'x' * 5000} (no unit has run yet)"),
    ],
    ids=lambda text: text[:30],
)
def test_a_unit_that_cannot_come_is_not_followed(box: Waiters, unit: str, problem: str) -> None:
    box.boot()
    box.set_unit("hooks", State.SKIPPED, reason="there are none")
    for words in (("log", "-f", unit), ("log", unit)):
        done = box.call(*words)
        assert (done.returncode, done.stderr) == (1, f"devcopilot: {problem}\n")


def test_who_follows_a_part_that_did_not_come_is_told_once_its_kind_is_over(box: Waiters) -> None:
    box.boot()
    with box.begin("log", "-f", "hooks:postCreate") as reader:
        assert reader.stdout
        assert "waiting for it" in reader.stdout.readline()
        box.set_unit("hooks", State.DONE)
        assert "there is no unit hooks:postCreate" in reader.stdout.readline()
        assert reader.wait(timeout=DEADLINE) == 1


def test_a_unit_without_a_log_is_told(box: Waiters) -> None:
    box.boot()
    assert box.call("log", "one").stderr == (
        "devcopilot: there is no unit one (no unit has run yet)\n"
    )
    box.set_unit("one", State.WAITING)
    assert box.call("log", "one").stderr.startswith("devcopilot: one has no log yet")
    done = box.call("log", "../secrets/x")
    assert done.returncode == 1


def test_what_is_not_a_unit_cannot_be_carried_out_again(box: Waiters) -> None:
    box.boot()
    done = box.call("rerun", "nonsense")
    assert (done.returncode, "there is no unit nonsense" in done.stderr) == (2, True)
    assert box.call("rerun").returncode == 2
    assert box.call("rerun", "--all").stdout == "no unit has failed\n"


def test_an_interrupted_wait_ends_like_any_program(box: Waiters) -> None:
    box.boot()
    with box.begin("wait", "--for", "done:x") as waiter:
        wait_until(lambda: is_asleep(waiter), "it waits")
        waiter.send_signal(signal.SIGINT)
        assert waiter.wait(timeout=DEADLINE) == 130
        assert waiter.stdout
        assert waiter.stdout.read() == ""


@pytest.mark.parametrize("what", ["services", "all", "hooks", "unit:clone:demo", "done:mine"])
def test_a_change_ends_a_wait_at_once(
    what: str, box: Waiters, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who waits hardly looks, so that many can."""
    for pause in ("LOOK", "SELDOM"):
        monkeypatch.setattr(wait, pause, 3600.0)
    box.workspace.environ["DEV8_ON_START"] = "true"
    box.boot("starting")
    box.set_unit("hooks", State.RUNNING)
    box.set_unit("clone:demo", State.RUNNING)
    monkeypatch.setenv("DEV8_RUNTIME_DIR", str(box.workspace.runtime))
    current = context.load()
    told: list[str] = []
    ended = threading.Thread(
        target=lambda: wait.wait(
            current, {what: waiting.find_question(what)}, float("inf"),
            lambda answer: told.append(answer.reason), is_seen=False,
        ),
        daemon=True,
    )  # fmt: skip
    ended.start()
    wait_until(lambda: told, "the first look")
    waiting.set_milestone(box.facts, "mine")
    box.write_state("ready")
    for name in ("hooks", "clone:demo"):
        box.set_unit(name, State.DONE)
    ended.join(DEADLINE)
    assert not ended.is_alive()
