"""The figures of all that shows how a workspace is: activity, metrics, page, reports, doctor."""

import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from statistics import median
from typing import Any

from agent.observe.activity.table import read_clock
from tests.bench import connections, processes
from tests.bench.life import read_ready
from tests.bench.refreshes import count_refreshes
from tests.bench.rows import MILLISECONDS, Options, Row
from tests.worlds.containers import DOCKER, MVP, Container, Recipe, running
from tests.worlds.waiting import DEADLINE, wait_until

PYTHON = ("/opt/devcopilot/bin/python", "-I", "-c")
METRICS_PORT, PAGE_PORT, CONTROL_PLANE_PORT = 9100, 8079, 9998
METRICS = f"http://127.0.0.1:{METRICS_PORT}/metrics"
PAGE = f"http://127.0.0.1:{PAGE_PORT}/"
SCRAPE_INTERVAL = 15.0
PROCESSES = 500
TOKEN = "ghp_benchmark0000000000000000000000000000"
REPORTING = (
    "-e", f"DEV8_METRICS_ADDRESS={METRICS_PORT}", "-e", "DEV8_IDLE_TIMEOUT=24h",
    "-e", f"SUPERVISOR_AGENT_BASE_URL=http://127.0.0.1:{CONTROL_PLANE_PORT}",
    "-e", "ENVIRONMENT_ID=bench",
)  # fmt: skip
"""All of it turned on."""

SAMPLE = """
import json, os, resource, statistics, subprocess, sys, time
import agent.init.supervisor  # all that init has loaded
from agent.init.children import Children
from agent.observe.activity import sample
from agent.workspace import activity_rules
folder = "/dev/shm/devcopilot-1000"
sleepers = [subprocess.Popen(["sleep", "600"]) for _ in range({processes})]
def look():
    sample.save(folder, sample.take(folder))
def read_bare():
    for name in os.listdir("/proc"):
        if name.isdigit():
            with open(f"/proc/{{name}}/stat", "rb", buffering=0) as file:
                file.read()
def measure(act):
    times = []
    for _ in range(21):
        begin = time.process_time()
        act()
        times.append(time.process_time() - begin)
    return statistics.median(times[1:])
def run(act):
    def used():
        found = resource.getrusage(resource.RUSAGE_CHILDREN)
        return found.ru_utime + found.ru_stime
    begin = used()
    for _ in range(10):
        act()
    return (used() - begin) / 10
def run_job():
    children, codes = Children(), []
    child = children.fork_script([activity_rules.SAMPLER], (), codes.append)
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    children.reap()
    assert codes == [0]
def start_python():
    subprocess.run([sys.executable, "-I", "-S", "-c", ""], check=True)
found = [measure(look), measure(read_bare), run(run_job), run(start_python)]
for each in sleepers:
    each.kill()
print(json.dumps(found))
"""
"""Processor seconds of: a sample, a bare look at the same processes, the job, a bare Python."""

ASK = """
import json, time, urllib.request
times = []
for _ in range({times}):
    begin = time.monotonic()
    with urllib.request.urlopen("{url}", timeout=30) as answer:
        size = len(answer.read())
    times.append(time.monotonic() - begin)
print(json.dumps([times, size]))
"""
SCRAPE = """
import time, urllib.request
end = time.monotonic() + {seconds}
while time.monotonic() < end:
    urllib.request.urlopen("{url}", timeout=30).read()
    time.sleep({interval})  # the measurement itself
"""
SECONDS = """
import subprocess, sys, time
begin = time.monotonic()
subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
print(time.monotonic() - begin)
"""


def measure_sample(options: Options) -> list[Row]:
    """Processor time of a sample of the activity with many processes, and of the whole job."""
    del options
    with running(Recipe(MVP, ("--network", "none"))) as box:
        box.wait_ready()
        found = json.loads(box.execute(*PYTHON, SAMPLE.format(processes=PROCESSES)))
    sample, bare, job, python = (seconds * MILLISECONDS for seconds in found)
    return [
        Row(f"a sample of the activity, {PROCESSES} processes", sample, 5, "ms of processor",
            f"a bare look at the same: {bare:.1f} ms"),
        Row("the job that takes it, in a copy of init", job, 15, "ms of processor",
            f"a bare Python: {python:.1f} ms"),
    ]  # fmt: skip


def measure_answers(options: Options) -> list[Row]:
    """Time until metrics and the page are there, when nobody serves yet and when somebody does."""
    cold: list[float] = []
    used: list[float] = []
    with running(Recipe(MVP, ("--network", "none", *REPORTING))) as box:
        box.wait_ready()
        ask(box, PAGE)
        for _ in range(options.runs):
            wait_until(lambda: not is_serving(box), "the end of the last answer")
            cold.append(ask(box, PAGE)[0][0])
            used.append(find_used(box))
        page, size = ask(box, PAGE, times=20)
        scrapes, _ = ask(box, METRICS, times=20)
        python = float(box.execute(*PYTHON, SECONDS, *PYTHON, ""))
    return [
        Row("the page, when nothing serves yet", median(cold) * MILLISECONDS, 150, "ms",
            f"a bare Python: {python * MILLISECONDS:.0f} ms"),
        Row("what serves it, from its start", median(used), 150, "ms of processor"),
        Row("the page, again", median(page) * MILLISECONDS, 20, "ms", f"{size / 1024:.0f} kB"),
        Row("a scrape, while scrapes come", median(scrapes) * MILLISECONDS, 30, "ms"),
    ]  # fmt: skip


