"""How figures grow with what a workspace has: files, services, keys, tokens, log lines, waits."""

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.bench import connections
from tests.bench.connections import Key
from tests.bench.life import CPU, WATCHED
from tests.bench.rows import Options
from tests.bench.samples import Samples, Series
from tests.bench.starts import fill, seconds_to_ide, volume
from tests.bench.versus.rivals import OURS, SUPERVISORD, TINI, Rival, rivals
from tests.worlds.containers import MVP, Container, Recipe, docker, running
from tests.worlds.waiting import wait_until, watch_until

FILES = (10, 1_000, 20_000, 200_000)
SERVICES = (1, 10, 25, 50)
KEYS = (1, 100, 1_000, 10_000)
HOSTS = (1, 10, 100, 1_000)
MEGABYTES = (1, 10, 100)
WAITS = (1, 10, 25, 50)
GH = "gh auth setup-git"
_LOOKUP = """
import json, os, statistics, subprocess, sys, time
last, token, with_gh = json.loads(sys.argv[1])
if with_gh:
    os.environ |= {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": "/tmp/with-gh"}
    open("/tmp/with-gh", "w").close()
    subprocess.run(["/opt/gh/bin/gh", "auth", "setup-git"], check=True)
question = f"protocol=https\\nhost={last}\\n\\n".encode()
times = []
for _ in range(22):
    begin = time.monotonic()
    done = subprocess.run(["git", "credential", "fill"], input=question, capture_output=True)
    times.append(time.monotonic() - begin)
    assert f"password={token}".encode() in done.stdout, done
print(statistics.median(times[2:]))
"""
"""Prints the median of the seconds that git needs for a token."""
_WRITER = """
import os, sys, time
while not os.path.exists("/tmp/go"):
    time.sleep(0.01)
line = b"x" * 99 + b"\\n"
begin = time.monotonic()
for _ in range(int(sys.argv[1]) * 100):
    os.write(1, line * 100)
with open("/tmp/done.new", "w") as file:
    file.write(str(time.monotonic() - begin))
os.rename("/tmp/done.new", "/tmp/done")
time.sleep(1e6)
"""
"""Writes so many megabytes, in pieces of 10 kB, and says how long that took."""

Measure = Callable[[Rival, int], float]


def grow(options: Options) -> list[Series]:
    """Return all series."""
    with ExitStack() as stack:
        key = stack.enter_context(connections.ssh_key())
        known = {each.name: each for each in stack.enter_context(rivals(key))}
        known[GH] = Rival(GH, known[OURS].recipe)
        plan: tuple[tuple[str, str, str, tuple[int, ...], Measure, tuple[str, ...]], ...] = (
            ("start → the editor answers", "s", "files in the workspace", FILES,
             time_with_files, (OURS, TINI)),
            ("start → the editor answers", "s", "services", SERVICES,
             time_with_services, (OURS, SUPERVISORD)),
            ("start → a person is logged in by ssh", "s", "lines in authorized_keys", KEYS,
             lambda rival, size: time_with_keys(rival, size, key), (OURS, TINI)),
            ("start → the editor answers", "s", "GitHub hosts with a token", HOSTS,
             time_with_hosts, (OURS, TINI)),
            ("git asks for a token", "ms", "GitHub hosts with a token", HOSTS,
             time_lookup, (OURS, GH)),
            ("a service writes its log", "s", "megabytes", MEGABYTES,
             time_with_lines, (OURS, TINI)),
            ("processor for `devcopilot wait`", "% of a core", "waits at once", WAITS,
             measure_waits, (OURS,)),
        )  # fmt: skip
        return [
            Series(figure, unit, size, sample(options, sizes, measure, [known[n] for n in names]))
            for figure, unit, size, sizes, measure, names in plan
        ]


def sample(
    options: Options, sizes: tuple[int, ...], measure: Measure, who: list[Rival]
) -> dict[str, dict[int, Samples]]:
    """Return what was measured of each for each size, in turn."""
    found: dict[str, dict[int, list[float]]] = {each.name: {} for each in who}
    for _ in range(options.runs):
        for size in sizes:
            for rival in who:
                found[rival.name].setdefault(size, []).append(measure(rival, size))
    return {
        name: {size: Samples(tuple(values)) for size, values in line.items()}
        for name, line in found.items()
    }


def time_with_files(rival: Rival, files: int) -> float:
    """Return the seconds until the editor answers, with so many files in the workspace."""
    with volume() as name:
        fill(name, files)
        return time_to_ide(rival, ("-v", f"{name}:/workspace"))


