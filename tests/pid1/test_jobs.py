"""The jobs: when they run, and that they end."""

import ctypes
import json
import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from agent.machine.light.boot_file import Job, Retry
from tests.pid1.boxes import Box, Namespace, booted, change, give, has_pending, with_jobs
from tests.worlds.bound import BOUND
from tests.worlds.waiting import wait_until

Start = Callable[..., Box]


def job(name: str, script: str, interval: float | None = None, *watch: Path,
        timeout: float = 20.0, **others: Any) -> Job:  # fmt: skip
    argv = ("sh", "-c", script, name)
    return Job(name, argv, interval, timeout, watch=tuple(map(str, watch)), **others)


def entry(box: Box, name: str) -> dict[str, Any]:
    return dict(box.state()["jobs"][name])


def wait_for_runs(box: Box, name: str, runs: int) -> dict[str, Any]:
    def find_rest() -> dict[str, Any] | None:
        found = entry(box, name)
        return found if found["runs"] >= runs and not found["running"] else None

    return wait_until(find_rest, f"{runs} runs of {name}: {box.out}") or {}


def find_left(found: dict[str, Any]) -> float:
    """Return the seconds until the next run of a job."""
    return float(found["next_at"]) - time.clock_gettime(time.CLOCK_BOOTTIME)


def test_once_and_repeated(start: Start, folder: Path) -> None:
    box = start(*booted(folder, with_jobs(job("once", "exit 4"), job("often", "true", 0.05))))
    wait_for_runs(box, "often", 5)
    once = wait_for_runs(box, "once", 1)
    assert (once["runs"], once["last_exit"], once["next_at"]) == (1, 4, None)
    assert box.stop() == 0


def test_a_light_script_is_run_by_a_copy_of_init(start: Start, folder: Path) -> None:
    """No program is executed for it; its words come to the log, and its exit code to the state."""
    script = folder / "script.py"
    script.write_text(
        "import sys\n"
        "words = open('/proc/self/cmdline').read().split('\\0')\n"
        "sys.stderr.write(f'{__name__} {words[1:4]}\\n')\n"
        "sys.exit(4)\n"
    )
    plan = Job("light", (str(script),), None, 20.0, in_copy=True)
    box = start(*booted(folder, with_jobs(plan)))
    assert wait_for_runs(box, "light", 1)["last_exit"] == 4
    box.wait_for("__main__ ['-I', '-m', 'agent.init']")
    assert box.stop() == 0


def test_ready_is_what_a_job_announces(start: Start, folder: Path) -> None:
    ready = job("ask", f"until test -e {folder}/up; do sleep 0.01; done", announces="ready")
    after = job("after", f"test -e {folder}/up", at=("ready",))
    box = start(*booted(folder, with_jobs(ready, after)))
    assert box.state()["phase"] == "starting"
    assert box.state()["ready_seconds"] is None
    (folder / "up").touch()
    state = box.wait_for_phase("ready")
    assert state["ready_seconds"] > 0
    assert (state["version"], state["pid"], state["cmd"]) == (2, 1, False)
    assert state["started"].endswith("Z")
    assert wait_for_runs(box, "after", 1)["last_exit"] == 0


def test_a_failed_job_does_not_announce_and_is_tried_again(start: Start, folder: Path) -> None:
    """However long the services take: the workspace becomes ready some day."""
    ready = job("ask", f"test -e {folder}/up", announces="ready", retry=Retry(0.05, 0.1))
    box = start(*booted(folder, with_jobs(ready)))
    wait_for_runs(box, "ask", 3)
    assert box.state()["phase"] == "starting"
    (folder / "up").touch()
    box.wait_for_phase("ready")
    assert entry(box, "ask")["next_at"] is None
    assert "the job failed, trying again" in box.out


def test_a_job_that_keeps_failing_is_given_up(start: Start, folder: Path) -> None:
    box = start(*booted(folder, with_jobs(job("try", "exit 1", retry=Retry(0.01, 0.04, times=4)))))
    box.wait_for("keeps failing, giving up")
    said = [json.loads(line) for line in box.out.splitlines()]
    pauses = [
        event["seconds"] for event in said if "the job failed, trying again" in event["message"]
    ]
    assert pauses == [0.01, 0.02, 0.04, 0.04]
    assert (entry(box, "try")["runs"], entry(box, "try")["next_at"]) == (5, None)