def measure_doctor(options: Options) -> list[Row]:
    """Time of all checks that need no network."""
    with running(Recipe(MVP, ("--network", "none"))) as box:
        box.wait_ready()
        doctor, bare = (
            [float(box.execute(*PYTHON, SECONDS, *words)) for _ in range(options.runs)]
            for words in (("devcopilot", "doctor", "--offline"), ("devcopilot", "version"))
        )
    return [
        Row("devcopilot doctor --offline", median(doctor), 1.5, "s",
            f"devcopilot version: {median(bare):.2f} s")
    ]  # fmt: skip


def measure_cost(options: Options) -> list[Row]:
    """Processor time of the agent with a scrape each 15 s, samples and reports."""
    with watched() as box:
        script = SCRAPE.format(seconds=options.idle_seconds, url=METRICS, interval=SCRAPE_INTERVAL)
        main = int(box.inspect("{{.State.Pid}}"))
        before, begin = processes.agent_seconds(main), time.monotonic()
        limit = options.idle_seconds + SCRAPE_INTERVAL + DEADLINE
        subprocess.run([DOCKER, "exec", box.name, *PYTHON, script], check=True, timeout=limit)
        used, taken = processes.agent_seconds(main) - before, time.monotonic() - begin
    return [
        Row(f"processor over {taken:.0f} s: a scrape each 15 s, samples, reports",
            100 * used / taken, 0.3, "% of a core", f"{used:.2f} s")
    ]  # fmt: skip


def measure_presence(options: Options) -> list[Row]:
    """Time to ready, and memory of the resident processes, with all of it and in turn with none."""
    ready: dict[bool, list[float]] = {False: [], True: []}
    memory: dict[bool, list[int]] = {False: [], True: []}
    for _ in range(options.runs):
        for is_on in (False, True):
            words = REPORTING if is_on else ("-e", "DEV8_PAGE_PORT=0")
            with running(Recipe(MVP, ("--network", "none", *words))) as box:
                ready[is_on].append(read_ready(box))
                wait_until(partial(count_refreshes, box), "the first refresh")
                agents = processes.agent_processes(int(box.inspect("{{.State.Pid}}")))
                memory[is_on].append(sum(process.own_kib() for process in agents.values()))
    seconds, sizes = ({key: median(rows[key]) for key in rows} for rows in (ready, memory))
    return [
        Row("ready with metrics, page, samples and reports, against none of them",
            seconds[True] / seconds[False], 1.05, "times",
            f"{seconds[True]:.2f} s against {seconds[False]:.2f} s"),
        Row("memory of the resident processes, the same",
            sizes[True] / sizes[False], 1.02, "times",
            f"{sizes[True] / 1024:.2f} MB against {sizes[False] / 1024:.2f} MB; pages of files, "
            "which other containers share, not counted"),
    ]  # fmt: skip


@contextmanager
def watched() -> Iterator[Container]:
    """Yield a workspace with a token that reports to a control plane inside."""
    options = (*processes.NO_HEALTH_CHECK, *connections.FAKE_GITHUB_OPTIONS,
               "-e", f"GITHUB_TOKEN={TOKEN}", *REPORTING)  # fmt: skip
    with running(Recipe(MVP, options)) as box:
        connections.start_fake_github(box, TOKEN)
        argv = (*PYTHON[:2], "/fake/tests/fakes/control_plane.py", "127.0.0.1",
                str(CONTROL_PLANE_PORT))  # fmt: skip
        subprocess.run([DOCKER, "exec", "--detach", box.name, *argv], check=True)
        box.wait_ready()
        wait_until(lambda: count_refreshes(box) >= 1, "the first refresh")
        wait_until(lambda: box.has_run("setup"), "the end of what only a start costs")
        ask(box, METRICS)
        yield box


def ask(box: Container, url: str, times: int = 1) -> tuple[list[float], int]:
    """Ask so often, one after the other; return the seconds, and the bytes of the last answer."""
    found: list[Any] = json.loads(box.execute(*PYTHON, ASK.format(url=url, times=times)))
    return found[0], found[1]


def find_used(box: Container) -> float:
    """Return the milliseconds of processor that the process has used which serves now."""
    main = int(box.inspect("{{.State.Pid}}"))
    (serving,) = [each for each in processes.list_processes()
                  if each.parent == main and "serve" in each.argv]  # fmt: skip
    return read_clock(str(serving.pid)) / 1e6


def is_serving(box: Container) -> bool:
    """Tell whether somebody serves."""
    state = json.loads(box.execute("cat", "/dev/shm/devcopilot-1000/state.json"))
    return bool(state["jobs"]["serve"]["running"])


ALL = (
    ("the activity", measure_sample),
    ("metrics and the page", measure_answers),
    ("doctor", measure_doctor),
    ("scrapes, samples and reports", measure_cost),
    ("what it costs others", measure_presence),
)
