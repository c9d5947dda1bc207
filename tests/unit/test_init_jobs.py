"""When init's jobs run and how they end, by a clock that takes no time."""

import os
import signal
import socket
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from agent.init.activation import PAUSES
from agent.init.jobs import PATIENCE, FinalJobs, Jobs, ScheduledJob
from agent.init.listener import Listener
from agent.init.states import JobState
from agent.init.stop import Stop
from agent.init.watch import LOOK
from agent.machine.light import moments, runtime
from agent.machine.light.boot_file import Job, Retry
from agent.machine.network.addresses import join_port
from tests.fakes.kernel import COPY, DAEMON, START, STUBBORN, FakeProcess, Program, World
from tests.worlds.containers import find_free_port

FAILING = Program(1)


class Told(Listener):
    """Notes which moments the jobs have announced."""

    def __init__(self) -> None:
        self.moments: list[str] = []
        self.wishes: list[str] = []

    def on_job(self, moment: str = "") -> None:
        if moment:
            self.moments.append(moment)

    def on_wish_to_stop(self, reason: str) -> None:
        self.wishes.append(reason)


class Office:
    """Jobs and what they run on."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.world = World({"quick": Program(), "fail": FAILING, "long": DAEMON,
                            "stubborn": STUBBORN, "second": Program(lasts=1.0)})  # fmt: skip
        self.told = Told()
        self.jobs = Jobs(
            self.world.loop, self.world.children, self.world.log, (None, None, None), str(folder),
            self.told,
        )  # fmt: skip

    def add(
        self, program: str, interval: float | None = None, timeout: float = 60.0, *,
        at: tuple[str, ...] = (moments.BOOT,), retry: Retry | None = None,
        watch: tuple[str, ...] = (), awaits: tuple[str, ...] = (), announces: str = "",
        nice: int = 0, sockets: tuple[str, ...] = (), gives_way: float = 0.0,
    ) -> ScheduledJob:  # fmt: skip
        name = f"job-{program}"
        self.jobs.add(Job(name, (program,), interval, timeout, watch=watch, awaits=awaits,
                               at=at, retry=retry, announces=announces, nice=nice,
                               sockets=sockets, gives_way=gives_way))  # fmt: skip
        return self.jobs.all[name]

    def begin(self, *args: object, **options: object) -> ScheduledJob:
        job = self.add(*args, **options)  # type: ignore[arg-type]
        self.jobs.begin(moments.BOOT)
        return job

    def runs(self, program: str) -> list[FakeProcess]:
        return self.world.children.find(program)

    def starts(self, program: str) -> list[float]:
        """Return when each run began, in seconds since the office opened."""
        return [round(run.began - START, 6) for run in self.runs(program)]

    def ask_for_next_run(self, job: ScheduledJob, text: str) -> None:
        (self.folder / runtime.JOBS / f"{job.plan.name}.next").write_text(text)


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    office = Office(tmp_path)
    yield office
    office.jobs.stop()
    office.world.close()


# --- when


def test_a_job_without_interval_runs_once_at_its_moment(office: Office) -> None:
    job = office.begin("quick")
    assert job.state is JobState.RUNNING
    office.world.go(10**5)
    assert (office.starts("quick"), job.state, job.last_exit) == ([0.0], JobState.IDLE, 0)
    assert (job.runs, job.next_at, job.busy) == (1, None, False)


def test_a_job_that_runs_has_a_start_and_no_next_run(office: Office) -> None:
    job = office.add("second", 10.0)
    assert (job.last_started, job.next_at) == (None, None)
    office.jobs.begin(moments.BOOT)
    assert (job.running, job.next_at) == (True, None), "its time limit is no next run"
    assert job.last_started is not None


def test_an_interval_is_from_end_to_start(office: Office) -> None:
    job = office.begin("second", 10.0)
    office.world.go(5)
    assert (job.state, job.next_at) == (JobState.PLANNED, 1011.0)
    office.world.go(30)
    assert office.starts("second") == [0.0, 11.0, 22.0, 33.0]


def test_the_time_in_which_the_machine_slept_counts(office: Office) -> None:
    office.begin("quick", 3600.0)
    office.world.go(1)
    office.world.clock.sleep(8 * 3600)
    office.world.go(1)
    assert len(office.runs("quick")) == 2


def test_a_job_waits_for_its_own_moment(office: Office) -> None:
    job = office.begin("quick", at=(moments.READY, moments.SIGNAL))
    office.world.go(100)
    assert (job.runs, job.state) == (0, JobState.IDLE)
    office.jobs.begin(moments.READY)
    office.world.go(1)
    office.jobs.begin(moments.SIGNAL, "because")
    assert [run.argv for run in office.runs("quick")] == [("quick",), ("quick", "because")]


@pytest.mark.parametrize(
    ("ready_after", "starts"), [(0.5, [0.5, 10.5]), (5.0, [2.0, 12.0]), (None, [2.0, 12.0])]
)
def test_a_job_that_gives_way_runs_when_the_workspace_is_ready_or_late(
    office: Office, ready_after: float | None, starts: list[float]
) -> None:
    """Once: what the services need of the processors is theirs until then."""
    office.begin("quick", 10.0, gives_way=2.0)
    if ready_after is not None:
        office.world.go(ready_after)
        office.jobs.begin(moments.READY)
    office.world.go(13.0 - (ready_after or 0.0))
    assert office.starts("quick") == starts


def test_a_job_that_gives_way_runs_at_once_when_it_is_asked_for(office: Office) -> None:
    office.begin("quick", gives_way=2.0, at=(moments.BOOT, moments.SIGNAL))
    office.jobs.begin(moments.SIGNAL)
    office.jobs.begin(moments.READY)
    office.world.go(5.0)
    assert office.starts("quick") == [0.0]


def test_a_moment_of_other_jobs_does_not_end_giving_way(office: Office) -> None:
    job = office.begin("quick", gives_way=2.0)
    for moment in (moments.SIGNAL, moments.LOST):
        office.jobs.begin(moment)
    assert job.runs == 0
    assert office.jobs.find(moments.STOP) == []


def test_never_two_runs_at_once_and_what_is_asked_meanwhile_is_one_more(office: Office) -> None:
    job = office.begin("second", at=(moments.BOOT, moments.LOST))
    for word in ("a", "b", "c"):
        office.jobs.begin(moments.LOST, word)
    assert (job.runs, job.busy) == (1, True)
    office.world.go(0.999)
    assert len(office.runs("second")) == 1
    office.world.go(0.002)
    assert [run.argv for run in office.runs("second")] == [("second",), ("second", "a", "b", "c")]
    office.world.go(100)
    assert (job.runs, job.busy) == (2, False)


def test_between_two_runs_that_follow_at_once_the_job_is_busy(office: Office) -> None:
    """Whoever waits for the words of the second must not go on after the first."""
    job = office.begin("long")
    job.start("again")
    office.runs("long")[0].end()
    assert (job.state, job.running, job.busy) == (JobState.PLANNED, False, True)
    assert job.next_at == office.world.clock.now()


def test_a_light_script_is_run_by_a_copy_of_init(office: Office) -> None:
    """With the job's streams and nice value; all else is as with a program."""
    plan = Job("light", ("script.py",), 10.0, 5.0, nice=7, in_copy=True)
    office.jobs.add(plan)
    office.jobs.begin(moments.BOOT)
    (copy,) = office.runs(COPY)
    assert (copy.nice, copy.streams) == (7, (None, None, None))
    office.world.go(5.1)
    assert copy.gone, "its time is over"
    office.world.go(10)
    assert len(office.runs(COPY)) == 2


