"""The stop: all are told together, all are waited for, nobody outlives the deadline."""

import json
import os
import pty
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from agent.machine.light.boot_file import Job
from agent.machine.light.exits import Exit
from agent.services.service import Service
from tests.pid1.boxes import (
    EMPTY_BOOT,
    ENVIRONMENT,
    INIT,
    MEET,
    NEVER,
    PYTHON,
    Box,
    Namespace,
    booted,
    change,
    has_pending,
    with_jobs,
    with_services,
)
from tests.worlds.waiting import DEADLINE, wait_until

Start = Callable[..., Box]

LOOP = "while :; do sleep 0.01; done"
GIVEN_UP = "stop timeout reached"
STUBBORN = "trap '' TERM HUP; echo begun; while :; do sleep 0.05; done"


def shell(name: str, script: str) -> Service:
    return Service(name, ("sh", "-c", script))


def test_an_idle_container_stops_at_once(start: Start, folder: Path) -> None:
    boot = with_services(folder, shell("a", "echo begun; exec sleep 1000"))
    box = start(*booted(folder, boot))
    box.wait_for("begun")
    assert box.stop() == 0
    assert box.state()["phase"] == "stopping"
    assert box.state()["stopping_because"] == "SIGTERM"


def test_interrupt_and_quit_stop_as_well_without_a_command(start: Start, folder: Path) -> None:
    for number in (signal.SIGINT, signal.SIGQUIT):
        box = start(*booted(folder, EMPTY_BOOT))
        box.wait_for_phase("ready")
        assert box.stop(number) == 0
        (folder / "run/state.json").unlink()


def test_other_signals_do_not_stop(start: Start, folder: Path) -> None:
    script = "echo begun; exec sleep 1000"
    box = start(*booted(folder, with_services(folder, shell("a", script))))
    service = wait_until(lambda: box.find("sleep 1000"), "the service")
    box.wait_for_phase("ready")
    box.send(signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGWINCH, signal.SIGALRM)
    wait_until(lambda: not has_pending(box.pid, signal.SIGALRM), "the signals are taken")
    assert box.state()["phase"] == "ready"
    assert box.find("sleep 1000") == service
    assert box.stop() == 0
    assert box.state()["stopping_because"] == "SIGTERM"


def test_a_service_that_needs_time_is_waited_for(start: Start, folder: Path) -> None:
    linger = f"echo told; until test -e {folder}/go; do sleep 0.01; done; echo done; exit 0"
    boot = with_services(folder, shell("slow", f"trap '{linger}' TERM; echo begun; {LOOP}"))
    box = start(*booted(folder, boot))
    box.wait_for("begun")
    box.send(signal.SIGTERM)
    box.wait_for('"message": "told"')
    box.wait_for_phase("stopping")
    (folder / "go").touch()
    assert box.wait() == 0
    assert '"message": "done"' in box.out
    assert GIVEN_UP not in box.out


def test_a_stubborn_service_and_command_are_killed_at_the_deadline(
    start: Start, folder: Path
) -> None:
    boot = with_services(folder, shell("stubborn", STUBBORN), stop_timeout=0.5)
    box = start(*booted(folder, boot, "sh", "-c", STUBBORN))
    wait_until(lambda: box.out.count("begun") + box.err.count("begun") == 2, "both begin")
    assert box.stop() == 128 + signal.SIGKILL
    assert GIVEN_UP in box.err


def test_services_and_command_are_told_together(start: Start, folder: Path) -> None:
    words = (*PYTHON, "-c", MEET, str(folder / "told"), "3")
    boot = with_services(folder, Service("a", words), Service("b", words))
    box = start(*booted(folder, boot, *words))
    wait_until(lambda: box.out.count("begun") + box.err.count("begun") == 3, "all begin")
    assert box.stop() == 0, "or each would wait for those that are told after its end"


def test_the_command_decides_the_exit_code(start: Start, folder: Path) -> None:
    script = "trap 'exit 9' TERM; echo begun; while :; do sleep 0.01; done"
    box = start(*booted(folder, EMPTY_BOOT, "sh", "-c", script))
    box.wait_for("begun")
    assert box.stop() == 9


