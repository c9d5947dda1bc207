"""KILL for any process but supervisord and `configure`, at any moment of a life and its stop."""

import os
import random
import signal
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from agent.workspace.jobs import JOBS
from tests.faults.lives import KEPT, Ground, Life, living
from tests.faults.tally import Tally
from tests.worlds.waiting import wait_until

KILLS_A_LIFE = 25
JOBS_HERE = {
    kind.job.name: " ".join(kind.job.argv[1:]) for kind in JOBS if kind.job.name != "explain"
}
"""Job -> words of its command line. `explain` comes when a service keeps failing: see below."""
AT_STOP = ("final-hooks", "final-backup")
VERBS = (
    ("status",), ("doctor",), ("plan",), ("ports",), ("activity",), ("wait", "--timeout", "1s"),
    ("rerun", "clone:demo"), ("rerun", "dotfiles"), ("rerun", "hooks:create"),
    ("backup", "create"), ("backup", "list"), ("support-bundle", "--stdout"), ("log",),
)  # fmt: skip
"""What people call; `rerun` carries out a unit."""
GROWTH_ALLOWED_KB = 1024


class Killer:
    """Kills, and counts what it has killed."""

    def __init__(self, life: Life, killed: Counter[str], chance: random.Random) -> None:
        self.life = life
        self.killed = killed
        self.random = chance
        self.started: list[subprocess.Popen[bytes]] = []

    def kill_one(self) -> None:
        """Kill something that lives now, or make it live and kill it at a random moment."""
        kinds = [*KEPT, "service", "job", "job", "job", "verb", "verb", "anything"]
        while not self.kill(self.random.choice(kinds)):
            pass

    def kill(self, kind: str) -> bool:
        if kind == "verb":
            return self.kill_verb(self.random.choice(VERBS))
        if kind == "job":
            return self.kill_job(self.random.choice([*JOBS_HERE]))
        if kind == "service":
            return self.kill_service()
        processes = self.list_victims()
        if kind != "anything":
            processes = {pid: words for pid, words in processes.items() if KEPT[kind] in words}
        return bool(processes) and self.strike(self.random.choice([*processes]), kind)

    def list_victims(self) -> dict[int, str]:
        """Return what may be killed: an essential service only when it has lived long enough."""
        young = self.find_young()
        return {
            pid: words for pid, words in self.life.box.processes().items()
            if words and "supervisor.supervisord" not in words and "configure" not in words
            and pid not in young
        }  # fmt: skip

    def find_young(self) -> set[int]:
        """Return the processes of the essential service while its end would count."""
        state = self.life.services().get("one")
        below = self.life.box.processes()
        sleepers = {pid for pid, words in below.items() if words == "sleep 100001"}
        return set() if state and state.state == "RUNNING" else sleepers

    def kill_service(self) -> bool:
        victims = [pid for pid, words in self.list_victims().items() if "sleep 10000" in words]
        return bool(victims) and self.strike(self.random.choice(victims), "service")

    def kill_job(self, name: str) -> bool:
        """Kill a job, or a process that it has started."""
        self.life.start_job(name)
        words = JOBS_HERE[name]
        with suppress(TimeoutError):
            wait_until(lambda: self.life.box.find(words), name, 0.3)
        pid = self.life.box.find(words)
        if pid is None:
            return False
        self.pause()
        return self.strike(self.random.choice(list_family(pid)), f"job {name}")

    def kill_verb(self, words: tuple[str, ...]) -> bool:
        process = self.life.open(*words)
        self.started.append(process)
        self.pause()
        family = [pid for pid in list_family(process.pid) if pid != process.pid]
        return bool(family) and self.strike(self.random.choice(family), " ".join(words))

    def pause(self) -> None:
        """Let it get somewhere: a random moment of its run."""
        with suppress(TimeoutError):
            wait_until(lambda: False, "", self.random.random() * 0.4)

    def strike(self, pid: int, name: str) -> bool:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            return False
        self.killed[name] += 1
        return True

    def clean(self) -> None:
        """Wait for the verbs that were not killed."""
        for process in self.started:
            process.wait(60)
        self.started.clear()


def list_family(pid: int) -> list[int]:
    """Return a process and all below it."""
    found, rest = [], [pid]
    while rest:
        found.append(rest.pop())
        path = Path(f"/proc/{found[-1]}/task/{found[-1]}/children")
        with suppress(OSError):
            rest += map(int, path.read_text().split())
    return found


def batches(tally: Tally) -> Iterator[int]:
    """Yield how many kills each life gets."""
    left = tally.wanted
    while left > 0:
        yield min(left, KILLS_A_LIFE)
        left -= KILLS_A_LIFE


def test_kill_anything(ground: Ground, tally: Callable[[int], Tally]) -> None:
    """Everything comes back, init stays, nothing is left over, and the stop ends with 0."""
    count, killed, chance = tally(1000), Counter[str](), random.Random(17)
    seen: list[tuple[int, int, int]] = []
    for number in batches(count):
        with living(ground) as life:
            life.box.wait_for("begun one")
            killer = Killer(life, killed, chance)
            for _ in range(number):
                killer.kill_one()
                count.count("" if life.box.process.poll() is None else f"init ended: {life.tail()}")
            killer.clean()
            life.wait_calm()
            seen.append((life.count_descriptors(), life.find_memory(), len(life.box.processes())))
            assert "Traceback" not in life.box.out + life.box.err, life.tail()
            os.kill(life.pid, signal.SIGTERM)
            for name in AT_STOP:
                with suppress(TimeoutError, OSError):
                    words = JOBS_HERE[name]
                    pid = wait_until(lambda w=words, life=life: life.box.find(w), name, 3)  # type: ignore[misc]
                    killer.strike(pid or 0, f"job {name}")
            assert life.box.wait(12.0) == 0, life.tail()
    print(*(f"{number:5} {name}" for name, number in sorted(killed.items())), sep="\n")
    print("descriptors, kB of init, processes:", *seen[:3], "…", seen[-1])
    count.check()
    first = seen[0]
    assert all(each[0] <= first[0] + 2 for each in seen), seen
    assert all(each[1] <= first[1] + GROWTH_ALLOWED_KB for each in seen), seen
    assert all(each[2] <= first[2] + 1 for each in seen), seen
    if count.wanted >= 1000:
        wanted = {*KEPT, "service", *(f"job {name}" for name in JOBS_HERE)}
        wanted |= {" ".join(words) for words in VERBS}
        assert wanted <= {*killed}, wanted - {*killed}