def test_a_planned_run_that_is_asked_for_earlier_is_not_made_twice(office: Office) -> None:
    job = office.begin("quick", 100.0)
    office.world.go(50)
    job.start()
    office.world.go(99)
    assert office.starts("quick") == [0.0, 50.0]
    office.world.go(2)
    assert office.starts("quick") == [0.0, 50.0, 150.0]


def test_its_nice_value_and_its_place_in_the_folder(office: Office) -> None:
    office.begin("quick", nice=15)
    assert office.runs("quick")[0].nice == 15
    assert (office.folder / runtime.JOBS).stat().st_mode & 0o777 == 0o700


# --- the next run


def test_a_job_may_ask_for_its_next_run_once(office: Office) -> None:
    job = office.begin("second", 1000.0)
    office.ask_for_next_run(job, "7.5\n")
    office.world.go(20)
    assert office.starts("second") == [0.0, 8.5]
    assert job.next_at == pytest.approx(1000 + 9.5 + 1000)
    assert not list((office.folder / runtime.JOBS).iterdir())


def test_a_job_may_ask_to_run_again_at_once(office: Office) -> None:
    job = office.begin("second", 1000.0)
    office.ask_for_next_run(job, "0")
    office.world.go(5)
    assert office.starts("second") == [0.0, 1.0]


