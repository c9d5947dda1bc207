"""The figures of the GitHub token: how fast it is looked up and published; that nothing grows."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

from tests.bench import connections, processes
from tests.bench.refreshes import count_refreshes, is_refreshing
from tests.bench.rows import Options, Row
from tests.worlds.containers import BASE, Container, Recipe, running
from tests.worlds.waiting import wait_until

TOKEN = "ghp_benchmark0000000000000000000000000000"
PYTHON = ("/opt/devcopilot/bin/python", "-I", "-c")
LOOKUP = """
import json, statistics, subprocess, sys, time
QUESTION = b"protocol=https\\nhost=github.com\\n\\n"
def measure(*argv):
    times = []
    for _ in range(51):
        start = time.monotonic()
        done = subprocess.run(argv, input=QUESTION, capture_output=True)
        times.append(time.monotonic() - start)
        assert b"password=" in done.stdout, done
    return statistics.median(times[1:])
from agent.workspace import git
helper = measure("sh", str(git.HELPER), "/dev/shm/devcopilot-1000", sys.executable, "get")
print(json.dumps([helper, measure("/opt/gh/bin/gh", "auth", "git-credential", "get")]))
"""
PUBLISH = """
import json, statistics, time
from datetime import timedelta
from agent.github.record import Record
from agent.github.store import Store
from agent.machine.secret import Secret
from agent.github.token import Token
from agent.github import gh
from agent.settings import context
current = context.load()
shelf, times = Store("github.com", current.facts), []
for number in range(21):
    token = Token("github.com", Secret(f"ghs_{number:036d}"),
                  expires=current.facts.clock.now() + timedelta(hours=1))
    start = time.monotonic()
    with shelf.locked():
        shelf.publish(token, Record("github.com"))
    gh.sign_in(current)
    times.append(time.monotonic() - start)
print(json.dumps(statistics.median(times[1:])))
"""
ROTATE = """
import json, os, subprocess, threading
from agent.github.record import Record
from agent.github.store import Store
from agent.machine.secret import Secret
from agent.github.token import Token
from agent.github import gh
from agent.settings import context
current = context.load()
shelf, over, bad, reads = Store("github.com", current.facts), threading.Event(), [], []
environ = {name: os.environ[name] for name in os.environ if name != "GITHUB_TOKEN"}
def read():
    while not over.is_set():
        done = subprocess.run(["/opt/gh/bin/gh", "auth", "token"], env=environ,
                              capture_output=True, text=True)
        reads.append(1)
        if done.returncode or len(done.stdout.strip()) != 40:
            bad.append(done.stdout + done.stderr)
def rotate(number):
    shelf.publish(Token("github.com", Secret(f"ghs_{number:036d}")), Record("github.com"))
    gh.sign_in(current)
rotate(0)
threads = [threading.Thread(target=read) for _ in range(8)]
for thread in threads: thread.start()
for number in range(1, 1001): rotate(number)
over.set()
for thread in threads: thread.join()
print(json.dumps([len(bad), len(reads)]))
"""


@contextmanager
def workspace() -> Iterator[Container]:
    """A workspace with a token, whose GitHub is a fake beside it."""
    recipe = Recipe(BASE, (*connections.FAKE_GITHUB_OPTIONS, "-e", f"GITHUB_TOKEN={TOKEN}"))
    with running(recipe) as box:
        connections.start_fake_github(box, TOKEN)
        box.wait_ready()
        wait_until(lambda: count_refreshes(box) >= 1, "the first refresh")
        yield box


def measure_lookup(options: Options) -> list[Row]:
    """Time of git's helper, against gh's own in the same run."""
    with workspace() as box:
        helper, gh = json.loads(box.execute(*PYTHON, LOOKUP))
    return [
        Row("git's helper, a fresh token, median of 50", helper * 1000, 3, "ms"),
        Row("the same against gh auth git-credential", helper / gh, 0.05, "times",
            f"{helper * 1000:.1f} ms against {gh * 1000:.0f} ms"),
    ]  # fmt: skip


def measure_publication(options: Options) -> list[Row]:
    """Time from a new token to git and gh having it, and reads of gh while it is replaced."""
    with workspace() as box:
        seconds = json.loads(box.execute(*PYTHON, PUBLISH))
        bad, reads = json.loads(box.execute(*PYTHON, ROTATE))
    return [
        Row("token made → git and gh have it", seconds * 1000, 50, "ms"),
        Row("1,000 rotations under 8 gh: empty or torn reads", bad, 0, "", f"of {reads} reads"),
    ]


def measure_growth(options: Options) -> list[Row]:
    """Memory of the resident processes after many refreshes: 1,000 in the full benchmark."""
    wanted = 1000 if options.idle_seconds >= 600 else 50
    with workspace() as box:
        refresh(box, 3)
        agents = processes.agent_processes(int(box.inspect("{{.State.Pid}}")))
        before = sum(process.own_kib() for process in agents.values())
        refresh(box, wanted)
        after = sum(process.own_kib() for process in agents.values())
    return [
        Row(f"memory of the resident processes after {wanted} refreshes, against before",
            after / before, 1.02, "times",
            f"{before / 1024:.2f} MB before, {after / 1024:.2f} MB after; pages of files, which "
            "other containers share, not counted"),
    ]  # fmt: skip


def refresh(box: Container, wanted: int) -> None:
    """Refresh until it has been done so often."""
    while count_refreshes(box) < wanted:
        box.execute("kill", "-USR1", "1")
        wait_until(lambda: not is_refreshing(box), "the end of a refresh")


ALL = (
    ("the token: lookup", measure_lookup),
    ("the token: publication", measure_publication),
    ("the token: memory", measure_growth),
)
