"""A day on which everything fails: each secret is only where docs/secrets-at-rest.md says.

One try is a workspace's whole life: a start with hooks that fail, every verb, refused tokens and
backups, a crash of each program, a replaced token, a restore, the stop. Arguments and environments
are looked at all the time, everything else at the end.
"""

import os
import random
import signal
import subprocess
import tarfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from io import BytesIO
from pathlib import Path

import pytest

from tests.e2e.conftest import make_login, write_secret
from tests.faults.image_lives import Sessions
from tests.faults.killer import Killer
from tests.faults.life import list_family
from tests.faults.secret_day import (
    CLEAN,
    GIFTS,
    PATIENCE,
    Day,
    Gift,
    living_a_day,
)
from tests.faults.tally import Tally
from tests.faults.victims import KEPT, Deck, Victim, list_jobs, list_services, list_verbs
from tests.worlds.containers import DOCKER, docker
from tests.worlds.programs import Awaited
from tests.worlds.secret_values import Trace, find_stale, find_unlisted, find_wide
from tests.worlds.waiting import wait_until

MORE_VERBS = (
    "status --json", "plan --json", "doctor --offline --json", "audit --json", "ports --json",
    "explain code-server", "explain talker", "log hooks:onCreate", "log tools:gemini", "log clone",
    "open --json", "backup list --json", "support-bundle --out -",
)  # fmt: skip
CRASHES = (signal.SIGSEGV, signal.SIGABRT)
CORE = "cd /tmp && ulimit -c unlimited && sh -c 'kill -SEGV $$'"
"""What leaves a core dump where the kernel writes one at all."""
FOUND: dict[str, set[Trace]] = {}
"""Day -> what was found on it."""
RESTORED = "/tmp/restored"
EXPECTED_PLACES = 500
"""A day looks at more than this; fewer prove nothing."""


def live(day: Day) -> str:
    """Return what was wrong on the day, in whatever time of it."""
    try:
        spend(day)
    except Exception as error:
        return f"{type(error).__name__}: {error}; {judge(day)}; {describe(day)}"
    return judge(day)


def describe(day: Day) -> str:
    with suppress(OSError):
        return day.life.describe()
    return day.life.tail()


def spend(day: Day) -> None:
    """Live through the day."""
    for hour in (tell_all, log_in, ask_for_verbs, replace_token, back_up, crash):
        hour(day)
        day.watch_on()
        print(f"{day.gift.name}: {hour.__name__}", flush=True)
    day.search()
    search_backup(day)
    end(day)


def tell_all(day: Day) -> None:
    """Wait until the hooks and the service have told all they know."""

    def has_told() -> bool:
        lines = day.container.logs().splitlines()
        return any("talker" in line and "told all" in line for line in lines)

    wait_until(has_told, "the service to tell all")
    day.run("devcopilot", "wait", "--for", "all", "--timeout", "50s")


def log_in(day: Day) -> None:
    """A person logs in, and shows the environment to somebody."""
    sessions = Sessions(day.life, day.login)
    sessions.log_in()
    said, _ = sessions.start("true; sleep 0.2; cat /proc/1/environ").communicate(timeout=60)
    day.hear("environment of PID 1", said)
    day.search()
    sessions.end()
    if pid := day.life.box.find("sleep 100000"):  # without a terminal nothing ends it
        os.kill(pid, signal.SIGTERM)


def ask_for_verbs(day: Day) -> None:
    """Call every verb there is, as people call them."""
    day.call(*(victim.words for victim in list_verbs()), *(verb.split() for verb in MORE_VERBS))


def replace_token(day: Day) -> None:
    """Give it another token, by the file; the one before is as secret as it was."""
    path = day.folder / "given/GITHUB_TOKEN"
    if not path.exists():
        os.kill(day.life.pid, signal.SIGUSR1)
        return
    day.values["GITHUB_TOKEN (before)"] = day.values["GITHUB_TOKEN"]
    day.values["GITHUB_TOKEN"] += "-second"
    path.unlink()
    write_secret(path, day.values["GITHUB_TOKEN"] + "\n")
    day.call(("refresh",))


REFRESH = Victim("verb", "refresh", ("refresh",))
"""What init would start the job by, USR1, goes to CMD where there is one."""


class Crasher(Killer):
    """Strikes at once, wherever that is in the victim's run."""

    def kill_job(self, victim: Victim, patience: float = 5.0) -> bool:
        """Look without a pause: some runs of a job are over in a moment."""
        self.life.start_job(victim.name)
        words = " ".join(victim.words)
        with suppress(TimeoutError):
            pid = wait_until(partial(self.life.box.find, words), victim.name, patience, share=0.0)
            return pid is not None and self.strike(pid, victim)
        return False