def test_a_job_that_was_given_up_is_tried_as_often_in_the_next_interval(office: Office) -> None:
    office.begin("fail", 100.0, retry=Retry(1.0, 1.0, times=1))
    office.world.go(250)
    assert office.starts("fail") == [0.0, 1.0, 101.0, 102.0, 202.0, 203.0]


def test_what_an_earlier_run_asked_for_is_forgotten(office: Office) -> None:
    job = office.add("second", 1000.0)
    office.ask_for_next_run(job, "0.1")
    office.jobs.begin(moments.BOOT)
    office.world.go(100)
    assert office.starts("second") == [0.0]


@pytest.mark.parametrize("text", ["soon", "", "-1", "nan", "inf", "1e999"])
def test_a_next_run_that_is_no_time_changes_nothing(office: Office, text: str) -> None:
    job = office.begin("second", 1000.0)
    office.ask_for_next_run(job, text)
    office.world.go(10)
    assert job.next_at == 2001.0
    assert office.world.said() == ["the job's next run is not a number"]


def test_a_job_may_ask_for_the_stop_once(office: Office) -> None:
    """It is heard when the run has ended; what an earlier run has left is not."""
    job = office.add("second", 10.0)
    word = office.folder / runtime.JOBS / f"{job.plan.name}.stop"
    word.write_text("an old reason\n")
    office.jobs.begin(moments.BOOT)
    office.world.loop.after(0.5, lambda: (word.write_text("idle for 60 min\n"), None)[1])
    office.world.go(0.9)
    assert office.told.wishes == []
    office.world.go(20)
    assert office.told.wishes == ["idle for 60 min"]
    assert not word.exists()


def test_a_next_run_goes_before_the_pause_of_a_failure(office: Office) -> None:
    job = office.add("fail", retry=Retry(10.0, 100.0))
    job.start()
    office.ask_for_next_run(job, "3")
    office.world.go(4)
    assert office.starts("fail") == [0.0, 3.0]


# --- failures


def test_the_pauses_between_tries_double_up_to_a_limit(office: Office) -> None:
    office.begin("fail", retry=Retry(0.1, 0.5))
    office.world.go(3.0)
    pauses = [later - earlier for earlier, later in pairwise(office.starts("fail"))]
    assert pauses == pytest.approx([0.1, 0.2, 0.4, 0.5, 0.5, 0.5, 0.5])
    assert set(office.world.said()) == {"the job failed, trying again"}


def test_a_success_begins_the_pauses_anew(office: Office) -> None:
    job = office.begin("fail", retry=Retry(1.0, 100.0))
    office.world.go(8)
    assert office.starts("fail") == [0.0, 1.0, 3.0, 7.0]
    office.world.children.programs["fail"] = Program()
    office.world.go(8)
    assert (office.starts("fail")[-1], job.state) == (15.0, JobState.IDLE)
    office.world.children.programs["fail"] = FAILING
    job.start()
    office.world.go(1.5)
    assert office.starts("fail")[-2:] == [16.0, 17.0]


@pytest.mark.parametrize(("interval", "runs"), [(None, 4), (1000.0, 5)])
def test_a_job_that_keeps_failing_is_given_up_until_its_interval(
    office: Office, interval: float | None, runs: int
) -> None:
    office.begin("fail", interval, retry=Retry(1.0, 100.0, 3))
    office.world.go(1007.5)
    assert office.starts("fail") == [0.0, 1.0, 3.0, 7.0, 1007.0][:runs]
    assert office.world.said()[:4] == ["the job failed, trying again"] * 3 + [
        "the job keeps failing, giving up"
    ]


