"""What the supervisor makes of what happens to its parts, by a clock that takes no time.

Beside it, the core: which signal goes where, in which order everything ends, with which code.
"""

import json
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from agent.init import early
from agent.init.children import Child
from agent.init.core import Init
from agent.init.early import Early
from agent.init.listener import Listener
from agent.init.loop import LONGEST_WAIT
from agent.init.orphans import LOOK, Orphans
from agent.init.services import START_PATIENCE
from agent.init.state import MOST_SERVICES
from agent.init.stop import HASTE, LAST_MOMENT
from agent.init.supervisor import QUICK_ENDS, Supervisor
from agent.machine.light import moments, runtime
from agent.machine.light.boot_file import Boot, Job, Retry
from agent.machine.light.exits import Exit
from tests.fakes.kernel import (
    DAEMON,
    LOG_CHILD,
    START,
    STUBBORN,
    FakeProcess,
    Program,
    World,
    begin_log,
    read_events,
)

LOGGER = "agent.init.logger"
LINGER = Program(lasts=None, lingers=0.7)
TERM, KILL, CONT = signal.SIGTERM, signal.SIGKILL, signal.SIGCONT


def job(name: str, *at: str, program: str = "", interval: float | None = None,
        **others: Any) -> Job:  # fmt: skip
    return Job(name, (program or name,), interval, 60.0, at=at or (moments.BOOT,), **others)