def test_a_job_that_must_not_disturb_is_nice(start: Start, folder: Path) -> None:
    box = start(*booted(folder, with_jobs(job("calm", "exec sleep 1000", nice=15))))
    pid = wait_until(lambda: box.find("sleep 1000"), "the job")
    assert pid is not None
    ours = os.getpriority(os.PRIO_PROCESS, 0)  # more than 0 where these tests are nice themselves
    assert os.getpriority(os.PRIO_PROCESS, pid) == min(ours + 15, 19)


def test_a_job_may_wish_for_its_next_run(start: Start, folder: Path) -> None:
    wish = f"test -e {folder}/told || echo 0.1 > {folder}/run/jobs/eager.next; touch {folder}/told"
    box = start(*booted(folder, with_jobs(job("eager", wish, 1000.0))))
    found = wait_for_runs(box, "eager", 2)
    assert find_left(found) > 900, "a wish holds once"
    assert not (folder / "run/jobs/eager.next").exists()


def test_a_wish_that_is_no_number_changes_nothing(start: Start, folder: Path) -> None:
    wish = f"echo soon > {folder}/run/jobs/vague.next"
    box = start(*booted(folder, with_jobs(job("vague", wish, 1000.0))))
    assert find_left(wait_for_runs(box, "vague", 1)) > 900


def test_a_changed_file_starts_its_job(start: Start, folder: Path) -> None:
    """Also one that appears late, and one behind a link, as Kubernetes rotates secrets."""
    watched, link = folder / "watched", folder / "link"
    (folder / "first").write_text("1")
    (folder / "second").write_text("2")
    link.symlink_to("first")
    jobs = job("late", "true", 1000.0, watched), job("linked", "true", 1000.0, link)
    box = start(*booted(folder, with_jobs(*jobs)))
    wait_for_runs(box, "late", 1)
    watched.write_text("1")
    (folder / "new").symlink_to("second")
    (folder / "new").rename(link)
    assert wait_for_runs(box, "late", 2)["runs"] == 2
    assert wait_for_runs(box, "linked", 2)["runs"] == 2


@pytest.fixture
def dead_mount() -> Iterator[Path]:
    """A mount that never answers, as one over a network whose server has gone.

    Never touch what is in it. It lies beside the box's folder, which is given away file by file.
    """
    mount = Path(tempfile.mkdtemp(prefix="pid1-dead-"))
    mount.chmod(0o755)
    libc = ctypes.CDLL(None)
    try:
        device = os.open("/dev/fuse", os.O_RDWR)
    except OSError as error:
        mount.rmdir()
        pytest.skip(f"no FUSE: {error}")
    options = f"fd={device},rootmode=40000,user_id=0,group_id=0,allow_other".encode()
    refused = libc.mount(b"dead", bytes(mount), b"fuse", 0, options)
    if not refused:
        yield mount
    os.close(device)
    libc.umount2(bytes(mount), 2)  # MNT_DETACH
    mount.rmdir()
    if refused:
        pytest.skip("this user cannot mount anything")


def test_a_watched_file_on_a_dead_mount_holds_up_nobody(
    start: Start, folder: Path, dead_mount: Path
) -> None:
    jobs = job("stuck", "true", 1000.0, dead_mount / "token"), job("free", "true", 0.1)
    box = start(*booted(folder, with_jobs(*jobs)))
    wait_for_runs(box, "free", 3)
    assert wait_for_runs(box, "stuck", 1)["last_exit"] == 0
    assert box.stop() == 0


def test_a_copy_that_was_killed_is_replaced_and_misses_nothing(start: Start, folder: Path) -> None:
    watched = folder / "watched"
    box = start(*booted(folder, with_jobs(job("late", "true", 1000.0, watched))))
    wait_for_runs(box, "late", 1)
    copy = wait_until(lambda: box.find("agent.init --booted"), "the copy of init")
    assert copy is not None
    os.kill(copy, signal.SIGKILL)
    watched.write_text("1")
    assert wait_for_runs(box, "late", 2)["runs"] == 2