def test_the_end_of_the_command_stops_the_services(start: Start, folder: Path) -> None:
    script = (
        f"trap 'echo gone > {folder}/gone; exit' TERM; echo begun; while :; do sleep 0.01; done"
    )
    boot = with_services(folder, shell("a", script))
    box = start(*booted(folder, boot, "sh", "-c", f"until test -e {folder}/go; do :; done; exit 8"))
    box.wait_for("begun")
    (folder / "go").touch()
    assert box.wait() == 8
    assert (folder / "gone").exists()


def test_a_second_term_hastens_the_stop(start: Start, folder: Path) -> None:
    boot = with_services(folder, shell("stubborn", STUBBORN))
    box = start(*booted(folder, boot))
    box.wait_for("begun")
    box.send(signal.SIGTERM)
    box.wait_for_phase("stopping")
    assert box.stop() == 0
    assert "stopping faster" in box.out
    assert "Traceback" not in box.out + box.err


def test_our_own_notices_do_not_hasten_the_stop(start: Start, folder: Path) -> None:
    """A job that ends while an essential service is lost is nobody's haste: all have their time."""
    quitter = Service("quitter", ("sh", "-c", f"until test -e {folder}/go; do sleep 0.01; done"))
    slow = shell("slow", f"trap 'sleep 0.5; echo done; exit' TERM; touch {folder}/go; {LOOP}")
    busy = Job("busy", ("sh", "-c", f"trap 'exit 1' TERM; {LOOP}"), None, 60.0)
    final = Job("final", ("sh", "-c", "echo $0 > " + f"{folder}/left"), None, 60.0, at=("stop",))
    boot = with_services(folder, quitter, slow, impatient=True)
    box = start(*booted(folder, change(boot, jobs=(busy, final))))
    assert box.wait() == Exit.SERVICE_FATAL
    assert "stopping faster" not in box.out
    assert '"message": "done"' in box.out
    assert float((folder / "left").read_text()) > NEVER / 2


def test_a_signal_hastens_a_stop_that_began_by_itself(start: Start, folder: Path) -> None:
    boot = with_services(folder, shell("stubborn", STUBBORN))
    box = start(*booted(folder, boot, "sh", "-c", f"until test -e {folder}/go; do :; done"))
    box.wait_for("begun")
    (folder / "go").touch()
    box.wait_for_phase("stopping")
    assert box.stop() == 0, "the code is CMD's"


def test_jobs_are_ended_and_none_begins(start: Start, folder: Path) -> None:
    script = (
        f"trap 'echo ended >> {folder}/log; exit 1' TERM; echo begun; while :; do sleep 0.01; done"
    )
    box = start(*booted(folder, with_jobs(Job("long", ("sh", "-c", script), 0.0, 60.0))))
    box.wait_for("begun")
    assert box.stop() == 0
    assert (folder / "log").read_text() == "ended\n"
    assert box.state()["jobs"]["long"]["runs"] == 1


def test_a_job_of_the_stop_comes_after_the_services_and_before_the_orphans(
    start: Start, folder: Path
) -> None:
    note = f"trap 'sleep 0.2; echo service >> {folder}/log; exit' TERM"
    orphan = f"exec 2>/dev/null; trap 'echo orphan >> {folder}/log; exit' TERM; echo begun; {LOOP}"
    last = Job(
        "last", ("sh", "-c", f"sleep 0.2; echo $0 >> {folder}/log"), None, 60.0, at=("stop",)
    )
    boot = with_services(folder, shell("a", f'{note}; setsid sh -c "{orphan}" & {LOOP}'))
    box = start(*booted(folder, change(boot, jobs=(last,))))
    box.wait_for("begun")
    assert box.stop() == 0
    service, left, orphan = (folder / "log").read_text().split()
    assert (service, orphan) == ("service", "orphan")
    assert 0 < float(left) < boot.stop_timeout, "the job was told the seconds that were left"
    assert box.state()["jobs"]["last"]["last_exit"] == 0


def test_a_job_of_the_stop_ends_with_the_deadline(start: Start, folder: Path) -> None:
    slow = Job(
        "slow", ("sh", "-c", "trap '' TERM; sleep 1000 & wait; wait"), None, 60.0, at=("stop",)
    )
    box = start(*booted(folder, with_jobs(slow, stop_timeout=3.0)))
    box.wait_for_phase("ready")
    assert box.stop() == 0
    assert GIVEN_UP in box.out
    assert '"remaining": "job slow"' in box.out


