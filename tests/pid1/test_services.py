"""supervisord and the log child under init, each the real one."""

import json
import os
import shlex
import signal
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from agent.machine.light.boot_file import Job
from agent.machine.light.exits import Exit
from agent.services.service import Service
from tests.pid1.boxes import EMPTY_BOOT, INIT, PYTHON, Box, booted, change, with_services
from tests.pid1.preloading import build_library
from tests.worlds.waiting import wait_until

Start = Callable[..., Box]

LIVING = ("sh", "-c", "echo begun; exec sleep 1000")


def messages(box: Box, source: str) -> list[str]:
    """Return what a source has said so far."""
    events = [json.loads(line) for line in box.out.splitlines() if line.endswith("}")]
    return [event["message"] for event in events if event["source"] == source]


def test_supervisord_is_woken_from_the_second_that_it_sleeps(start: Start, folder: Path) -> None:
    """At the start and at the stop: this one sleeps for ever where it would sleep a second."""
    boot = with_services(folder, Service("a", LIVING))
    library = build_library("deep_sleep", folder)
    boot = change(boot, environment={**boot.environment, "LD_PRELOAD": str(library)})
    box = start(*booted(folder, boot), environment=boot.environment)
    box.wait_for('"message": "begun"')
    assert box.stop() == 0


def test_a_fatal_essential_service_ends_the_container(start: Start, folder: Path) -> None:
    services = Service("good", LIVING), Service("bad", ("sh", "-c", "echo trying; exit 1"))
    boot = with_services(folder, *services, impatient=True)
    explain = Job("explain", ("sh", "-c", "echo because of $1", "sh"), None, 60.0, at=("lost",))
    box = start(*booted(folder, change(boot, jobs=(explain,))))
    assert box.wait() == Exit.SERVICE_FATAL
    assert "because of bad" in messages(box, "agent")
    assert messages(box, "bad") == ["trying"] * 2, "bounded restarts"
    assert "an essential service keeps failing" in messages(box, "init")
    assert box.state()["stopping_because"] == "the service bad is FATAL"
    assert box.state()["jobs"]["explain"]["runs"] == 1


def test_a_fatal_service_that_nobody_explains_ends_the_container(
    start: Start, folder: Path
) -> None:
    bad = Service("bad", ("false",))
    box = start(*booted(folder, with_services(folder, bad, impatient=True)))
    assert box.wait() == Exit.SERVICE_FATAL


def test_another_service_is_never_given_up(start: Start, folder: Path) -> None:
    script = f"test -e {folder}/mended || exit 1; echo mended; exec sleep 1000"
    bad = Service("bad", ("sh", "-c", script), essential=False)
    explain = Job("explain", ("sh", "-c", "echo because of $1", "sh"), None, 60.0, at=("lost",))
    boot = with_services(folder, Service("good", LIVING), bad, impatient=True)
    box = start(*booted(folder, change(boot, jobs=(explain,))))
    box.wait_for("because of bad")
    assert "the service keeps exiting; restarting with back-off" in messages(box, "init")
    (folder / "mended").touch()
    box.wait_for('"message": "mended"')
    assert box.stop() == 0


def test_the_loss_of_supervisord_stops_the_services(start: Start, folder: Path) -> None:
    # Its streams lead to supervisord; a shell that complains there afterwards ends by SIGPIPE.
    script = (
        f"trap 'touch {folder}/ended; exit' TERM; echo begun; "
        "exec 2>/dev/null; while :; do sleep 0.01; done"
    )
    box = start(*booted(folder, with_services(folder, Service("a", ("sh", "-c", script)))))
    box.wait_for('"message": "begun"')
    supervisord = box.find("supervisor.supervisord")
    assert supervisord is not None
    os.kill(supervisord, signal.SIGKILL)
    assert box.wait() == Exit.SUPERVISOR_LOST
    assert (folder / "ended").exists()


def test_an_orphan_is_not_taken_for_a_service(start: Start, folder: Path) -> None:
    script = (
        f"(sh -c 'echo $$ > {folder}/orphan; exit 1' &); until test -s {folder}/orphan; do :; done;"
        f"while kill -0 $(cat {folder}/orphan) 2>/dev/null; do sleep 0.01; done;"
        "echo alive; exec sleep 1000"
    )
    box = start(*booted(folder, with_services(folder, Service("a", ("sh", "-c", script)))))
    box.wait_for('"message": "alive"')
    assert not any("exited" in line for line in messages(box, "supervisord"))
    assert box.stop() == 0


def test_values_of_the_environment_reach_a_service_unchanged(start: Start, folder: Path) -> None:
    value = "%s%%(x)s\"';,\n\t\\ \u00e4 $HOME `id`"
    script = "import os; print(ascii(os.environ['A']), flush=True)"
    service = Service("a", (*PYTHON, "-c", script))
    boot = with_services(folder, service)
    boot = change(boot, environment={**boot.environment, "A": value})
    # The first life hands the environment over by its exec; here the namespace does.
    box = start(*booted(folder, boot), environment=boot.environment)
    box.wait_for(json.dumps(ascii(value)))