def crash(day: Day) -> None:
    """Have each program crash: what is kept, services, jobs, and restic."""
    killed: Counter[str] = Counter()
    killer = Crasher(day.life, Deck([], random.Random(1)), killed, random.Random(1))
    services = [*list_services(), Victim("service", "talker")]
    jobs = [job for job in list_jobs() if job.name in ("broker", "setup")]
    for killer.number in CRASHES:
        for victim in (*KEPT, *services, *jobs, REFRESH):
            wait_until(partial(killer.kill, victim), f"a crash of {victim}", PATIENCE)
            day.wait_healthy()
        wait_until(partial(strike_restic, day, killer), "a crash of restic", PATIENCE)
    killer.clean()
    day.run("sh", "-c", CORE)


def strike_restic(day: Day, killer: Killer) -> bool:
    """Have restic crash while a backup is made; tell whether it was met."""
    with Awaited[bytes](day.enter("devcopilot", "backup", "create"), stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL, env=CLEAN) as process:  # fmt: skip
        pid = 0
        while process.poll() is None and not pid:
            pid = find_below(process.pid, b"restic")
        return bool(pid) and killer.strike(pid, Victim("verb", "restic"))


def find_below(top: int, program: bytes) -> int:
    """Return a process below another one that runs this program; 0: there is none."""
    for pid in list_family(top):
        with suppress(OSError):
            if Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[0] == program:
                return pid
    return 0


def back_up(day: Day) -> None:
    """Make a backup, and let it be checked and restored."""
    for words in ("create", "list", "verify", "restore --yes --to /tmp/elsewhere"):
        day.call(("backup", *words.split()))


def search_backup(day: Day) -> None:
    """Look at all that comes out of the newest backup, with stock restic."""
    restic = ("devcopilot", "backup", "restic", "--target", "local", "--")
    said = day.run(*restic, "restore", "latest", "--target", RESTORED)
    assert b"restoring" in said, said
    found = day.search(folders=[RESTORED])
    places = {each: each.place.replace(RESTORED, "backup of ", 1) for each in found}
    day.traces -= found
    day.traces |= {Trace(place, each.name) for each, place in places.items()}


def end(day: Day) -> None:
    """Stop it, then look at what is left: the log, and what would be a layer of an image."""
    container = day.container
    _, code = container.stop()
    day.traces |= day.end_watch()
    day.hear("the log", container.logs().encode())
    if code:
        day.traces.add(Trace(f"exit code {code}", "an error"))
    if not day.gift.volumes:
        for path, content in read_layer(container.name):
            day.hear(path, content)


def read_layer(name: str) -> Iterator[tuple[str, bytes]]:
    """Yield the files that a container has added, as `docker commit` would keep them."""
    changed = {tuple(row.split(" ", 1)[1].split("/")[1:3])
               for row in docker("diff", name).splitlines() if not row.startswith("D")}  # fmt: skip
    for parts in sorted(parts for parts in changed if len(parts) > 1):
        path = "/" + "/".join(parts)
        done = subprocess.run([DOCKER, "cp", f"{name}:{path}", "-"], check=False,
                              capture_output=True)  # fmt: skip
        with tarfile.open(fileobj=BytesIO(done.stdout)) as archive:
            for entry in archive:
                if entry.isfile() and (file := archive.extractfile(entry)):
                    yield f"{Path(path).parent}/{entry.name}", file.read()


def judge(day: Day) -> str:
    """Return what is wrong with what was found."""
    unlisted = [(place, name) for place, name in find_unlisted(day.traces)
                if not is_core_of_ours(place, name)]  # fmt: skip
    wide = find_wide(day.traces)
    core = "" if has_core(day) else "a crash of ours left no core dump: the others prove nothing"
    few = f"only {day.places} places" if day.places < EXPECTED_PLACES else ""
    problems = [
        f"unlisted: {unlisted}" if unlisted else "",
        f"wide: {wide}" if wide else "",
        core,
        few,
    ]
    return "; ".join(filter(None, problems))


def is_core_of_ours(place: str, name: str) -> bool:
    return name == "a core dump" and place.startswith("/tmp/core")


def has_core(day: Day) -> bool:
    """Tell whether our own crash was found, where this kernel writes dumps to folders at all."""
    pattern = Path("/proc/sys/kernel/core_pattern").read_text()
    found = any(is_core_of_ours(each.place, each.name) for each in day.traces)
    return found or pattern.startswith(("|", "/"))


@pytest.mark.image
@pytest.mark.xdist_group("days")
@pytest.mark.parametrize("gift", GIFTS, ids=lambda gift: gift.name)
def test_a_day_of_errors_shows_no_secret(
    tally: Callable[[int], Tally], tmp_path: Path, gift: Gift
) -> None:
    count = tally(1)
    for number in count.tries():
        folder = tmp_path / str(number)
        folder.mkdir()
        with living_a_day(gift, folder, make_login(folder)) as day:
            count.count(live(day))
        FOUND.setdefault(gift.name, set()).update(day.traces)
    count.check()


@pytest.mark.image
@pytest.mark.xdist_group("days")
def test_the_list_allows_nothing_that_no_day_needs() -> None:
    if len(FOUND) < len(GIFTS):
        pytest.skip("not all days were tried")
    assert find_stale(trace for traces in FOUND.values() for trace in traces) == []
