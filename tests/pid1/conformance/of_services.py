"""The cases about services: how they are kept, told, stopped, and what they have.

One fails by AssertionError, TimeoutError or TimeoutExpired.
"""

import os
import signal
import time
from pathlib import Path

from agent.services.service import Service
from tests.pid1.boxes import MEET, Box
from tests.pid1.conformance.places import NotApplicableError, World
from tests.worlds.waiting import wait_until

LOOP = "while :; do sleep 0.01; done"
VALUE = "%s%%(x)s\"';,\n\t\\ ä $HOME `id`"
STUBBORN = f"trap '' TERM; echo begun; {LOOP}"
MANY_LINES = 100_000
"""Of 100 bytes: 10 MB."""
MOST_STOPS = 20


def shell(name: str, script: str) -> Service:
    return Service(name, ("sh", "-c", script))


def sleeper(name: str = "a") -> Service:
    return shell(name, f"echo begun {name}; exec sleep 1000")


def has_pending(box: Box, number: int) -> bool:
    text = Path(f"/proc/{box.pid}/status").read_text()
    masks = [line.split()[1] for line in text.splitlines() if line.startswith("ShdPnd")]
    return bool(int(masks[0], 16) >> (number - 1) & 1)


def nonfatal_usr2(world: World) -> None:
    box = world.start(services=[sleeper()])
    box.wait_for("begun a")
    service = wait_until(lambda: box.find("sleep 1000"), "the service", box.deadline)
    box.send(signal.SIGUSR2, signal.SIGUSR2)
    wait_until(lambda: not has_pending(box, signal.SIGUSR2), "the signal is taken", box.deadline)
    time.sleep(0.2)  # nothing tells of what does not happen
    assert box.process.poll() is None
    assert box.find("sleep 1000") == service


def foreign_status(world: World) -> None:
    orphan = world.folder / "orphan"
    script = (
        f"(sh -c 'echo $$ > {orphan}; exit 1' &); until test -s {orphan}; do :; done;"
        f"while kill -0 $(cat {orphan}) 2>/dev/null; do sleep 0.01; done;"
        "echo alive; exec sleep 1000"
    )
    box = world.start(services=[shell("a", script), sleeper("b")])
    box.wait_for("alive")
    time.sleep(0.2)  # nothing tells of what does not happen
    assert box.process.poll() is None
    assert box.find("sleep 1000")
    assert (box.out + box.err).count("alive") == 1


def term_twice(world: World) -> None:
    box = world.start(services=[shell("a", STUBBORN)])
    box.wait_for("begun")
    box.send(signal.SIGTERM)
    wait_until(lambda: not has_pending(box, signal.SIGTERM), "the first is taken", box.deadline)
    box.send(signal.SIGTERM)
    box.wait()
    assert "Traceback" not in box.out + box.err


def stop_wait(world: World) -> None:
    go, done = world.folder / "go", world.folder / "done"
    told = world.folder / "told"
    linger = f"touch {told}; until test -e {go}; do sleep 0.01; done; touch {done}; exit 0"
    box = world.start(services=[shell("a", f"trap '{linger}' TERM; echo begun; {LOOP}")])
    box.wait_for("begun")
    box.send(signal.SIGTERM)
    wait_until(told.exists, "TERM arrives", box.deadline)
    time.sleep(1)  # the point: it is waited for
    assert box.process.poll() is None
    go.touch()
    box.wait()
    assert done.exists()


def stop_ignore(world: World) -> None:
    box = world.start(services=[shell("a", STUBBORN)], stop_timeout=1.0)
    box.wait_for("begun")
    box.send(signal.SIGTERM)
    box.wait()


def no_idle_grace(world: World) -> None:
    """One of many, on a busy machine: a fixed wait would be in each."""
    limit = 3.0 if world.place.image else 1.0  # all of the agent's jobs end in a container
    took = [limit]
    while min(took) >= limit and len(took) <= MOST_STOPS:
        box = world.start(services=[sleeper()])
        box.wait_for("begun a")
        process, began = Path(f"/proc/{box.pid}"), time.monotonic()
        box.send(signal.SIGTERM)
        wait_until(lambda process=process: not process.exists(), "the end", box.deadline)  # type: ignore[misc]
        took.append(time.monotonic() - began)  # what an engine does then is its own time
        box.wait()
    assert min(took) < limit, took


