"""Kills what lives in a life, or makes it live and kills it at a random moment."""

import os
import random
import signal
import subprocess
from collections import Counter
from contextlib import suppress

from agent.machine.light.moments import STOP
from agent.services.supervisord import RUNNING
from agent.workspace.jobs import JOBS
from tests.faults.life import STARTERS, SUPERVISORD, Life, list_family
from tests.faults.victims import COPY, Deck, Victim, list_jobs
from tests.worlds.waiting import pass_time, wait_until

ANYTHING = Victim("anything")
"""Whatever lives at that moment."""
TRIES = 8
"""Of one victim, which may have ended before the kill; then it is another's turn."""
MOST_MISSES = 20
"""Victims in a row that cannot be killed."""
START = 40.0
"""Seconds within which a start brings all its jobs: also the one that explains a lost service."""
LONGEST_RUN = 0.6
"""Seconds within which a kill falls, after the start of what it hits."""
SPARED = (SUPERVISORD, "configure", "agent run", "devcopilot run")
"""Words of what must not be killed: another test has supervisord, and the start needs the others:
`configure` is a copy of the first life."""

_STOPPING = {kind.job.name for kind in JOBS if STOP in kind.job.at}
AT_STOP = [job for job in list_jobs() if job.name in _STOPPING]
STARTED = [job for job in list_jobs() if job.name in STARTERS]
AT_START = [job for job in list_jobs() if job not in (*AT_STOP, *STARTED)]


class Killer:
    """Kills, and counts what it has killed."""

    def __init__(self, life: Life, deck: Deck, killed: Counter[str], chance: random.Random) -> None:
        self.life = life
        self.deck = deck
        self.killed = killed
        self.random = chance
        self.started: list[subprocess.Popen[bytes]] = []
        self.number = signal.SIGKILL

    def kill_next(self) -> None:
        """Kill the next victim of the deck that can be killed now."""
        missed: list[str] = []
        while len(missed) < MOST_MISSES:
            victim = self.deck.draw()
            if any(self.kill(victim) for _ in range(TRIES)):
                return
            self.deck.put_back(victim)
            missed.append(str(victim))
        raise AssertionError(f"none of these could be killed: {missed}")

    def kill(self, victim: Victim) -> bool:
        """Kill this victim; tell whether there was one."""
        ways = {
            "kept": self.kill_kept, "service": self.kill_service, "job": self.kill_job,
            "unit": self.kill_verb, "verb": self.kill_verb, "anything": self.kill_anything,
        }  # fmt: skip
        return ways[victim.kind](victim)

    def kill_kept(self, victim: Victim) -> bool:
        pid = self.life.box.find(" ".join(victim.words))
        return pid is not None and self.strike(pid, victim)

    def kill_service(self, victim: Victim) -> bool:
        """Kill a service, not while its early end would count."""
        if victim.name in self.find_young():
            return False
        pid = self.life.find_service(victim.name)
        return bool(pid) and self.strike(pid, victim)

    def kill_job(self, victim: Victim, patience: float = 0.3) -> bool:
        """Kill a job, or a process that it has started."""
        if victim.name in STARTERS:
            self.life.start_job(victim.name)
        with suppress(TimeoutError):
            wait_until(lambda: self.find_job(victim), victim.name, patience)
            if victim.words != COPY:  # that one is over in a moment
                self.pause()
        pid = self.find_job(victim)
        return pid is not None and self.strike(self.random.choice(list_family(pid)), victim)

    def find_job(self, victim: Victim) -> int | None:
        """Return a process of a job. The first copy of init is the watch, which is no job."""
        words = " ".join(victim.words)
        found = sorted(pid for pid, line in self.life.box.processes().items() if words in line)
        return next(iter(found[victim.words == COPY :]), None)

    def kill_verb(self, victim: Victim) -> bool:
        process = self.life.open(*victim.words)
        self.started.append(process)
        self.pause()
        family = [pid for pid in list_family(process.pid) if pid != process.pid]
        return bool(family) and self.strike(self.random.choice(family), victim)

    def kill_anything(self, victim: Victim) -> bool:
        young = {
            pid for name in self.find_young()
            for pid in list_family(self.life.find_service(name))
        }  # fmt: skip
        pids = [
            pid for pid, words in self.life.box.processes().items()
            if words and pid not in young and not any(spared in words for spared in SPARED)
        ]  # fmt: skip
        return bool(pids) and self.strike(self.random.choice(pids), victim)

    def find_young(self) -> set[str]:
        """Return the services that have not lived for ten seconds yet."""
        return {name for name, state in self.life.services().items() if state.state != RUNNING}

    def pause(self) -> None:
        """Let it get somewhere: a random moment of its run."""
        pass_time(self.random.random() * LONGEST_RUN)

    def strike(self, pid: int, victim: Victim) -> bool:
        try:
            os.kill(pid, self.number)
        except ProcessLookupError:
            return False
        self.killed[str(victim)] += 1
        return True

    def kill_at_start(self) -> None:
        """Kill each job that only a start brings, once."""
        left = list(AT_START)

        def kill_those() -> bool:
            left[:] = [job for job in left if not self.kill_job(job, patience=0.0)]
            return not left

        with suppress(TimeoutError):
            wait_until(kill_those, "all of them", START)

    def kill_at_stop(self) -> None:
        """Have the life end, and kill what comes then."""
        os.kill(self.life.pid, signal.SIGTERM)
        for job in AT_STOP:
            with suppress(OSError):
                self.kill_job(job, patience=3.0)

    def clean(self) -> None:
        """Wait for the verbs that were not killed."""
        for process in self.started:
            process.wait(60)
        self.started.clear()
