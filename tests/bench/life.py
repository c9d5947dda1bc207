"""The figures of the workspace's life: what units cost, and what waiting for them costs."""

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from tests.bench.rows import MILLISECONDS, Options, Row
from tests.worlds.containers import MVP, Container, Recipe, running
from tests.worlds.git_host import GitHost
from tests.worlds.vsix import make_vsix
from tests.worlds.waiting import wait_until

GIT_HOST = Path(__file__).parents[1] / "worlds" / "git_host.py"
"""Which needs nothing else of ours."""
PORT = 9080
URL = f"http://127.0.0.1:{PORT}/octo/demo"
WORK = (
    "-e", f"DEV8_REPOSITORIES={URL}", "-e", "DEV8_TRUST=trusted",
    "-e", f"DEV8_DOTFILES=http://127.0.0.1:{PORT}/octo/dotfiles",
    "-e", "DEV8_EXTENSIONS_DIR=/files/vsix",
)  # fmt: skip
"""A clone, a hook, dotfiles and extensions."""
MEGABYTES = 1000
EXTENSIONS = 10
WAITS = 50
WATCHED = 10.0
"""Seconds for which waits are watched."""
SERVE = f"""
import sys; sys.path.insert(0, "/files")
from pathlib import Path
from git_host import GitHost
class Told(list):
    def append(self, path):
        print("asked", path, flush=True)
host = GitHost(Path("/files/host"), {PORT})
host.asked = Told()
host.server.serve_forever()
"""
SERVER = ("python3", "-c", SERVE)
CONFIGURE = """
import subprocess, time
begin = time.monotonic()
subprocess.run(["devcopilot", "configure"], check=True, capture_output=True)
print(time.monotonic() - begin)
"""
CLONE = """
cd /workspace && rm -rf bare demo && sync && t=$(date +%s%N) && {command} >&2 &&
echo $(($(date +%s%N) - t))
"""
"""Each writes to the same disk, which has nothing else left to write."""
PLAIN, OURS = f"git clone -q {URL} bare", f"devcopilot clone {URL}"
CPU = """
import os, subprocess, sys, time
waits = [subprocess.Popen(["devcopilot", "wait", "--for", "done:never"]) for _ in range({waits})]
def cpu():
    ticks = 0
    for each in waits:
        rest = open(f"/proc/{{each.pid}}/stat").read().rpartition(")")[2].split()
        ticks += int(rest[11]) + int(rest[12])
    return ticks / os.sysconf("SC_CLK_TCK")
last = cpu()
while True:  # until all of them sleep
    time.sleep(3)
    now = cpu()
    if now - last < 0.05:
        break
    last = now
begin = cpu()
time.sleep({seconds})
print((cpu() - begin) / {seconds})
for each in waits:
    each.kill()
"""