def test_the_copy_ends_with_an_init_that_was_killed(start: Start, folder: Path) -> None:
    """Where init is not PID 1 nobody else would end it."""
    words = booted(folder, with_jobs(job("late", "true", 1000.0, folder / "watched")))
    box = start("sh", "-c", '"$@" & echo $!; wait; exec sleep 1000', "sh", *words)
    wait_for_runs(box, "late", 1)
    found = [pid for pid, line in box.processes().items() if "agent.init --booted" in line]
    copy, init = max(found), min(found)
    os.kill(init, signal.SIGKILL)
    wait_until(lambda: not box.processes().get(copy), "the end of the copy")


def test_a_call_during_the_stop_starts_no_job(start: Start, folder: Path) -> None:
    """It would hold the stop up for as long as it lingers."""
    slow = job("slow", f"trap 'touch {folder}/asked' TERM; touch {folder}/begun; "
               f"until test -e {folder}/go; do sleep 0.01; done")  # fmt: skip
    answer = job("answer", f"touch {folder}/answered", at=(), sockets=("calls.sock",))
    box = start(*booted(folder, with_jobs(slow, answer)))
    wait_until((folder / "begun").exists, "the slow job")
    box.send(signal.SIGTERM)
    wait_until((folder / "asked").exists, "the stop")
    with socket.socket(socket.AF_UNIX) as caller, pytest.raises(ConnectionRefusedError):
        caller.connect(str(folder / "run/calls.sock"))
    (folder / "go").touch()
    assert box.wait() == 0
    assert not (folder / "answered").exists()


def test_usr1_starts_refresh_where_no_command_gets_it(start: Start, folder: Path) -> None:
    jobs = job("refresh", "true", 1000.0, at=("boot", "signal")), job("other", "true", 1000.0)
    box = start(*booted(folder, with_jobs(*jobs)))
    wait_for_runs(box, "refresh", 1)
    box.send(signal.SIGUSR1)
    wait_for_runs(box, "refresh", 2)
    assert entry(box, "other")["runs"] == 1


def test_usr1_starts_no_refresh_where_a_command_gets_it(start: Start, folder: Path) -> None:
    refresh = job("refresh", f"echo run >>{folder}/runs", 1000.0, at=("boot", "signal"))
    script = (
        f"trap 'touch {folder}/told' USR1; trap 'exit 0' TERM; touch {folder}/begun; "
        "while :; do sleep 0.01; done"
    )
    box = start(*booted(folder, with_jobs(refresh), "sh", "-c", script))
    wait_until((folder / "begun").exists, "CMD")
    wait_for_runs(box, "refresh", 1)
    box.send(signal.SIGUSR1)
    wait_until((folder / "told").exists, "CMD has the signal")
    assert box.stop() == 0
    assert (folder / "runs").read_text() == "run\n"


def test_never_two_runs_at_once(start: Start, folder: Path) -> None:
    script = (
        f"mkdir {folder}/mine || touch {folder}/two; "
        f"until test -e {folder}/go; do sleep 0.01; done; rmdir {folder}/mine"
    )
    box = start(*booted(folder, with_jobs(job("refresh", script, 1000.0, at=("boot", "signal")))))
    wait_until((folder / "mine").exists, "the first run")
    for _ in range(3):
        box.send(signal.SIGUSR1)
        wait_until(lambda: not has_pending(box.pid, signal.SIGUSR1), "the signal is taken")
    (folder / "go").touch()
    found = wait_for_runs(box, "refresh", 2)
    assert found["runs"] == 2, "what was asked for meanwhile is one more run"
    assert not (folder / "two").exists()


def test_a_job_that_takes_too_long_is_ended_with_its_group(start: Start, folder: Path) -> None:
    slow = job("slow", "trap '' TERM; sleep 1000 & sleep 1001 & wait; wait", 1000.0, timeout=3.0)
    box = start(*booted(folder, with_jobs(slow)))
    assert wait_for_runs(box, "slow", 1)["last_exit"] == 128 + signal.SIGKILL
    wait_until(lambda: not box.find("sleep 100"), "the end of its group")
    box.wait_for("took too long")


