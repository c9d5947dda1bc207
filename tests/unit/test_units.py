"""Units: how each stands, its log, its marks, and the run that carries all of them out."""

import errno
import json
import os
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import pytest

from agent.machine.errors import AgentError, Problem
from agent.machine.light import runtime
from agent.machine.light.proc import GONE, read_stat
from agent.machine.records import unit_record
from agent.machine.records.documents import Document
from agent.machine.records.unit_log import LONGEST, UnitLog, find_path
from agent.machine.records.unit_record import Record, State, find_open, make_name
from agent.machine.system import Facts
from agent.settings.context import Context
from agent.settings.everything import Settings
from agent.units import leftovers, unit_command
from agent.units.all import KINDS
from agent.units.marks import IN_CONTAINER, ON_VOLUME, Marks
from agent.units.setup import NOT_YET, Setup, hold, is_settled
from agent.units.unit import Kind, Unit, Work
from tests.worlds.limits import refuse_threads
from tests.worlds.machine import make_facts
from tests.worlds.programs import Awaited
from tests.worlds.waiting import DEADLINE, wait_until

TOP = Path(__file__).resolve().parents[2]
SECRET = "ghp_0123456789abcdefghij"


class Heard:
    """Keeps what is told."""

    def __init__(self) -> None:
        self.ends: list[tuple[str, str, Sequence[str]]] = []
        self.lines: list[str] = []
        self.passed: list[tuple[int | None, str]] = []

    def begin(self, unit: Record) -> None:
        self.lines.append(f"> {unit.name}")

    def line(self, unit: Record, text: str) -> None:
        del unit
        self.lines.append(text)

    def passing(self, unit: Record, text: str) -> None:
        self.passed.append((unit.progress, text))

    def end(self, unit: Record, last: Sequence[str]) -> None:
        self.ends.append((unit.name, str(unit.state), last))


@pytest.fixture
def context(tmp_path: Path) -> Context:
    return Context({}, Settings.from_environ({}), make_facts(tmp_path))


def make_kind(name: str, carry_out: Callable[[Work], None], needs: tuple[str, ...] = (),
              after: tuple[str, ...] = (), wanted: bool = True) -> Kind:  # fmt: skip
    return Kind(name, "", lambda _: wanted, carry_out, needs, lambda _: after)


def succeed(work: Work) -> None:
    work.own.begin()
    work.own.done()


def fail(work: Work) -> None:
    work.own.begin()
    work.own.fail("it is broken", "mend it", 3)


def state_of(context: Context, name: str) -> str | None:
    found = unit_record.read(context.facts, name)
    return str(found.state) if found else None


def run_in(context: Context, carry_out: Callable[[Unit], None]) -> Heard:
    """Run a kind that has one unit only."""
    heard = Heard()

    def work(each: Work) -> None:
        each.own.begin()
        carry_out(each.own)

    Setup(context, [make_kind("one", work)], heard).run()
    return heard


def assert_good(ended: unit_command.Ended) -> None:
    assert ended.good


# --- the order of kinds -------------------------------------------------------------------------


def test_each_begins_when_what_it_needs_is_done(context: Context) -> None:
    order: list[str] = []

    def note(work: Work) -> None:
        order.append(work.kind.name)
        succeed(work)

    kinds = [
        make_kind("third", note, after=("second", "unwanted")),
        make_kind("second", note, needs=("first",)),
        make_kind("first", note),
        make_kind("unwanted", note, wanted=False),
    ]
    assert Setup(context, kinds, Heard()).run() is None
    assert order == ["first", "second", "third"]
    assert state_of(context, "unwanted") is None


def test_what_needs_one_that_failed_waits_and_says_for_what(context: Context) -> None:
    kinds = [make_kind("bad", fail), make_kind("next", succeed, needs=("bad",)),
             make_kind("later", succeed, after=("bad", "next"))]  # fmt: skip
    Setup(context, kinds, Heard()).run()
    waiting = unit_record.read(context.facts, "next")
    assert waiting and (waiting.state, waiting.reason, waiting.hint) == (
        State.WAITING, "bad has failed", "mend it"
    )  # fmt: skip
    assert state_of(context, "later") == "done"