class Container:
    """One life of a container, from its boot file to its exit code."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / runtime.STREAMS).mkdir()
        self.world = World({
            LOGGER: LOG_CHILD, early.MODULE: DAEMON, "cmd": DAEMON, "long": DAEMON,
            "quick": Program(), "explain": Program(), "stubborn": STUBBORN,
        })  # fmt: skip
        self._arrivals, self._sender = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self.waiting: Early | None = None

    def set_up(
        self, *jobs: Job, argv: Sequence[str] = (), essential: Sequence[str] = ("a",),
        stop_timeout: float = 4.0, services: bool = True, supervisord: Sequence[str] = early.PLAIN,
    ) -> None:  # fmt: skip
        boot = Boot(
            environment={}, log_format="json", log_level=None, streams=["a"],
            supervisord=supervisord if services else (), essential=essential, jobs=jobs,
            stop_timeout=stop_timeout,
        )  # fmt: skip
        self.supervisor = Supervisor(
            str(self.folder), boot, argv, self.waiting,
            loop=self.world.loop, children=self.world.children, arrivals=self._arrivals,
        )  # fmt: skip
        begin_log(self.find(LOGGER))

    def at(self, seconds: float, action: Callable[[], object]) -> None:
        """Let something happen so long after the start."""
        self.world.loop.after(seconds, lambda: (action(), None)[1])

    def send(self, seconds: float, number: int) -> None:
        self.at(seconds, lambda: os.write(self._sender, bytes([number])))

    def tell(self, seconds: float, *lines: str) -> None:
        """Let supervisord tell of its services."""

        def write() -> None:
            with (self.folder / runtime.EVENTS).open("w") as events:
                events.writelines(f"{line}\n" for line in lines)

        self.at(seconds, write)

    def live(self) -> tuple[int, float]:
        """Return the exit code and the seconds until the end."""
        began = self.world.clock.now()
        return self.supervisor.run(), round(self.world.clock.now() - began, 3)

    def find(self, word: str) -> FakeProcess:
        (process,) = self.world.children.find(word)
        return process

    def began(self, word: str) -> float:
        return round(self.find(word).began - START, 3)

    def events(self) -> list[dict[str, Any]]:
        """Return what init has said to its log child."""
        (number,) = [word[6:] for word in self.find(LOGGER).argv if word.startswith("agent=")]
        return read_events(int(number))

    def said(self) -> list[str]:
        return [event["message"] for event in self.events() if event["level"] != "debug"]

    def find_remaining(self) -> str:
        """Return what init has killed at the deadline of the stop, in its words."""
        (found,) = [event["remaining"] for event in self.events() if "remaining" in event]
        return str(found)

    def state(self) -> dict[str, Any]:
        return dict(json.loads((self.folder / runtime.STATE).read_bytes()))

    def close(self) -> None:
        self.world.close()
        os.close(self._arrivals)
        os.close(self._sender)


@pytest.fixture
def container(tmp_path: Path) -> Iterator[Container]:
    container = Container(tmp_path)
    yield container
    container.close()


# --- the start


def test_the_first_jobs_come_when_supervisord_starts_the_services(container: Container) -> None:
    """They would take the processors from it. One that hangs does not keep them for ever."""
    container.set_up(job("quick"))
    container.send(10, TERM)
    assert container.live()[0] == Exit.OK
    assert container.began("quick") == pytest.approx(START_PATIENCE, abs=0.01)


def test_without_services_they_come_at_once(container: Container) -> None:
    container.set_up(job("quick"), services=False)
    container.send(1, TERM)
    container.live()
    assert container.began("quick") == 0.0
    assert container.world.children.find(early.MODULE) == []


def test_a_workspace_without_a_job_for_that_is_ready_at_once(container: Container) -> None:
    container.set_up(job("quick", moments.READY), services=False)
    container.at(0.5, lambda: phases.append(container.state()["phase"]))
    container.send(1, TERM)
    phases: list[str] = []
    container.live()
    assert phases == ["ready"]
    assert container.find("quick").gone


def test_ready_is_what_a_job_announces_by_its_success(container: Container) -> None:
    container.set_up(
        job("ask", announces=moments.READY, retry=Retry(1.0, 5.0)),
        job("quick", moments.READY), services=False,
    )  # fmt: skip
    container.world.children.programs["ask"] = Program(1)
    phases: list[str] = []
    for seconds in (0.5, 2.5, 9.0):
        container.at(seconds, lambda: phases.append(container.state()["phase"]))
    container.at(2.0, lambda: container.world.children.programs.update(ask=Program()))
    container.send(10, TERM)
    container.live()
    assert phases == ["starting", "starting", "ready"]
    assert container.began("quick") == 3.0
    state = container.state()
    assert (state["jobs"]["ask"]["runs"], state["jobs"]["ask"]["next_at"]) == (3, None)
    assert state["ready_seconds"] == 3.0
    assert (state["phase"], state["stopping_because"]) == ("stopping", "SIGTERM")


def test_a_command_that_cannot_be_executed_ends_all_before_it_begins(container: Container) -> None:
    container.set_up(job("quick"), argv=["/no/such"])
    assert container.live() == (Exit.NOT_FOUND, 0.0)
    assert container.world.children.find("quick") == []
    assert container.world.children.find(early.MODULE) == []
    assert "cannot execute /no/such: not found" in container.said()
    assert container.state()["ready_seconds"] is None


def test_a_supervisord_that_cannot_be_started_is_one_that_is_lost(container: Container) -> None:
    container.set_up(job("quick"), supervisord=["/no/such"])
    assert container.live() == (Exit.SUPERVISOR_LOST, 0.0)
    assert container.world.children.find("quick") == []


def test_a_supervisord_that_waits_where_there_is_no_service_may_end(container: Container) -> None:
    heard, word = os.pipe2(os.O_CLOEXEC)
    output = os.pipe2(os.O_CLOEXEC)
    container.waiting = Early(1 << 23, word, *output)
    container.set_up(services=False)
    container.send(1, TERM)
    assert container.live()[0] == Exit.OK
    assert os.read(heard, 100) == b""
    os.close(heard)


# --- services


def test_a_fatal_essential_service_is_explained_and_then_ends_the_container(
    container: Container,
) -> None:
    container.set_up(job("explain", moments.LOST))
    container.world.children.programs["explain"] = Program(lasts=0.5)
    container.tell(10, "FATAL a", "FATAL a")
    assert container.live() == (Exit.SERVICE_FATAL, 10.5)
    assert container.find("explain").argv == ("explain", "a")
    assert container.state()["stopping_because"] == "the service a is FATAL"
    assert "an essential service keeps failing" in container.said()


def test_one_that_nobody_explains_ends_it_as_well(container: Container) -> None:
    container.set_up()
    container.tell(10, "FATAL a")
    assert container.live() == (Exit.SERVICE_FATAL, 10.0)


def test_another_service_is_never_given_up(container: Container) -> None:
    container.set_up(job("explain", moments.LOST))
    for number in range(QUICK_ENDS + 2):
        container.tell(10.0 + number, "STARTING b", "BACKOFF b")
    container.tell(20, "FATAL b")
    container.tell(30, "RUNNING b")
    container.send(40, TERM)
    assert container.live() == (Exit.OK, 40.0)
    assert container.began("explain") == 10.0 + QUICK_ENDS - 1, "once, at the third"
    said = container.said()
    assert said.count("the service keeps exiting; restarting with back-off") == 1
    assert said.count("the service is running again") == 1


def test_starts_of_a_service_after_the_first_are_counted(container: Container) -> None:
    container.set_up()
    container.tell(10, "STARTING a", "STARTING b", "RUNNING a", "RUNNING b")
    container.tell(20, "EXITED b", "STARTING b", "BACKOFF b", "STARTING b", "RUNNING b")
    seen: list[dict[str, int]] = []
    container.at(30, lambda: seen.append(container.state()["restarts"]))
    container.send(40, TERM)
    container.live()
    assert seen == [{"a": 0, "b": 2}], "written down when it happened, and not only at the end"


def test_names_that_somebody_else_writes_do_not_fill_the_memory(container: Container) -> None:
    container.set_up()
    container.tell(10, *(f"STARTING {number}" for number in range(MOST_SERVICES + 9)))
    container.send(40, TERM)
    container.live()
    assert len(container.state()["restarts"]) == MOST_SERVICES


def test_quick_ends_count_only_in_a_row(container: Container) -> None:
    container.set_up(job("explain", moments.LOST))
    container.tell(10, *(["BACKOFF b", "BACKOFF b", "RUNNING b"] * 3))
    container.send(20, TERM)
    container.live()
    assert container.world.children.find("explain") == []


def test_the_loss_of_supervisord_ends_the_container(container: Container) -> None:
    container.set_up()
    container.at(10, lambda: container.find(early.MODULE).end(1))
    orphan = container.world.children.add_orphan(LINGER)
    code, seconds = container.live()
    assert (code, container.state()["stopping_because"]) == (
        Exit.SUPERVISOR_LOST, "supervisord ended",
    )  # fmt: skip
    assert orphan.got == [TERM, CONT], "what supervisord left behind is ended in order"
    assert seconds == pytest.approx(10.7, abs=LOOK)


def test_its_loss_is_the_containers_end_whatever_the_command_ends_with(
    container: Container,
) -> None:
    container.set_up(argv=["cmd"])
    container.at(10, lambda: container.find(early.MODULE).end(1))
    assert container.live() == (Exit.SUPERVISOR_LOST, 10.0)
    assert container.find("cmd").got == [TERM, CONT]


# --- signals


def test_usr1_is_a_moment_where_no_command_gets_it(container: Container) -> None:
    container.set_up(job("quick", moments.SIGNAL), services=False)
    container.send(5, signal.SIGUSR1)
    for number in (signal.SIGHUP, signal.SIGUSR2, signal.SIGWINCH, signal.SIGALRM):
        container.send(6, number)
    container.send(7, TERM)
    assert container.live() == (Exit.OK, 7.0)
    assert container.began("quick") == 5.0


def test_a_command_gets_every_signal_but_the_first_term(container: Container) -> None:
    container.set_up(job("quick", moments.SIGNAL), argv=["cmd"], services=False)
    container.world.children.programs["cmd"] = STUBBORN
    numbers = [signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGUSR1, signal.SIGWINCH]
    for number in numbers:
        container.send(1, number)
    container.send(2, TERM)
    container.at(2.5, lambda: container.find("cmd").end(9))
    assert container.live() == (9, 2.5)
    assert container.find("cmd").got == [*numbers, TERM, CONT]
    assert container.world.children.find("quick") == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGQUIT, TERM])
def test_without_a_command_all_three_stop(container: Container, number: int) -> None:
    container.set_up(services=False)
    container.send(1, number)
    assert container.live() == (Exit.OK, 1.0)


def test_a_second_term_hastens_the_stop(container: Container) -> None:
    container.set_up(argv=["stubborn"], stop_timeout=30.0)
    container.send(1, TERM)
    container.send(3, TERM)
    assert container.live() == (128 + KILL, 3.0 + HASTE)
    assert container.find("stubborn").got[:4] == [TERM, CONT, TERM, KILL]
    assert "stopping faster" in container.said()


def test_a_signal_hastens_a_stop_that_began_by_itself(container: Container) -> None:
    container.set_up(argv=["quick"], stop_timeout=30.0)
    container.world.children.programs[early.MODULE] = STUBBORN
    container.send(5, signal.SIGINT)
    assert container.live() == (0, 5.0 + HASTE), "the code is CMD's"


def test_the_end_of_a_job_hastens_nothing(container: Container) -> None:
    """While an essential service is lost: that is nobody's haste, all have their time."""
    container.set_up(job("long"), job("final", moments.STOP, program="quick"), stop_timeout=8.0)
    container.world.children.programs[early.MODULE] = Program(lasts=None, lingers=1.5)
    container.tell(10, "FATAL a")
    assert container.live() == (Exit.SERVICE_FATAL, 11.5)
    assert "stopping faster" not in container.said()
    assert container.find("quick").argv == ("quick", "6.5")