@contextmanager
def served(megabytes: int, hook: int = 30) -> Iterator[tuple[str, ...]]:
    """Yield the options with which a container has what a git server inside serves.

    A hook of the repository takes `hook` seconds.
    """
    with tempfile.TemporaryDirectory(prefix="bench-life-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        shutil.copy(GIT_HOST, folder)
        (folder / "host").mkdir()
        (folder / "vsix").mkdir()
        host = GitHost(folder / "host")
        host.server.server_close()
        tree = host.add("octo/demo")
        for number in range(megabytes):
            (tree / f"noise{number}").write_bytes(os.urandom(1 << 20))
        host.commit(tree, {".devcontainer.json": f'{{"postCreateCommand": "sleep {hook}"}}'})
        host.add("octo/dotfiles", {".vimrc": "set number\n"})
        shutil.rmtree(tree.parent)
        for number in range(EXTENSIONS):
            path = folder / f"vsix/extension{number}.vsix"
            path.write_bytes(make_vsix(f"octo.extension{number}"))
        yield ("-v", f"{folder}:/files:ro")


def measure_clone(options: Options) -> list[Row]:
    """Time of a clone by the agent, in turn with plain `git clone` of the same repository."""
    ours: list[float] = []
    plain: list[float] = []
    with served(MEGABYTES // 5) as mount:
        recipe = Recipe(MVP, ("--network", "none", *mount), SERVER, False)
        with running(recipe) as box:
            box.wait_ready()
            for run in range(3 * options.runs):  # the disk alone makes a tenth of difference
                turns = ((PLAIN, plain), (OURS, ours))
                for command, seconds in turns if run % 2 else reversed(turns):
                    script = CLONE.format(command=command)
                    seconds.append(int(box.execute("sh", "-c", script)) / 1e9)
    return [
        Row(
            "a clone, against plain git clone",
            median(ours) / median(plain),
            1.05,
            "times",
            f"{median(ours):.2f} s against {median(plain):.2f} s",
        )
    ]


def measure_ready(options: Options) -> list[Row]:
    """Time until the workspace is ready with much to do afterwards, in turn with nothing to do."""
    busy: list[float] = []
    idle: list[float] = []
    with served(MEGABYTES) as mount:
        for _ in range(options.runs):
            for extra, seconds in (((), idle), (WORK, busy)):
                recipe = Recipe(MVP, ("--network", "none", *mount, *extra), SERVER, False)
                with running(recipe) as box:
                    seconds.append(read_ready(box))
    return [
        Row(
            "ready with 1 GB, dotfiles, hooks and 10 extensions waiting, against nothing",
            median(busy) / median(idle),
            1.05,
            "times",
            f"{median(busy):.2f} s against {median(idle):.2f} s",
        )
    ]


def measure_again(options: Options) -> list[Row]:
    """What a second start costs with everything done: `configure`, in turn with that of nothing."""
    busy: list[float] = []
    idle: list[float] = []
    with served(MEGABYTES // 50, hook=0) as mount:
        plain = Recipe(MVP, ("--network", "none", *mount), SERVER, False)
        worked = Recipe(MVP, (*plain.options, *WORK), SERVER, False)
        with running(plain) as nothing, running(worked) as box:
            nothing.wait_ready()
            finish(box)
            first = count_requests(box)
            box.stop()
            box.start()
            finish(box)
            requests = count_requests(box) - first
            for _ in range(4 * options.runs):
                for each, seconds in ((nothing, idle), (box, busy)):
                    seconds.append(float(each.execute("python3", "-c", CONFIGURE)))
    more = (median(busy) - median(idle)) * MILLISECONDS
    note = f"{median(busy):.3f} s against {median(idle):.3f} s"
    return [
        Row("configure with a clone, dotfiles, hooks and extensions done", more, 20, "ms", note),
        Row("requests of a second start with all of them done", requests, 0, ""),
    ]


def finish(box: Container) -> None:
    """Wait until all work is done."""
    box.wait_ready()
    box.execute("devcopilot", "wait", "--for", "all", "--timeout", "3m")


def count_requests(box: Container) -> int:
    """Return how often the server inside was asked, in all lives of the container."""
    return sum("asked /" in line for line in box.logs().split("\n"))


def read_ready(box: Container) -> float:
    """Return the seconds until the workspace was ready, as init has counted them."""

    def find() -> list[float]:
        return [
            float(event["seconds"]) for event in box.events() if "READY in" in str(event["message"])
        ]

    return wait_until(find, "READY")[0]


def measure_waits(options: Options) -> list[Row]:
    """Processor time of many waits that go on at once."""
    del options
    with running(Recipe(MVP, ("--network", "none"))) as box:
        box.wait_ready()
        time.sleep(2)
        share = float(box.execute("python3", "-c", CPU.format(waits=WAITS, seconds=WATCHED)))
    return [Row(f"{WAITS} waits at once, share of a processor", share * 100, 1, "%")]


ALL = (
    ("clone, against plain git", measure_clone),
    ("ready, with much to do afterwards", measure_ready),
    ("second start, with everything done", measure_again),
    ("waits", measure_waits),
)