def test_what_is_over_is_not_done_again_in_this_life_unless_somebody_asks(context: Context) -> None:
    runs: list[str] = []

    def note(work: Work) -> None:
        runs.append(f"{work.again} {work.only}")
        fail(work) if work.kind.name == "bad" else succeed(work)

    kinds = [make_kind("good", note), make_kind("bad", note)]
    for _ in range(2):
        Setup(context, kinds, Heard()).run()
    assert runs == ["False ", "False "]
    Setup(context, kinds, Heard(), {"bad": "part"}).run()
    assert runs[2:] == ["True part"]


def test_kinds_that_do_not_need_each_other_run_side_by_side(context: Context) -> None:
    both = threading.Barrier(2, timeout=DEADLINE)

    def meet(work: Work) -> None:
        both.wait()
        succeed(work)

    Setup(context, [make_kind("a", meet), make_kind("b", meet)], Heard()).run()
    assert (state_of(context, "a"), state_of(context, "b")) == ("done", "done")


def test_where_no_thread_can_be_kinds_run_one_after_another(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A limit of processes counts threads as well; the setup would end and begin anew for ever."""
    refuse_threads(monkeypatch)
    kinds = [make_kind("a", succeed), make_kind("b", fail), make_kind("c", succeed, ("a",))]
    Setup(context, kinds, Heard()).run()
    assert [state_of(context, kind.name) for kind in kinds] == ["done", "failed", "done"]


def test_everybody_sees_from_the_beginning_what_there_will_be(context: Context) -> None:
    seen: list[Record | None] = []

    def look(work: Work) -> None:
        seen.append(unit_record.read(context.facts, "second"))
        succeed(work)

    Setup(context, [make_kind("first", look), make_kind("second", succeed, after=("first",))],
          Heard()).run()  # fmt: skip
    assert seen[0] and (seen[0].state, seen[0].reason) == (State.WAITING, NOT_YET)


def test_what_waits_says_when_it_wants_to_be_done_again(context: Context) -> None:
    def wait(work: Work) -> None:
        work.again_in(60)
        work.again_in(7)
        work.again_in(30)
        work.own.wait("the server does not answer")

    assert Setup(context, [make_kind("one", wait)], Heard()).run() == pytest.approx(7, abs=2)
    assert state_of(context, "one") == "waiting"


@pytest.mark.parametrize("cause", ["news", "time"])
def test_what_waits_goes_on_while_something_else_is_at_work(
    context: Context, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cause: str
) -> None:
    """A token that comes during a long installation is used at once, and so is what needs it."""
    monkeypatch.setattr("agent.units.setup.LOOK", 0.02)
    token, over = tmp_path / "token", threading.Event()
    runs: list[str] = []

    def wait(work: Work) -> None:
        runs.append(work.kind.name)
        if len(runs) > 1:
            succeed(work)
            return
        work.own.wait("a token")
        if cause == "time":
            work.again_in(0.1)
        else:
            threading.Timer(0.1, token.touch).start()

    def install(work: Work) -> None:
        work.own.begin()
        assert over.wait(30)
        work.own.done()

    def end(work: Work) -> None:
        succeed(work)
        over.set()

    kinds = [make_kind("slow", install), make_kind("one", wait), make_kind("two", end, ("one",))]
    assert Setup(context, kinds, Heard(), watch=[token]).run() is None
    assert runs == ["one", "one"]
    assert [state_of(context, kind.name) for kind in kinds] == ["done"] * 3


@pytest.mark.parametrize(
    ("error", "reason", "hint"),
    [
        (AgentError(Problem("no such thing", "make one")), "no such thing", "make one"),
        (FileNotFoundError(2, "No such file", "/x"), "/x: No such file", "devcopilot rerun one"),
        (KeyError("x"), "internal error: ", "please report this line"),
    ],
)
def test_an_error_fails_its_kind_and_no_other(
    context: Context, error: Exception, reason: str, hint: str
) -> None:
    def stumble(_work: Work) -> None:
        raise error

    Setup(context, [make_kind("one", stumble), make_kind("two", succeed)], Heard()).run()
    found = unit_record.read(context.facts, "one")
    assert found and found.state is State.FAILED
    assert found.reason.startswith(reason)
    assert found.hint == hint
    assert state_of(context, "two") == "done"


@pytest.mark.parametrize("state", State)
def test_what_runs_or_waits_is_not_settled(context: Context, state: State) -> None:
    record = Record("one", state, "2026-01-01T00:00:00Z")
    unit_record.UNIT.write(context.facts, record, "one")
    assert is_settled(context.facts) is (state not in (State.RUNNING, State.WAITING))


def test_a_kind_that_somebody_else_carries_out_is_left_to_him(context: Context) -> None:
    runs: list[Work] = []
    with hold(context.facts, "one"):
        pause = Setup(context, [make_kind("one", runs.append)], Heard()).run()
    assert pause == pytest.approx(5, abs=2)
    assert runs == []


# --- commands -----------------------------------------------------------------------------------


def test_a_command_gets_the_clean_environment_and_nobody_to_ask(context: Context) -> None:
    said: list[str] = []

    def carry_out(unit: Unit) -> None:
        changes = {"MORE": "yes", "HOME": None}
        ended = unit.run(("sh", "-c", "cat; env"), environ=changes, on_line=said.append)
        assert ended.good
        unit.done()

    os.environ["FROM_OUTSIDE"] = "x"
    try:
        run_in(context, carry_out)
    finally:
        del os.environ["FROM_OUTSIDE"]
    assert {"MORE=yes", "GIT_TERMINAL_PROMPT=0"} <= set(said)
    assert not [line for line in said if line.startswith(("HOME=", "FROM_OUTSIDE="))]


def test_its_output_is_in_the_log_masked_and_the_run_before_is_kept(context: Context) -> None:
    runtime.write_atomic(str(context.facts.runtime / runtime.SECRETS / "TOKEN"), SECRET.encode())

    def carry_out(unit: Unit) -> None:
        unit.say("a line of ours")
        unit.run(("sh", "-c", f"echo 1; echo {SECRET} >&2; printf rest"))
        unit.done()

    run_in(context, carry_out)
    log = find_path(context.facts, "one")
    assert log.read_text() == "a line of ours\n1\n***\nrest\n"
    assert log.stat().st_mode & 0o777 == 0o600
    UnitLog(context.facts, "one").close()
    assert log.read_text() == ""
    assert Path(f"{log}.1").read_text().endswith("rest\n")


@pytest.mark.parametrize(
    ("output", "lines"),
    [
        (r"1 %%\r2 %%\r3 %%\n", ["3 %"]),  # as on a terminal, in the end
        (r"one\r\ntwo\r\n\r\n", ["one", "two", ""]),
        (r"\r1 %%\r2 %%", ["2 %"]),
        (r"1 %%\r2 %%\r", ["2 %"]),
    ],
)
def test_what_a_terminal_would_overwrite_is_not_logged(
    context: Context, output: str, lines: list[str]
) -> None:
    said: list[str] = []
    run_in(context, lambda unit: assert_good(unit.run(("printf", output), on_line=said.append)))
    assert said == lines


def test_of_a_command_that_hangs_its_log_shows_how_far_it_is(context: Context) -> None:
    said: list[str] = []
    stopping = threading.Event()

    def hear(line: bytes) -> None:
        said.append(line.decode())
        if said[-1] == "999 %":
            stopping.set()

    script = (
        r"i=0; while [ $i -lt 1000 ]; do printf '%s %%\r' $i; i=$((i+1)); done; exec sleep 1000"
    )
    argv, environ = ("sh", "-c", script), context.facts.environ
    lines: list[bytes] = []
    ended = unit_command.run(argv, environ, None, DEADLINE, stopping, lines.append, on_passing=hear)
    assert ended.stopped
    assert len(said) < 1000
    assert lines == [b"999 %"]


def test_what_a_terminal_would_overwrite_is_shown_and_now_and_then_logged(
    context: Context, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What comes next waits until that is shown, however busy the machine is."""

    def show(self: Heard, unit: Record, text: str) -> None:
        self.passed.append((unit.progress, text))
        (tmp_path / f"shown-{len(self.passed)}").touch()

    def wait_for(number: int) -> str:
        return f"until [ -e {tmp_path}/shown-{number} ]; do sleep 0.05; done"

    monkeypatch.setattr(Heard, "passing", show)
    runtime.write_atomic(str(context.facts.runtime / runtime.SECRETS / "TOKEN"), SECRET.encode())
    script = f"printf '{SECRET} 1 %%\\r'; {wait_for(1)}; printf '2 %%\\r'; {wait_for(2)}; echo"
    argv = ("sh", "-c", script)
    heard = run_in(context, lambda unit: assert_good(unit.run(argv, timeout=DEADLINE)))
    assert heard.passed == [(None, "*** 1 %"), (None, "2 %")]
    assert heard.lines == ["> one", "2 %"]
    assert find_path(context.facts, "one").read_text() == "*** 1 %\n2 %\n"


def test_a_line_that_is_too_long_is_cut_and_shows_no_part_of_a_secret(context: Context) -> None:
    runtime.write_atomic(str(context.facts.runtime / runtime.SECRETS / "TOKEN"), SECRET.encode())
    script = f"head -c {16 * 1024 - 5} /dev/zero | tr '\\0' x; printf '{SECRET}'; "
    script += f"head -c {300 * 1024} /dev/zero | tr '\\0' y; echo; echo next"
    said: list[str] = []
    run_in(
        context,
        lambda unit: assert_good(unit.run(("sh", "-c", script), on_line=said.append)),
    )
    assert [line[-6:] for line in said] == ["x***yy", "next"]
    assert SECRET[:5] not in find_path(context.facts, "one").read_text()


def test_a_log_keeps_the_end_of_an_output_that_never_stops(context: Context) -> None:
    log = UnitLog(context.facts, "one")
    for number in range(3 * LONGEST // 1000):
        log.write(f"{number} ".encode() + b"x" * 1000)
    log.write(b"y" * 100_000)
    log.close()
    content = find_path(context.facts, "one").read_bytes()
    assert len(content) <= LONGEST
    assert content.startswith(b"(earlier lines are not kept)\n")
    assert b"\n3144 x" in content


def test_one_that_takes_too_long_is_ended_with_its_whole_group(
    context: Context, tmp_path: Path
) -> None:
    child = tmp_path / "child"

    def carry_out(unit: Unit) -> None:
        script = f"sleep 1000 & echo $! >{child}; wait"
        ended = unit.run(("sh", "-c", script), timeout=3.0)
        assert (ended.timed_out, ended.good, ended.stopped) == (True, False, False)
        unit.time_out(3.0)

    run_in(context, carry_out)
    assert state_of(context, "one") == "timeout"
    wait_until(lambda: not is_alive(int(child.read_text())), "the end of its child")


def test_the_stop_ends_it_and_says_nothing_of_its_work(context: Context, tmp_path: Path) -> None:
    setup: list[Setup] = []

    def carry_out(work: Work) -> None:
        work.own.begin()
        threading.Timer(0.1, setup[0].stop).start()
        ended = work.own.run(("sleep", "1000"))
        assert (ended.stopped, ended.good, ended.timed_out) == (True, False, False)

    setup.append(Setup(context, [make_kind("one", carry_out)], Heard()))
    setup[0].run()
    (written,) = unit_record.list_written(context.facts)
    assert (written.state, state_of(context, "one")) == ("running", "waiting")


def test_whoever_interrupts_it_by_hand_leaves_nothing_running(context: Context) -> None:
    setup: list[Setup] = []
    heard = Heard()

    def carry_out(work: Work) -> None:
        part = work.part("demo")
        part.begin()
        threading.Timer(0.1, setup[0].stop).start()
        assert part.run(("sleep", "1000")).stopped

    setup.append(Setup(context, [make_kind("one", carry_out)], heard, {"one": ""}))
    setup[0].run()
    assert (state_of(context, "one"), state_of(context, "one:demo")) == ("failed", "failed")
    assert ("one:demo", "failed", ()) in heard.ends
    found = unit_record.read(context.facts, "one:demo")
    assert found and found.reason == "it was interrupted"


def test_what_a_killed_run_has_left_running_ends_with_the_next_one(context: Context) -> None:
    gone = Record("one:gone", State.RUNNING, "", progress=40)
    other = Record("other", State.RUNNING, "")
    for each in (gone, other):
        unit_record.UNIT.write(context.facts, each, each.name)
    Setup(context, [make_kind("one", succeed)], Heard()).run()
    written = {each.name: str(each.state) for each in unit_record.list_written(context.facts)}
    assert written == {"one": "done", "one:gone": "failed", "other": "running"}


HOLDER = """
import sys, time
from contextlib import ExitStack
from pathlib import Path
from agent.machine.system import Facts
from agent.units.setup import hold
facts = Facts(Path(sys.argv[1]), 0, Path(sys.argv[1]), Path(sys.argv[1]))
with ExitStack() as held:
    for kind in sys.argv[3:]:
        held.enter_context(hold(facts, kind, is_repeated=sys.argv[2] == "setup"))
    print(flush=True)
    sys.stdin.read()
"""


@pytest.mark.parametrize(
    ("holder", "state", "reason"),
    [
        ("setup", State.WAITING, "it was interrupted and begins again"),
        ("person", State.FAILED, "it was interrupted"),
    ],
)
def test_whoever_reads_sees_that_the_process_of_a_unit_was_killed(
    context: Context, holder: str, state: State, reason: str
) -> None:
    facts, names = context.facts, [kind.name for kind in KINDS]
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(facts.runtime), holder, *names], cwd=TOP,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    try:
        assert process.stdout
        process.stdout.readline()
        for unit in (*names, *(f"{name}:part" for name in names)):
            unit_record.UNIT.write(facts, Record(unit, State.RUNNING, "now", progress=40), unit)
            assert unit_record.read(facts, unit) == Record(unit, State.RUNNING, "now", progress=40)
    finally:
        process.kill()
        process.communicate()
    seen = list(unit_record.list_all(facts))
    assert len(seen) == 2 * len(names)
    for each in seen:
        assert each == Record(each.name, state, "now", reason=reason)
        assert each == unit_record.read(facts, each.name)


SETUP = """
import sys, threading
from pathlib import Path
from agent.machine.system import Facts
from agent.settings.context import Context
from agent.settings.everything import Settings
from agent.units.setup import Setup
from agent.units.unit import Kind
from tests.unit.test_units import Heard
top = Path(sys.argv[1])

def work(each):
    each.own.begin()
    each.own.run(("sh", "-c", sys.argv[2]))

current = Context({}, Settings.from_environ({}), Facts(top, 0, top, top))
Setup(current, [Kind("one", "", lambda _: True, work)], Heard()).run()
"""
STUBBORN = "trap '' TERM; sleep 1000 & echo $$ $! >pids; wait"
ORPHANED = "sleep 1000 & echo $$ $! >pids; kill -KILL $$"


def kill_setup(facts: Facts, script: str) -> list[int]:
    """Kill a setup whose unit runs this script; return the processes that it noted."""
    pids = facts.runtime / "pids"
    process = subprocess.Popen(
        [sys.executable, "-c", SETUP, str(facts.runtime), f"cd {facts.runtime}; {script}"], cwd=TOP
    )
    try:
        wait_until(lambda: pids.exists() and pids.read_text().endswith("\n"), "its command runs")
        noted = facts.runtime / f"units/one.{pids.read_text().split()[0]}.session"
        wait_until(lambda: noted.exists() and noted.read_text(), "its session is noted")
    finally:
        process.kill()
        process.wait()
    return [int(pid) for pid in pids.read_text().split()]


def is_alive(pid: int) -> bool:
    try:
        return read_stat(f"/proc/{pid}")[1][0] not in GONE
    except OSError:
        return False


@pytest.mark.parametrize("script", [STUBBORN, ORPHANED], ids=["stubborn", "without its leader"])
def test_what_is_left_of_a_killed_setup_s_commands_ends_before_they_run_again(
    context: Context, monkeypatch: pytest.MonkeyPatch, script: str
) -> None:
    monkeypatch.setattr(leftovers, "PATIENCE", 2.0)
    pids = kill_setup(context.facts, script)
    assert is_alive(pids[-1])
    seen: list[bool] = []

    def look(work: Work) -> None:
        seen.extend(is_alive(pid) for pid in pids)
        work.own.done()

    Setup(context, [make_kind("one", look)], Heard()).run()
    assert seen == [False, False]
    assert not list(context.facts.runtime.glob("units/*.session"))


def test_a_process_that_has_the_number_of_a_former_one_lives_on(context: Context) -> None:
    with Awaited[bytes](["sleep", "1000"], start_new_session=True) as stranger:
        try:
            note = context.facts.runtime / f"units/one.{stranger.pid}.session"
            note.parent.mkdir()
            note.write_text("1")
            leftovers.end(context.facts, "one")
            assert stranger.poll() is None
            assert not note.exists()
        finally:
            stranger.kill()


@pytest.mark.parametrize("name", ["one.x.session", "one..session", "one.99999999.session"])
def test_a_note_that_is_damaged_or_of_nobody_is_removed(context: Context, name: str) -> None:
    note = context.facts.runtime / "units" / name
    note.parent.mkdir()
    note.write_bytes(b"\xff")
    leftovers.end(context.facts, "one")
    assert not note.exists()


def test_what_a_killed_setup_has_left_is_done_again_by_the_next(context: Context) -> None:
    for name in ("one", "one:part"):
        unit_record.UNIT.write(context.facts, Record(name, State.RUNNING, ""), name)
    Setup(context, [make_kind("one", succeed)], Heard()).run()
    assert state_of(context, "one") == "done"


def test_one_that_cannot_be_written_keeps_back_what_needs_it(context: Context) -> None:
    """As in a runtime folder that is full: a folder in its place takes no record."""
    (context.facts.runtime / "units/bad.json").mkdir(parents=True)
    kinds = [make_kind("bad", fail), make_kind("next", succeed, needs=("bad",))]
    setup = Setup(context, kinds, Heard())
    setup.run()
    waiting = setup.find("next")
    assert waiting and (waiting.state, waiting.reason) == (State.WAITING, "bad has failed")
    assert {name: each.state for name, each in setup.unwritten.items()} == {"bad": State.FAILED}

    (context.facts.runtime / "units/bad.json").rmdir()
    setup = Setup(context, kinds, Heard())
    setup.run()
    assert (setup.unwritten, state_of(context, "bad")) == ({}, "failed")


def test_what_has_ended_is_not_done_again_until_the_runtime_folder_has_room(
    context: Context, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor then: a create hook that has failed would run again every few minutes."""
    monkeypatch.setattr("agent.units.setup.LOOK", 0.01)
    ran: list[str] = []

    def carry_out(work: Work, do: Callable[[Work], None]) -> None:
        ran.append(work.kind.name)
        do(work)

    kinds = [
        make_kind("bad", partial(carry_out, do=fail)),
        make_kind("late", partial(carry_out, do=lambda work: work.own.wait("for a token"))),
    ]
    in_their_place = [context.facts.runtime / f"units/{kind.name}.json" for kind in kinds]
    for path in in_their_place:
        path.mkdir(parents=True)
    token, heard = tmp_path / "token", Heard()
    setup = Setup(context, kinds, heard, watch=[token])
    setup.run()
    thread = threading.Thread(target=setup.wait_for_room)
    thread.start()
    token.touch()
    wait_until(lambda: ran.count("late") == 2, "what waits for the token goes on")
    for path in in_their_place:
        path.rmdir()
    thread.join(DEADLINE)
    assert sorted(heard.ends) == [("bad", "failed", ()), ("late", "waiting", ())], "told once"
    assert (setup.unwritten, state_of(context, "bad")) == ({}, "failed")
    Setup(context, kinds, Heard()).run()
    assert ran.count("bad") == 1


def test_what_a_full_runtime_folder_refuses_waits_for_room(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    def carry_out(work: Work) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "/run/it")

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as full:
        full.setattr(Document, "write", refuse)
        setup = Setup(context, [make_kind("one", carry_out)], Heard())
        setup.run()
    found = setup.find("one")
    assert found and (found.state, found.reason) == (
        State.WAITING, "/run/it: No space left on device",
    )  # fmt: skip
    setup.wait_for_room()
    assert state_of(context, "one") == "waiting"
    Setup(context, [make_kind("one", succeed)], Heard()).run()
    assert state_of(context, "one") == "done"


def test_one_whose_end_cannot_be_written_was_not_interrupted(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    def carry_out(work: Work) -> None:
        work.own.begin()
        work.part("demo").begin()
        monkeypatch.setattr(Document, "write", refuse)
        work.part("demo").done()
        work.own.done()

    heard = Heard()
    setup = Setup(context, [make_kind("one", carry_out)], heard)
    setup.run()
    assert heard.ends == [("one:demo", "done", ()), ("one", "done", ())]
    assert sorted(setup.unwritten) == ["one", "one:demo"]


def test_a_part_at_work_ends_with_the_kind_that_cannot_go_on(context: Context) -> None:
    """As on a full disk: the part has begun, and nothing can be noted of it."""

    def carry_out(work: Work) -> None:
        work.own.begin()
        work.part("demo").begin()
        raise OSError(errno.ENOSPC, "No space left on device", "/home/state")

    heard = Heard()
    Setup(context, [make_kind("one", carry_out)], heard).run()
    assert heard.ends == [("one", "failed", ()), ("one:demo", "failed", ())]
    found = unit_record.read(context.facts, "one")
    assert found and found.reason == "/home/state: No space left on device"


def test_parts_that_are_not_the_kind_s_own_leave_it_as_it_is(context: Context) -> None:
    kind = make_kind("one", succeed)
    work = Work(context, kind, Heard(), threading.Event(), is_whole=False)
    part = work.part("demo")
    part.begin()
    part.progress(50, "half")
    part.done()
    assert unit_record.read(context.facts, "one") is None


def test_what_it_leaves_in_the_background_lives_and_can_go_on_writing(
    context: Context, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.units.unit_command.GRACE", 0.3)
    alive, child = tmp_path / "alive", tmp_path / "child"

    def carry_out(unit: Unit) -> None:
        script = (
            f"(trap 'echo pipe >{alive}; exit' PIPE; while :; do echo word; echo x >>{alive}.n; "
            f"sleep 0.05; done) & echo $! >{child}"
        )
        ended = unit.run(("bash", "-c", script))
        assert (ended.code, ended.leaves) == (0, True)
        unit.done()

    run_in(context, carry_out)
    pid, count = int(child.read_text()), Path(f"{alive}.n")
    try:
        seen = count.stat().st_size
        wait_until(lambda: count.stat().st_size > seen + 10, "it goes on")
        assert not alive.exists()
    finally:
        os.kill(pid, signal.SIGKILL)


def test_the_end_is_told_once_and_a_failure_with_its_last_lines(context: Context) -> None:
    def carry_out(unit: Unit) -> None:
        ended = unit.run(("sh", "-c", "seq 1 9; exit 4"))
        unit.fail("it ended with 4", exit=ended.code)
        unit.fail("it ended with 4", exit=ended.code)

    heard = run_in(context, carry_out)
    assert heard.ends == [("one", "failed", ("5", "6", "7", "8", "9"))]
    found = unit_record.read(context.facts, "one")
    assert found
    assert (found.exit, found.log) == (4, str(find_path(context.facts, "one")))
    assert found.took is not None


def test_progress_is_written_at_most_once_a_second(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    work = Work(context, make_kind("one", succeed), Heard(), threading.Event())
    work.own.begin()
    seen = []
    for percent in range(5):
        work.own.progress(percent, f"step {percent}")
        found = unit_record.UNIT.read(context.facts, "one")
        seen.append(found.progress if found else None)
        now[0] += 0.5
    assert seen == [0, 0, 2, 2, 4]


# --- parts, names, marks ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("states", "expected", "reason"),
    [
        (("done", "failed", "waiting"), "failed", "one:1: broken"),
        (("failed", "failed"), "failed", "one:0: broken (and 1 more)"),
        (("done", "waiting"), "waiting", "one:1: not yet"),
        (("skipped", "done"), "done", ""),
        (("skipped",), "skipped", "nothing"),
        ((), "done", ""),
    ],
)
def test_a_kind_stands_as_the_worst_of_its_parts(
    context: Context, states: tuple[str, ...], expected: str, reason: str
) -> None:
    work = Work(context, make_kind("one", succeed), Heard(), threading.Event())
    parts = []
    for number, state in enumerate(states):
        part = work.part(str(number))
        tell: dict[str, Callable[[], None]] = {
            "done": part.done,
            "failed": partial(part.fail, "broken"),
            "waiting": partial(part.wait, "not yet"),
            "skipped": partial(part.skip, "nothing"),
        }
        tell[state]()
        parts.append(part)
    work.settle(parts)
    found = unit_record.read(context.facts, "one")
    assert found
    assert (str(found.state), found.reason) == (expected, reason)


def test_a_kind_is_as_far_as_its_parts_while_they_are_at_work(context: Context) -> None:
    work = Work(context, make_kind("one", succeed), Heard(), threading.Event())
    parts = [work.part(name) for name in ("a", "b", "c", "d")]

    def look() -> tuple[str, int | None]:
        found = unit_record.UNIT.read(context.facts, "one")
        return (str(found.state), found.progress) if found else ("none", None)

    parts[0].skip("nothing")
    assert look() == ("none", None)
    parts[1].begin()
    assert look() == ("running", None)
    parts[1].progress(50, "half")
    assert look() == ("running", 37)
    parts[2].begin()
    parts[2].fail("broken")
    assert look() == ("running", 37)
    parts[1].done()
    parts[3].begin()
    parts[3].done()
    work.settle(parts)
    assert look() == ("failed", None)


@pytest.mark.parametrize(
    ("units", "shown"),
    [
        ("clone waiting 'clone:demo: a token', clone:demo waiting 'a token'", "clone:demo"),
        ("clone waiting 'not yet'", "clone"),
        ("clone running '', clone:a running '', clone:b waiting 'x', clone:c done ''",
         "clone:a clone:b"),
        ("clone failed 'clone:a: x (and 1 more)', clone:a failed x, clone:b failed y",
         "clone:a clone:b"),
        ("hooks failed 'the file is damaged', hooks:postStart waiting x", "hooks hooks:postStart"),
        ("hooks running '', hooks:onCreate running '', hooks:onCreate:web running ''",
         "hooks:onCreate:web"),
        ("clone skipped x, clone:a skipped x", ""),
    ],
)  # fmt: skip
def test_a_unit_that_is_not_done_is_shown_once(units: str, shown: str) -> None:
    rows = [shlex.split(unit) for unit in units.split(", ")]
    records = [Record(name, State(state), "", reason=reason) for name, state, reason in rows]
    assert [each.name for each in find_open(records)] == shown.split()


@pytest.mark.parametrize(
    ("part", "name"),
    [
        ("postCreate", "hooks:postCreate"),
        ("postCreate:web server", "hooks:postCreate:web-server"),
        ("../../etc/passwd", "hooks:etc-passwd"),
        ("\x1b[31m", "hooks:31m"),
        ("…", "hooks:unnamed"),
        ("x" * 300, "hooks:" + "x" * 94),
    ],
)
def test_what_strangers_call_a_part_is_a_plain_name(part: str, name: str) -> None:
    assert make_name("hooks", part) == name


def test_a_mark_holds_for_what_it_was_made_of(context: Context) -> None:
    marks = Marks(context.facts, "one", ON_VOLUME)
    assert not marks.is_done("a")
    marks.set_running("a")
    assert marks.was_interrupted()
    marks.set_done("a")
    assert marks.is_done("a")
    assert not marks.is_done("b")
    assert not marks.was_interrupted()
    assert not Marks(context.facts, "one", IN_CONTAINER).is_done("a")
    marks.forget()
    assert not marks.is_done("b")
    assert not marks.is_done("a")


@pytest.mark.parametrize("content", ["", "{", "[]", '{"state": "odd"}', '{"name": 1}'])
def test_a_damaged_record_is_none(context: Context, content: str) -> None:
    path = unit_record.UNIT.path(context.facts, "one")
    path.parent.mkdir()
    path.write_text(content)
    assert unit_record.read(context.facts, "one") is None
    assert list(unit_record.list_all(context.facts)) == []


def test_a_record_is_read_as_it_was_written(context: Context) -> None:
    made = Record("one:two", State.TIMEOUT, "2026-01-01T00:00:00.000Z", 1.5, 124, "r", "h", "l", 7)
    unit_record.UNIT.write(context.facts, made, made.name)
    assert unit_record.read(context.facts, "one:two") == made
    assert (
        json.loads(unit_record.UNIT.path(context.facts, "one:two").read_text())["state"]
        == "timeout"
    )
    assert [each.kind for each in unit_record.list_all(context.facts)] == ["one"]


def test_others_begin_once_enough_of_a_kind_is_done(context: Context) -> None:
    """It would not end before the other has begun."""
    begun = threading.Event()

    def go_on(work: Work) -> None:
        work.own.begin()
        work.tell_enough()
        assert begun.wait(30)
        work.own.done()

    def begin(work: Work) -> None:
        begun.set()
        succeed(work)

    long = Kind("long", "", lambda _: True, go_on, enough="first")
    other = make_kind("other", begin, after=("long",))
    strict = make_kind("strict", succeed, needs=("long",))
    Setup(context, (long, other, strict), Heard()).run()
    assert {state_of(context, name) for name in ("long", "other", "strict")} == {"done"}