# --- the order of the stop


def note_ends(container: Container, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, float]]:
    """Return a list that fills with who was asked to end, and when."""
    asked: list[tuple[str, float]] = []
    take = FakeProcess.take

    def note(self: FakeProcess, number: int) -> None:
        if number == TERM:
            asked.append((self.argv[-1], round(container.world.clock.now() - START, 3)))
        take(self, number)

    monkeypatch.setattr(FakeProcess, "take", note)
    return asked


def test_all_are_told_together_then_the_rest_in_order(
    container: Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    container.set_up(job("long"), job("final", moments.STOP), argv=["cmd"])
    programs = container.world.children.programs
    programs.update({"cmd": LINGER, early.MODULE: LINGER, "final": Program(lasts=0.2)})
    container.world.children.add_orphan(Program(lasts=None, lingers=0.3))
    asked = note_ends(container, monkeypatch)
    container.send(10, TERM)
    code, seconds = container.live()
    names, moments_ = zip(*asked, strict=True)
    assert names[:4] == ("long", early.MODULE, "cmd", "orphan")
    assert moments_[:3] == (10.0, 10.0, 10.0), "jobs, services and CMD at once"
    assert container.find("final").began - START == pytest.approx(10.7)
    assert container.find("final").argv == ("final", "3.3"), "told the seconds that are left"
    assert moments_[3] == pytest.approx(10.9)
    assert names[4].startswith("a="), "the log child, whose last word names its last stream"
    assert 11.2 <= moments_[4] <= 11.2 + LOOK
    assert (code, seconds) == (128 + TERM, moments_[4])


def test_an_idle_container_stops_without_any_wait(container: Container) -> None:
    container.set_up(job("quick", interval=600.0))
    container.send(100, TERM)
    assert container.live() == (Exit.OK, 100.0)


def test_a_service_that_needs_time_is_waited_for(container: Container) -> None:
    container.set_up()
    container.world.children.programs[early.MODULE] = LINGER
    container.send(10, TERM)
    assert container.live() == (Exit.OK, 10.7)
    assert container.find(early.MODULE).got == [TERM, CONT]


def test_a_stubborn_service_and_command_are_killed_at_the_deadline(container: Container) -> None:
    container.set_up(argv=["stubborn"], stop_timeout=1.5)
    container.world.children.programs[early.MODULE] = STUBBORN
    container.send(10, TERM)
    assert container.live() == (128 + KILL, 11.5)
    assert container.find(early.MODULE).got[:3] == [TERM, CONT, KILL]


def test_the_end_of_the_command_stops_all_with_its_code(container: Container) -> None:
    container.set_up(argv=["cmd"])
    container.at(10, lambda: container.find("cmd").end(8))
    assert container.live() == (8, 10.0)
    assert container.find(early.MODULE).got == [TERM, CONT]


@pytest.mark.parametrize("argv", [(), ("cmd",)])
def test_a_job_that_wants_the_stop_gets_it_in_order_and_with_0(
    container: Container, argv: tuple[str, ...]
) -> None:
    """Whatever CMD ends with: an engine that restarts on failure leaves the container alone."""
    container.set_up(
        job("quick", moments.SIGNAL), job("final", moments.STOP, program="explain"),
        argv=argv, services=False,
    )  # fmt: skip
    word = container.folder / runtime.JOBS / "quick.stop"

    def ask() -> None:
        container.supervisor._jobs.begin(moments.SIGNAL)
        word.write_text("idle for 60 min\n")

    container.at(5, ask)
    assert container.live()[0] == Exit.OK
    assert container.find("explain").argv[-1] == "4.0", "the jobs of the stop"
    assert container.state()["stopping_because"] == "idle for 60 min"


def test_a_command_that_not_even_a_kill_ends_has_no_code_of_its_own(container: Container) -> None:
    container.set_up(argv=["cmd"], services=False)
    container.world.children.programs["cmd"] = Program(lasts=None, mortal=False)
    container.send(10, TERM)
    code, seconds = container.live()
    assert code == 128 + TERM
    assert seconds <= 10 + 4 + 4 * LAST_MOMENT, "a moment for each stage after the deadline"


def test_a_stopped_command_hears_term_at_once(container: Container) -> None:
    container.set_up(argv=["cmd"], services=False)
    container.at(5, lambda: container.find("cmd").send(signal.SIGSTOP))
    container.send(10, TERM)
    assert container.live() == (128 + TERM, 10.0)


def test_the_suspend_key_does_not_hang_a_command(container: Container) -> None:
    """Above it there is no shell that could continue it; a STOP is somebody's purpose."""
    container.set_up(argv=["cmd"], services=False)
    seen: list[bool] = []
    for second, number in ((5, signal.SIGTSTP), (6, signal.SIGSTOP)):
        container.at(second, lambda number=number: container.find("cmd").send(number))  # type: ignore[misc]
        container.at(second + 0.1, lambda: seen.append(container.find("cmd").stopped))
    container.send(10, TERM)
    container.live()
    assert container.find("cmd").got[:3] == [signal.SIGTSTP, CONT, signal.SIGSTOP]
    assert seen == [False, True]


def test_the_stop_ends_what_begins_during_it(container: Container) -> None:
    """A service that supervisord has just started is an orphan when supervisord is gone."""
    container.set_up()
    late: list[Child] = []
    container.at(10.3, lambda: late.append(container.world.children.add_orphan(DAEMON)))
    container.world.children.programs[early.MODULE] = LINGER
    container.send(10, TERM)
    assert container.live()[1] == pytest.approx(10.7, abs=LOOK)
    assert isinstance(late[0], FakeProcess)
    assert late[0].got[:1] == [TERM]


def test_a_job_of_the_stop_has_until_the_deadline(container: Container) -> None:
    container.set_up(job("stubborn", moments.STOP), stop_timeout=1.0, services=False)
    container.send(10, TERM)
    assert container.live() == (Exit.OK, 11.0)
    assert container.find("stubborn").got[-1] == KILL
    assert container.find_remaining() == "job stubborn"


def test_whatever_holds_up_the_stop_is_named(container: Container) -> None:
    container.set_up(job("stubborn"), job("quick"), argv=["cmd"], stop_timeout=1.0)
    container.world.children.programs |= {"cmd": STUBBORN, early.MODULE: STUBBORN}
    container.tell(1, *(f"RUNNING {name}" for name in "cba"), "EXITED b")
    container.send(10, TERM)
    container.tell(10.5, "STOPPING a", "STOPPING c", "STOPPED c")
    container.live()
    assert container.find_remaining() == "job stubborn, service a, CMD"


def test_a_supervisord_that_outlives_its_services_is_named(container: Container) -> None:
    container.set_up(stop_timeout=1.0)
    container.world.children.programs[early.MODULE] = STUBBORN
    container.tell(1, "RUNNING a")
    container.send(10, TERM)
    container.tell(10.5, "STOPPING a", "STOPPED a")
    container.live()
    assert container.find_remaining() == "supervisord"


def test_the_log_child_outlives_everybody(container: Container) -> None:
    container.set_up(argv=["stubborn"], stop_timeout=1.0)
    container.send(10, TERM)
    container.at(10.99, lambda: seen.append(list(container.find(LOGGER).got)))
    seen: list[list[int]] = []
    container.live()
    assert (seen, container.find(LOGGER).got) == ([[]], [TERM])


# --- init alone


def test_init_alone_hands_on_and_ends_what_is_left(container: Container) -> None:
    world = container.world
    reader, writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    init = Init(world.loop, world.children, world.log, reader, 8.0, listener=Listener(),
                ignored=[signal.SIGHUP])  # fmt: skip
    init.stop.order = ((init.command,), (Orphans(world.loop, world.children),))
    init.start_command(["cmd"])
    orphan = world.children.add_orphan(STUBBORN)
    world.loop.after(1, lambda: container.find("cmd").end(3))
    assert init.run() == 3
    assert orphan.got == [TERM, CONT, KILL]
    assert world.clock.now() == pytest.approx(1009.0, abs=LOOK)
    assert container.find("cmd").ignored == [signal.SIGHUP]
    os.close(reader)
    os.close(writer)


def test_a_long_life_waits_in_long_steps(container: Container) -> None:
    """Nothing looks at anything more often than every half minute while nothing happens."""
    container.set_up(services=False)
    container.send(3600, TERM)
    container.live()
    assert container.world.clock.waits <= 3600 / LONGEST_WAIT + 10