def test_a_failure_without_retry_is_over_like_any_other(office: Office) -> None:
    job = office.begin("fail", 10.0)
    office.world.go(25)
    assert (office.starts("fail"), job.last_exit) == ([0.0, 10.0, 20.0], 1)
    assert office.world.said() == ["a job failed"], "once for each exit code"


def test_a_program_that_is_missing_is_a_failure_with_its_code(office: Office) -> None:
    job = office.begin("/no/such", 10.0)
    assert (job.state, job.last_exit, job.runs) == (JobState.PLANNED, 127, 1)
    office.world.go(25)
    assert (job.runs, office.runs("/no/such")) == (3, [])
    assert "cannot execute /no/such: not found" in office.world.said()


def test_no_process_left_is_a_failure_that_passes(office: Office) -> None:
    office.world.children.full = True
    job = office.begin("quick", retry=Retry(1.0, 9.0))
    office.world.go(3.5)
    assert (job.runs, job.state) == (3, JobState.PLANNED)
    office.world.children.full = False
    office.world.go(5)
    assert job.last_exit == 0


# --- its time limit


def test_a_job_that_takes_too_long_is_asked_to_end(office: Office) -> None:
    job = office.begin("long", timeout=30.0)
    office.world.go(29.9)
    assert (job.state, office.runs("long")[0].got) == (JobState.RUNNING, [])
    office.world.go(0.2)
    assert (job.state, job.last_exit) == (JobState.IDLE, 128 + signal.SIGTERM)
    assert office.runs("long")[0].got == [signal.SIGTERM]
    assert "the job took too long, ending it" in office.world.said()


def test_one_that_ignores_that_is_killed_after_a_while(office: Office) -> None:
    job = office.begin("stubborn", timeout=30.0)
    office.world.go(30.0 + PATIENCE - 0.1)
    assert (job.state, office.runs("stubborn")[0].got) == (JobState.ENDING, [signal.SIGTERM])
    office.world.go(0.2)
    assert office.runs("stubborn")[0].got == [signal.SIGTERM, signal.SIGKILL]
    assert (job.state, job.last_exit) == (JobState.IDLE, 128 + signal.SIGKILL)


def test_the_limit_is_each_runs_own(office: Office) -> None:
    office.world.children.programs["most"] = Program(lasts=29.0)
    job = office.begin("most", 0.0, timeout=30.0)
    office.world.go(29 * 4 + 1)
    assert (job.runs, job.last_exit) == (5, 0)
    assert all(run.got == [] for run in office.runs("most"))


# --- what it announces


def test_its_first_success_is_announced_once(office: Office) -> None:
    job = office.begin("fail", retry=Retry(1.0, 9.0), announces=moments.READY)
    office.world.go(1.5)
    assert office.told.moments == []
    office.world.children.programs["fail"] = Program()
    office.world.go(3)
    assert office.told.moments == [moments.READY]
    job.start()
    office.world.go(1)
    assert (job.last_exit, office.told.moments) == (0, [moments.READY])


# --- files


def test_a_changed_file_starts_whoever_watches_it(office: Office) -> None:
    one = office.add("quick", watch=("/a", "/b"))
    other = office.add("second", watch=("/b",))
    office.jobs.begin(moments.BOOT)
    office.world.go(5)
    (copy,) = office.runs(COPY)
    os.write(int(copy.argv[1]), b"0\n1")
    office.world.go(5)
    assert (one.runs, other.runs) == (2, 1)
    os.write(int(copy.argv[1]), b"\n")
    office.world.go(5)
    assert (one.runs, other.runs) == (3, 2)


def test_a_run_that_waits_for_nothing_is_not_repeated_for_a_file(office: Office) -> None:
    """Of those that it might have waited for; what it is run for starts it all the same."""
    job = office.begin("quick", watch=("/a",), awaits=("/b",))
    copy = office.runs(COPY)[0]

    def change(number: int) -> int:
        office.world.go(5)
        os.write(int(copy.argv[1]), b"%d\n" % number)
        office.world.go(5)
        return job.runs

    assert change(1) == 2
    job.start()
    runtime.write_done(str(office.folder), job.plan.name)
    assert change(1) == 3
    assert change(0) == 4
    assert change(1) == 5  # what was said of an earlier run does not hold