def test_a_job_that_cannot_be_executed(start: Start, folder: Path) -> None:
    box = start(*booted(folder, with_jobs(Job("gone", ("/no/such",), 0.1, 5.0))))
    wait_until(lambda: entry(box, "gone")["runs"] >= 3, "it is tried again")
    assert entry(box, "gone")["last_exit"] == 127
    assert box.stop() == 0


def test_the_surroundings_of_a_job(start: Start, folder: Path) -> None:
    """No input, its words in the log, no descriptor of init's, a group of its own."""
    script = "readlink /proc/self/fd/0; ls /proc/self/fd | tail -n +4; ps -o pgid= -p $$; echo $$"
    box = start(*booted(folder, with_jobs(job("look", script))))
    wait_for_runs(box, "look", 1)
    assert box.stop() == 0
    said = [json.loads(line) for line in box.out.splitlines()]
    words = [event["message"].strip() for event in said if event["source"] == "agent"]
    assert words[0] == "/dev/null"
    assert words[1] == "3", "the folder that ls reads"
    assert words[2] == words[3]
    assert len(words) == 4


def find_failures(box: Box, name: str) -> list[int]:
    """Return the exit codes that init has warned of, in their order."""
    said = [json.loads(line) for line in box.out.splitlines()]
    failed = [event for event in said if event["message"] == "a job failed"]
    assert {event["level"] for event in failed} <= {"warning"}
    return [event["code"] for event in failed if event["job"] == name]


def test_a_job_that_fails_is_warned_of_once_for_each_code(start: Start, folder: Path) -> None:
    """At any level of the log: its own words may be lost."""
    script = f"""cd {folder} && echo >>runs && n=$(wc -l <runs)
        if [ "$n" -lt 3 ]; then exit 4; elif [ "$n" -lt 5 ]; then exit 72; fi"""
    plan = change(with_jobs(job("often", script, 0.01)), log_level="warning")
    box = start(*booted(folder, plan))
    wait_for_runs(box, "often", 6)
    assert box.stop() == 0
    assert find_failures(box, "often") == [4, 72]


def test_a_job_that_the_stop_ends_has_not_failed(start: Start, folder: Path) -> None:
    box = start(*booted(folder, with_jobs(job("long", "exec sleep 100"))))
    wait_until(lambda: box.find("sleep 100"), "it runs")
    assert box.stop() == 0
    assert find_failures(box, "long") == []


def test_a_wish_of_an_earlier_run_is_forgotten(start: Start, folder: Path) -> None:
    words = booted(folder, with_jobs(job("calm", "true", 1000.0)))
    (folder / "run/jobs").mkdir(mode=0o777)
    (folder / "run/jobs").chmod(0o777)
    (folder / "run/jobs/calm.next").write_text("0.1")
    box = start(*words)
    assert find_left(wait_for_runs(box, "calm", 1)) > 900


def test_a_copy_that_cannot_be_made_now_is_made_later(start: Start, folder: Path) -> None:
    """As many processes as there may be: neither the start nor the rest of the life ends by it."""
    if os.getuid() != 0:
        pytest.skip("only root can become a user with a limit of its own")
    watched = folder / "watched"
    job = Job("look", ("true",), None, 5.0, watch=(str(watched),), at=())
    words = booted(folder, with_jobs(job))
    limit = ("prlimit", "--nproc=2:100", *BOUND, "--reuid", "54322", "--clear-groups")
    os.chown(folder, 54322, -1)
    give(folder)
    alone = Namespace(("unshare", "--fork", "--pid", "--mount-proc", "--kill-child"), 54322)
    box = Box(alone, folder, (*limit, *words))
    try:
        box.wait_for_phase("ready")  # init and the log process are two
        assert "internal error" not in box.out + box.err
        wider = ("setpriv", "--reuid", "54322", "prlimit", f"--pid={box.pid}", "--nproc=100:100")
        subprocess.run(wider, check=True)
        wait_until(lambda: box.find("agent.init --booted"), "the copy")
        watched.touch()
        wait_until(lambda: box.state()["jobs"]["look"]["runs"], "the job")
        assert box.stop() == 0
    finally:
        box.close()
