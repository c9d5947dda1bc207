"""Starts, stops and memory, each of everybody in turn."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from tests.bench import connections, processes
from tests.bench.connections import Key
from tests.bench.rows import Options
from tests.bench.samples import Comparison, Samples
from tests.bench.versus.rivals import Rival, rivals
from tests.worlds.containers import (
    DOCKER,
    TOOLS,
    Container,
    answers_http,
    answers_ssh,
    docker,
    running,
)
from tests.worlds.waiting import watch_until

SERVICES = ("node", "sshd")
"""The programs behind them."""
REST = 30.0
"""Seconds for which the processor is watched."""
_SCRIPT = Path(__file__).parent / "editor.py"
SSH, PAGE, EDITOR = "start → ssh answers", "start → the editor answers", "start → usable editor"
STOP, MEMORY = "stop, with a tab and a session open", "memory beside the services (PSS)"
PROCESSOR = "processor at rest beside the services"
UNITS = {SSH: "s", PAGE: "s", EDITOR: "s", STOP: "s", MEMORY: "MB", PROCESSOR: "ms a minute"}


def compare_lives(options: Options) -> list[Comparison]:
    """Return what each start, stop and rest took and needed, of the agent and of the others."""
    found: dict[str, dict[str, list[float]]] = {figure: {} for figure in UNITS}
    with ExitStack() as stack:
        key = stack.enter_context(connections.ssh_key())
        others = stack.enter_context(rivals(key))
        browser = stack.enter_context(browsing())
        for turn in range(options.runs):
            for rival in others[turn % len(others) :] + others[: turn % len(others)]:
                for figure, value in live(rival, key, browser):
                    found[figure].setdefault(rival.name, []).append(value)
    return [
        Comparison(figure, UNITS[figure], {name: Samples(tuple(values))
                                           for name, values in measured.items()})
        for figure, measured in found.items() if measured
    ]  # fmt: skip


def live(rival: Rival, key: Key, browser: "Browser") -> Iterator[tuple[str, float]]:
    """Yield the figures of one life; one that cannot be measured is said, and left out."""
    try:
        with running(rival.recipe) as box:
            seconds = wait_for_both(box)
            yield from zip((SSH, PAGE), seconds, strict=True)
            yield EDITOR, browser.open(f"http://127.0.0.1:{box.ide_port}/") - box.started
            own = find_own(box)
            yield MEMORY, sum(each.pss_kib() for each in own) / 1024
            yield PROCESSOR, watch(box)
            with connections.ide_tab(box.ide_port), connections.ssh_session(box.ssh_port, key):
                taken, _ = box.stop()
            yield STOP, taken
    except (OSError, RuntimeError, TimeoutError, subprocess.SubprocessError) as error:
        print(f"    {rival.name}: {str(error)[:200]}", file=sys.stderr)


def wait_for_both(box: Container) -> tuple[float, float]:
    """Return the seconds until ssh and the editor answered."""
    seconds: dict[str, float] = {}

    def look() -> bool:
        if SSH not in seconds and answers_ssh(box.ssh_port):
            seconds[SSH] = time.monotonic() - box.started
        if PAGE not in seconds and answers_http(box.ide_port):
            seconds[PAGE] = time.monotonic() - box.started
        return len(seconds) == 2

    watch_until(look, "an answer of ssh and of the editor")
    return seconds[SSH], seconds[PAGE]


def find_own(box: Container) -> list[processes.Process]:
    """Return what runs beside the services: all that neither is one nor was started by one."""
    everything = {each.pid: each for each in processes.list_processes()}
    main = int(box.inspect("{{.State.Pid}}"))
    found = []
    for each in everything.values():
        line, is_inside = [each], each.pid == main
        while not is_inside and (parent := everything.get(line[-1].parent)):
            line.append(parent)
            is_inside = parent.pid == main
        if is_inside and not any(map(is_service, line)):
            found.append(each)
    return found


def is_service(process: processes.Process) -> bool:
    """Tell whether a process is code-server or sshd itself."""
    with suppress(OSError):  # it has ended meanwhile
        return Path(f"/proc/{process.pid}/exe").readlink().name in SERVICES
    return True


def watch(box: Container) -> float:
    """Return the milliseconds of processor that all of it takes in a minute of rest."""

    def used() -> float:
        return sum(each.cpu_seconds(with_children=True) for each in find_own(box))

    before, begin = used(), time.monotonic()
    time.sleep(REST)  # the measurement itself: nothing is waited for
    return (used() - before) * 1000 * 60 / (time.monotonic() - begin)


class Browser:
    """A real Chromium that runs already."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def open(self, url: str) -> float:
        """Return the moment (monotonic seconds) at which a person could work at this URL.

        Raises RuntimeError.
        """
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(f"{url}\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline().strip()
        try:
            return float(answer)
        except ValueError:
            raise RuntimeError(f"the browser cannot open {url}: {answer}") from None


@contextmanager
def browsing() -> Iterator[Browser]:
    """Run the browser of the tests' image on this machine's own network."""
    name = f"dev8-bench-browser-{time.monotonic_ns()}"
    options = ("--rm", "--interactive", "--name", name, "--network", "host")
    script = ("-v", f"{_SCRIPT}:/editor.py:ro", TOOLS, "python", "-u", "/editor.py")
    argv = [DOCKER, "run", *options, *script]
    with subprocess.Popen(
        argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        if process.stdout.readline() != "ready\n":
            raise RuntimeError(f"cannot start the browser: build {TOOLS} (`make test`)")
        try:
            yield Browser(process)
        finally:
            with suppress(subprocess.CalledProcessError):
                docker("rm", "--force", name)