def test_a_log_child_that_ends_is_started_again(start: Start, folder: Path) -> None:
    script = (
        f"echo before; until test -e {folder}/go; do sleep 0.01; done; echo after; exec sleep 99"
    )
    box = start(*booted(folder, with_services(folder, Service("a", ("sh", "-c", script)))))
    box.wait_for('"message": "before"')
    logger = box.find("agent.init.logger")
    assert logger is not None
    os.kill(logger, signal.SIGKILL)
    (folder / "go").touch()
    box.wait_for('"message": "after"')
    assert box.stop() == 0


COUNTER = """
import os, sys
line, number = b"x" * 99 + b"\\n", 0
while True:
    os.write(1, line)
    number += 1
    if number % 1000 == 0:
        os.pwrite(3, b"%12d" % number, 0)
"""
"""Writes as fast as it can, and notes in a file how many lines it has written."""


def start_counter(start: Start, folder: Path) -> tuple[Box, Callable[[], int]]:
    """Return a box with a service that writes without end, and how many lines it has written."""
    script = f"exec {shlex.join((*PYTHON, '-c', COUNTER))} 3<>{folder}/count"
    box = start(*booted(folder, with_services(folder, Service("a", ("sh", "-c", script)))))

    def count() -> int:
        file = folder / "count"
        return int(file.read_text() or 0) if file.exists() else 0

    wait_until(count, "the first lines")
    return box, count


def find_logger(box: Box) -> int:
    return wait_until(lambda: box.find("agent.init.logger"), "the log child") or 0


def test_a_stopped_log_child_goes_on(start: Start, folder: Path) -> None:
    """Nobody else would wake it, and everybody would wait for it."""
    box, count = start_counter(start, folder)
    for _ in range(3):
        os.kill(find_logger(box), signal.SIGSTOP)
        before = count()
        wait_until(lambda now=before: count() > now + 5000, "further lines")  # type: ignore[misc]
    assert box.stop() == 0
    assert "the log process exited" not in box.out


def test_writers_do_not_wait_for_a_log_child_that_keeps_ending(start: Start, folder: Path) -> None:
    """The pauses between its starts grow; a pipe holds some 650 lines."""
    box, count = start_counter(start, folder)

    def count_lines_without_logger() -> int:
        with suppress(ProcessLookupError):
            os.kill(find_logger(box), signal.SIGKILL)
        counts = [count()]
        while box.find("agent.init.logger") is None:
            counts.append(count())
        return counts[-2] - counts[0] if len(counts) > 1 else 0

    wait_until(lambda: count_lines_without_logger() > 2000, "lines that nobody reads")
    box.wait_for("bytes of a were lost: the log process was not running")
    assert box.stop() == 0


def test_a_service_does_not_write_through_supervisord(start: Start, folder: Path) -> None:
    box, count = start_counter(start, folder)
    supervisord = box.find("supervisor.supervisord")
    assert supervisord is not None
    os.kill(supervisord, signal.SIGSTOP)
    before = count()
    wait_until(lambda: count() > before + 5000, "further lines")
    os.kill(supervisord, signal.SIGCONT)
    assert box.stop() == 0


def test_much_output_through_a_pipe_arrives(start: Start, folder: Path) -> None:
    """What does not fit into the ring is counted, and supervisord never complains."""
    script = "seq -f line-%g 200000; echo finished; exec sleep 1000"
    box = start(*booted(folder, with_services(folder, Service("a", ("sh", "-c", script)))))
    box.wait_for('"message": "finished"')
    assert "Illegal seek" not in box.out + box.err
    assert box.stop() == 0


def test_output_of_the_command_is_apart_from_the_log(start: Start, folder: Path) -> None:
    boot = with_services(folder, Service("a", LIVING))
    script = f"echo result; until test -e {folder}/go; do sleep 0.01; done"
    box = start(*booted(folder, boot, "sh", "-c", script))
    wait_until(lambda: '"message": "begun"' in box.err, "the service's line")
    (folder / "go").touch()
    assert box.wait() == 0
    assert box.out == "result\n"


def test_closed_standard_streams_do_no_harm(start: Start, folder: Path) -> None:
    boot = with_services(folder, Service("a", ("sh", "-c", f"touch {folder}/up; exec sleep 1000")))
    box = start("sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", *booted(folder, boot))
    wait_until((folder / "up").exists, "the service runs")
    assert box.stop() == 0


def test_init_alone_writes_no_state_and_starts_nothing(start: Start, folder: Path) -> None:
    box = start(*INIT, "sh", "-c", "set -- /proc/[0-9]*; echo $#")
    assert box.wait() == 0
    assert int(box.out) == 2, "init and the shell"


def test_a_fifo_that_is_there_already_is_used(start: Start, folder: Path) -> None:
    """The folder of an earlier life may still be there, with leftovers of any kind."""
    boot = with_services(folder, Service("a", LIVING))
    words = booted(folder, boot)
    (folder / "run/streams/a").write_text("not a FIFO")
    os.mkfifo(folder / "run/events")
    os.chown(folder / "run/events", folder.stat().st_uid, -1)
    box = start(*words)
    box.wait_for('"message": "begun"')
    assert box.stop() == 0


def test_an_unreadable_boot_file_is_one_clear_line(start: Start, folder: Path) -> None:
    words = booted(folder, EMPTY_BOOT)
    (folder / "run/boot.json").write_text("{}")
    box = start(*words)
    assert box.wait() == Exit.INTERNAL
    assert len(box.err.splitlines()) == 1