def stop_order(world: World) -> None:
    told = world.folder / "told"
    words = (*world.place.python, "-c", MEET, str(told), "2")
    box = world.start(services=[Service("a", words), Service("b", words)])
    wait_until(lambda: (box.out + box.err).count("begun") == 2, "both begin", box.deadline)
    box.send(signal.SIGTERM)
    box.wait()
    assert Path(f"{told}-met").read_text() == "met\n" * 2, "or each waits for the other's end"


def fatal_exit(world: World) -> None:
    box = world.start(services=[sleeper(), shell("bad", "exit 1")])
    assert box.wait() != 0


def svd_crash(world: World) -> None:
    ended = world.folder / "ended"
    # Its streams may lead to what is killed: a shell that complains there ends by SIGPIPE.
    script = f"trap 'touch {ended}; exit' TERM; echo begun; exec 2>/dev/null; {LOOP}"
    box = world.start(services=[shell("a", script)])
    box.wait_for("begun")
    keeper = world.init.keeper
    os.kill((box.find(keeper) if keeper else box.pid) or 0, signal.SIGKILL)
    assert box.wait() != 0
    assert ended.exists()


def backoff(world: World) -> None:
    tries = world.folder / "tries"
    box = world.start(services=[sleeper(), shell("bad", f"echo >> {tries}; exit 1")])
    box.wait()
    assert 1 <= tries.stat().st_size <= 10


def env_percent(world: World) -> None:
    seen = world.folder / "seen"
    script = f'printf %s "$A" > {seen}.new; mv {seen}.new {seen}; exec sleep 1000'
    world.start(services=[shell("a", script)], environment={"A": VALUE})
    wait_until(seen.exists, "the value", world.place.deadline)
    assert seen.read_text() == VALUE


def logs_pipe(world: World) -> None:
    line = "x" * 99
    script = f"yes {line} | head -n {MANY_LINES}; echo finished; exec sleep 1000"
    box = world.start(services=[shell("a", script)], piped=True)
    box.wait_for("finished")
    assert "Illegal seek" not in box.out + box.err
    assert "Traceback" not in box.out + box.err


def readonly_log(world: World) -> None:
    place = world.init.log_folder
    if not place:
        raise NotApplicableError("it keeps no log")

    def block(folder: Path) -> None:
        path = folder / place
        path.parent.mkdir(mode=0o700, exist_ok=True)
        os.chown(path.parent, world.place.uid, world.place.uid)
        path.mkdir(mode=0o500)
        (path / "recent").mkdir(mode=0o500)  # root writes into every folder
        (path / "supervisord.log").mkdir(mode=0o500)

    box = world.start(services=[sleeper()], prepare=block)
    box.wait_for("begun a")
    box.wait_for("cannot ")


def cpu_idle(world: World) -> None:
    """All that is not the service's, over 20 seconds; a tick of the clock is free for each."""
    box = world.start(services=[sleeper()])
    box.wait_for("begun a")
    tick = 1 / os.sysconf("SC_CLK_TCK")

    def measure() -> tuple[float, int]:
        pids = [box.pid, *(pid for pid, line in box.processes().items() if "sleep" not in line)]
        total = 0.0
        for pid in pids:
            fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
            total += (int(fields[11]) + int(fields[12])) * tick
        return total, len(pids)

    wait_for_rest(box, world.place.deadline)
    before, _ = measure()
    time.sleep(20)
    after, count = measure()
    assert after - before <= 20 * 0.001 + tick * count


def wait_for_rest(box: Box, deadline: float) -> None:
    """Wait until no process has come or gone for 3 seconds: the start is over then."""
    seen, since = {0}, 0.0

    def is_at_rest() -> bool:
        nonlocal seen, since
        found = set(box.processes())
        if found != seen:
            seen, since = found, time.monotonic()
        return time.monotonic() - since >= 3

    wait_until(is_at_rest, "processes that stay", deadline)


def clean_signals(world: World) -> None:
    """CMD and services have no signal blocked and none ignored: the init puts back its own.

    Signals 32 and 33 are the C library's: whoever starts programs by posix_spawn ignores them.
    """
    script = "grep -hE '^Sig(Blk|Ign)' /proc/self/status > {0}.new; mv {0}.new {0}"
    of_cmd, of_service = world.folder / "cmd", world.folder / "service"
    world.start("sh", "-c", script.format(of_cmd))
    world.start(services=[shell("a", f"{script.format(of_service)}; exec sleep 1000")])
    for file in (of_cmd, of_service):
        wait_until(file.exists, "the masks", world.place.deadline)
        masks = [int(line.split()[1], 16) & ~(0b11 << 31) for line in file.read_text().splitlines()]
        assert masks == [0, 0], (file.name, file.read_text())