def test_a_file_that_changes_during_a_run_is_seen_although_the_run_before_waited_for_none(
    office: Office,
) -> None:
    job = office.begin("second", watch=("/a",), awaits=("/b",))
    runtime.write_done(str(office.folder), job.plan.name)
    office.world.go(5)
    job.start()
    job.on_change(["/b"])
    office.world.go(5)
    assert job.runs == 3


def test_a_file_that_changes_before_the_first_run_starts_it(office: Office) -> None:
    job = office.add("quick", at=(), awaits=("/b",))
    job.on_change(["/a"])
    assert job.runs == 0
    job.on_change(["/b"])
    assert job.runs == 1


def test_files_that_change_at_once_start_a_job_once(office: Office) -> None:
    job = office.begin("quick", watch=("/a",), awaits=("/b",))
    office.world.go(5)
    os.write(int(office.runs(COPY)[0].argv[1]), b"0\n1\n")
    office.world.go(5)
    assert job.runs == 2


def test_a_copy_that_was_killed_is_replaced_after_a_look(office: Office) -> None:
    office.begin("quick", watch=("/a",))
    office.runs(COPY)[0].send(signal.SIGKILL)
    office.world.go(LOOK - 0.1)
    assert len(office.runs(COPY)) == 1
    office.world.go(0.2)
    assert len(office.runs(COPY)) == 2


def test_the_copy_ends_with_the_stop_and_is_not_replaced(office: Office) -> None:
    office.begin("quick", watch=("/a",))
    office.jobs.stop()
    office.world.go(10 * LOOK)
    (copy,) = office.runs(COPY)
    assert copy.gone


# --- calls


@pytest.fixture
def call(office: Office) -> Iterator[Callable[[], None]]:
    callers: list[socket.socket] = []

    def connect() -> None:
        caller = socket.socket(socket.AF_UNIX)
        callers.append(caller)
        caller.connect(str(office.folder / "calls.sock"))

    yield connect
    for caller in callers:
        caller.close()


def test_a_call_starts_its_job_with_the_socket_lent(
    office: Office, call: Callable[[], None]
) -> None:
    job = office.begin("long", at=(), sockets=("calls.sock",))
    office.world.go(50)
    assert job.runs == 0
    call()
    office.world.go(50)
    (run,) = office.runs("long")
    assert run.streams[:3] == (None, None, None)
    assert isinstance(run.streams[3], int)
    assert job.runs == 1, "while it runs nobody looks at the socket"


def test_a_call_that_nobody_answers_starts_it_again_ever_later(
    office: Office, call: Callable[[], None]
) -> None:
    """What a job leaves unanswered is the next one's; one that keeps failing must not spin."""
    office.begin("fail", at=(), sockets=("calls.sock",))
    call()
    office.world.go(30)
    starts = office.starts("fail")
    pauses = [later - earlier for earlier, later in pairwise(starts)]
    assert pauses == pytest.approx([PAUSES.pause(failures + 2) for failures in range(len(pauses))])
    assert pauses[-1] == pytest.approx(PAUSES.longest)


@pytest.mark.parametrize("called", [False, True], ids=["nobody has called", "a job was started"])
def test_whoever_calls_after_the_stop_is_refused_at_once(
    office: Office, call: Callable[[], None], called: bool
) -> None:
    """Also while the socket is to be looked at again, after its job has ended."""
    job = office.begin("quick", at=(), sockets=("calls.sock",))
    if called:
        call()
        office.world.go_until(lambda: job.runs == 1 and not job.running)
    office.jobs.stop()
    with pytest.raises(ConnectionRefusedError):
        call()
    office.world.go(100)
    assert job.runs == int(called)


@pytest.mark.parametrize("called", ["127.0.0.1", "127.0.0.2"])
def test_a_job_gets_all_its_sockets_whichever_is_called(office: Office, called: str) -> None:
    ports = {host: find_free_port() for host in ("127.0.0.1", "127.0.0.2")}
    addresses = tuple(join_port(host, port) for host, port in ports.items())
    job = office.begin("long", at=(), sockets=addresses)
    office.world.go(50)
    assert job.runs == 0
    with socket.create_connection((called, ports[called])):
        office.world.go(50)
    (run,) = office.runs("long")
    lent = [socket.socket(fileno=os.dup(each)) for each in run.streams[3:] if each is not None]
    try:
        assert [join_port(*each.getsockname()[:2]) for each in lent] == list(addresses)
    finally:
        for each in lent:
            each.close()