def time_with_services(rival: Rival, services: int) -> float:
    """Return the seconds until the editor answers, with so many services beside it."""
    with TemporaryDirectory(prefix="dev8-services-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        if rival.name == OURS:
            for number in range(services):
                path = folder / f"service{number}.toml"
                path.write_text('command = ["sleep", "infinity"]\n')
            return time_to_ide(rival, ("-v", f"{folder}:/etc/devcopilot/services.d:ro"))
        programs = "".join(
            f"[program:service{number}]\ncommand=sleep infinity\n" for number in range(services)
        )
        (folder / "more.conf").write_text(programs)
        return time_to_ide(rival, ("-v", f"{folder}:/etc/supervisor:ro"))


def time_with_keys(rival: Rival, keys: int, key: Key) -> float:
    """Return the seconds until a login has run a command; the key that fits is the last one."""
    line = key.public.split()
    others = "".join(
        f"{line[0]} {line[1][:-6]}{number:06d} other{number}\n" for number in range(keys - 1)
    )
    with TemporaryDirectory(prefix="dev8-keys-") as name:
        path = Path(name) / "authorized_keys"
        path.write_text(f"{others}{key.public}\n")
        where = "/home/dev8/.ssh" if rival.name == OURS else "/versus-keys"
        with volume() as kept:
            docker("run", "--rm", "-v", f"{kept}:{where}", "-v", f"{name}:/given:ro",
                   "--user", "0", "--entrypoint", "sh", MVP, "-c",
                   f"cp /given/authorized_keys {where}/ && chown -R 1000:1000 {where} && "
                   f"chmod 700 {where} && chmod 600 {where}/*")  # fmt: skip
            with running(add(rival, ("-v", f"{kept}:{where}"))) as box:
                watch_until(lambda: logs_in(box, key), "a login")
                return time.monotonic() - box.started


def logs_in(box: Container, key: Key) -> bool:
    """Tell whether a login runs a command."""
    argv = ["ssh", "-i", str(key.private), "-p", str(box.ssh_port), "-o", "BatchMode=yes",
            "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null",
            "-o", "LogLevel=ERROR", "dev8@127.0.0.1", "true"]  # fmt: skip
    return subprocess.run(argv, check=False, capture_output=True, timeout=60).returncode == 0


def time_with_hosts(rival: Rival, hosts: int) -> float:
    """Return the seconds until the editor answers, with a token for so many hosts."""
    with tokens(hosts) as options:
        return time_to_ide(rival, options)


def time_lookup(rival: Rival, hosts: int) -> float:
    """Return the milliseconds that `git credential fill` needs for the last one of so many hosts.

    gh is set up by itself for the same hosts, from the logins that the agent gave it.
    """
    with tokens(hosts) as options, running(add(rival, options)) as box:
        box.wait_ready()
        asked = json.dumps([make_host(hosts), make_token(hosts), rival.name == GH])
        return 1000 * float(box.execute("python3", "-c", _LOOKUP, asked))


@contextmanager
def tokens(hosts: int) -> Iterator[tuple[str, ...]]:
    """Yield options that give a container a token for each of so many hosts."""
    with TemporaryDirectory(prefix="dev8-hosts-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        for number in range(1, hosts + 1):
            (folder / f"{number}").write_text(make_token(number))
            (folder / f"{make_host(number)}.toml").write_text(
                f'token_file = "/tokens/{number}"\napi_url = "http://127.0.0.1:1"\n'
            )
        yield ("-v", f"{folder}:/etc/devcopilot/hosts.d:ro", "-v", f"{folder}:/tokens:ro")


def make_host(number: int) -> str:
    """Return the name of a host."""
    return f"ghe{number}.example.com"


def make_token(number: int) -> str:
    """Return its token."""
    return f"ghp_{number:036d}"


def time_with_lines(rival: Rival, megabytes: int) -> float:
    """Return the seconds that a service needs to write so much."""
    with TemporaryDirectory(prefix="dev8-lines-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "writer.py").write_text(_WRITER)
        argv = ("python3", "/lines/writer.py", str(megabytes))
        mount = ("-v", f"{folder}:/lines:ro")
        if rival.name == OURS:
            words = ", ".join(f'"{word}"' for word in argv)
            (folder / "writer.toml").write_text(f"command = [{words}]\n")
            recipe = add(rival, (*mount, "-e", "DEV8_SERVICES_DIR=/lines"))
        else:
            recipe = Recipe(MVP, ("--init", "--entrypoint", argv[0], *mount), argv[1:])
        with running(recipe) as box:
            if rival.name == OURS:
                box.wait_ready()
            box.execute("touch", "/tmp/go")
            wait_until(lambda: box.call("test", "-e", "/tmp/done").returncode == 0, "its end", 300)
            return float(box.execute("cat", "/tmp/done"))


def measure_waits(rival: Rival, waits: int) -> float:
    """Return the share of a processor that so many waits take."""
    with running(rival.recipe) as box:
        box.wait_ready()
        return 100 * float(box.execute("python3", "-c", CPU.format(waits=waits, seconds=WATCHED)))


def time_to_ide(rival: Rival, options: tuple[str, ...]) -> float:
    """Return the seconds until the editor answers."""
    with running(add(rival, options)) as box:
        return seconds_to_ide(box)


def add(rival: Rival, options: tuple[str, ...]) -> Recipe:
    """Return how it is started with further options of the engine."""
    return Recipe(rival.recipe.image, (*rival.recipe.options, *options), rival.recipe.command)