def test_no_job_of_the_stop_begins_after_the_deadline(start: Start, folder: Path) -> None:
    late = Job("late", ("touch", f"{folder}/late"), None, 60.0, at=("stop",))
    boot = with_services(folder, shell("stubborn", STUBBORN))
    box = start(*booted(folder, change(boot, jobs=(late,), stop_timeout=0.5)))
    box.wait_for("begun")
    assert box.stop() == 0
    assert not (folder / "late").exists()


def test_what_escaped_is_ended_in_order(start: Start, folder: Path) -> None:
    script = (
        f"trap 'echo ended > {folder}/ended; exit' TERM; touch {folder}/up; "
        "while :; do sleep 0.01; done"
    )
    command = (
        "sh",
        "-c",
        f'setsid sh -c "{script}" & until test -e {folder}/up; do :; done; exit 3',
    )
    box = start(*INIT, *command)
    assert box.wait() == 3
    assert (folder / "ended").exists()


@pytest.mark.parametrize("as_root", [False, True])
def test_a_shell_on_another_terminal_does_not_hold_up_the_stop(
    start: Start, folder: Path, namespace: Namespace, as_root: bool
) -> None:
    """As one of `docker exec -it`: not init's child, and an interactive shell ignores TERM.

    Root's cannot even be signalled by an unprivileged init.
    """
    if os.getuid() != 0:
        pytest.skip("only root can enter the namespace of another")
    box = start(*booted(folder, EMPTY_BOOT))
    box.wait_for_phase("ready")
    ours, theirs = pty.openpty()
    user = "0" if as_root else str(namespace.uid)
    shell_there = subprocess.Popen(
        ["nsenter", "--target", str(box.pid), "--pid", "--mount", "setpriv", "--reuid", user,
         "--clear-groups", "setsid", "--ctty", "bash", "--norc", "-i"],
        stdin=theirs, stdout=theirs, stderr=theirs, env=ENVIRONMENT | {"PS1": "ready> "},
    )  # fmt: skip
    os.close(theirs)
    seen = b""
    while b"ready> " not in seen:
        seen += os.read(ours, 4096)
    assert box.stop() == 0
    shell_there.wait(timeout=DEADLINE)
    os.close(ours)


def test_the_last_lines_are_written(start: Start, folder: Path) -> None:
    script = "trap 'seq -f last-%g 1000; exit' TERM; echo begun; while :; do sleep 0.01; done"
    box = start(*booted(folder, with_services(folder, shell("a", script))))
    box.wait_for("begun")
    assert box.stop() == 0
    events = [json.loads(line) for line in box.out.splitlines()]
    last = [event["message"] for event in events if event["message"].startswith("last-")]
    assert last == [f"last-{n}" for n in range(1, 1001)]


def test_a_stopped_supervisord_hears_term(start: Start, folder: Path) -> None:
    """Or its services would lose their time to end, and the stop take all of its own."""
    script = f"trap 'touch {folder}/ended; exit' TERM; echo begun; {LOOP}"
    box = start(*booted(folder, with_services(folder, shell("a", script))))
    box.wait_for("begun")
    os.kill(box.find("supervisor.supervisord") or 0, signal.SIGSTOP)
    assert box.stop() == 0
    assert (folder / "ended").exists()


LOG_CHILD_THAT_NEVER_COMES = """
import sys, types
from agent.init import entry, logs
logs.sys = types.SimpleNamespace(executable=sys.argv.pop(1), byteorder=sys.byteorder)
sys.exit(entry.resume(sys.argv[1:]))
"""
"""Init, with a log child that is as slow to start as on a machine that is very busy."""


@pytest.mark.parametrize("code", [0, 3])
def test_why_it_ends_is_told_though_the_log_child_has_not_begun(
    start: Start, folder: Path, code: int
) -> None:
    """With its own limit; the stop's is never reached here."""
    never = folder / "never"
    never.write_text("#!/bin/sh\nexec sleep 1000\n")
    never.chmod(0o755)
    words = booted(folder, EMPTY_BOOT, "sh", "-c", f"exit {code}")
    resume = words[words.index("--booted") :]
    box = start(*PYTHON, "-c", LOG_CHILD_THAT_NEVER_COMES, str(never), *resume)
    assert box.wait() == code
    assert f'"reason": "CMD ended with {code}"' in box.err