def test_an_address_of_ipv6_is_listened_on(office: Office) -> None:
    address = join_port("::1", find_free_port())
    office.begin("long", at=(), sockets=(address,))
    refused = [line for line in office.world.said() if "cannot listen" in line]
    assert not refused or "Cannot assign requested address" in refused[0], "without IPv6"


def test_an_address_that_is_taken_costs_only_itself(office: Office) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = join_port(*other.getsockname())
        job = office.begin("long", at=(), sockets=(taken, "calls.sock"))
    assert any(f"cannot listen on {taken}: Address" in line for line in office.world.said())
    with socket.socket(socket.AF_UNIX) as caller:
        caller.connect(str(office.folder / "calls.sock"))
        office.world.go(50)
    assert job.runs == 1
    assert len(office.runs("long")[0].streams) == 4


# --- the stop


def test_the_stop_ends_what_runs_and_plans_nothing(office: Office) -> None:
    planned, running = office.add("quick", 10.0), office.add("long", 10.0)
    office.jobs.begin(moments.BOOT)
    office.world.go(5)
    running.start()
    office.jobs.stop()
    assert (planned.state, planned.next_at) == (JobState.IDLE, None)
    assert office.runs("long")[0].got == [signal.SIGTERM, signal.SIGCONT]
    office.jobs.begin(moments.BOOT)
    office.world.go(100)
    assert (planned.runs, running.runs, running.state) == (1, 1, JobState.IDLE)
    assert office.jobs.ended()
    assert "a job failed" not in office.world.said(), "the stop has ended it"


def make_final(office: Office, timeout: float = 10.0) -> tuple[Stop, FinalJobs]:
    stop = Stop(office.world.loop, office.world.log, timeout, Listener())
    final = FinalJobs(office.jobs, stop)
    stop.order = ((office.jobs,), (final,))
    return stop, final


def test_a_job_of_the_stop_is_told_the_time_that_is_left(office: Office) -> None:
    office.world.children.programs["long"] = Program(lasts=None, lingers=4.0)
    office.begin("long")
    last = office.add("second", at=(moments.STOP,))
    stop, _ = make_final(office)
    stop.request("SIGTERM", 0)
    while not stop.done:
        office.world.loop.turn()
        stop.advance()
    assert [run.argv for run in office.runs("second")] == [("second", "6.0")]
    assert (last.last_exit, office.world.clock.now()) == (0, 1005.0)


def test_jobs_of_the_stop_run_one_after_another(office: Office) -> None:
    """The last one saves what those before it have done."""
    office.add("second", at=(moments.STOP,))
    office.add("fail", at=(moments.STOP,))
    office.add("quick", at=(moments.STOP,))
    stop, _ = make_final(office)
    stop.request("SIGTERM", 0)
    stop.advance()
    while not stop.done:
        office.world.loop.turn()
        stop.advance()
    told = [office.runs(name)[0].argv for name in ("second", "fail", "quick")]
    assert told == [("second", "10.0"), ("fail", "9.0"), ("quick", "9.0")]


def test_no_job_of_the_stop_begins_after_the_deadline(office: Office) -> None:
    office.begin("stubborn")
    office.add("second", at=(moments.STOP,))
    stop, _ = make_final(office, timeout=3.0)
    stop.request("SIGTERM", 0)
    while not stop.done:
        office.world.loop.turn()
        stop.advance()
    assert office.runs("second") == []
    assert office.runs("stubborn")[0].got[2:] == [signal.SIGKILL] * 2, "with either stage"
    assert office.world.clock.now() == 1003.0


def test_a_job_of_the_stop_ends_with_the_deadline(office: Office) -> None:
    office.add("stubborn", at=(moments.STOP,))
    stop, _ = make_final(office, timeout=3.0)
    stop.request("SIGTERM", 0)
    stop.advance()
    while not stop.done:
        office.world.loop.turn()
        stop.advance()
    (run,) = office.runs("stubborn")
    assert (run.argv, run.got) == (("stubborn", "3.0"), [signal.SIGKILL])
    assert office.world.clock.now() == 1003.0
