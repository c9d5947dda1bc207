"""Logins by ssh work whatever the environment is and whoever else knocks, and `health` sees it."""

import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.e2e.conftest import Login
from tests.worlds.containers import BASE, DOCKER, HARDENED, Container, Recipe, running
from tests.worlds.programs import Awaited
from tests.worlds.waiting import wait_until

LINKS = {
    f"APP_{number}_{end}": "tcp://10.0.0.1:80"
    for number in range(150)
    for end in ("SERVICE_HOST", "SERVICE_PORT", "PORT", "PORT_80_TCP", "PORT_80_TCP_PROTO",
                "PORT_80_TCP_PORT", "PORT_80_TCP_ADDR")
}  # fmt: skip
"""What Kubernetes adds in a namespace with 150 Services."""
MANY = {f"VARIABLE_{number}": "x" for number in range(3000)}
LARGE = {f"VARIABLE_{number}": "x" * 50_000 for number in range(8)}
RETRIES = 3
"""How often an engine asks before it calls a container unhealthy."""
RUNTIME = "/dev/shm/devcopilot-1000"


@pytest.mark.parametrize(
    ("environment", "least"),
    [(LINKS, 890), (MANY, 890), (LARGE, 3)],
    ids=["links", "many", "large"],
)
def test_a_login_works_whatever_the_environment_is(
    environment: dict[str, str], least: int, login: Login, tmp_path: Path
) -> None:
    file = tmp_path / "environment"
    lines = [f"{name}={value}\n" for name, value in {"WANTED": "", **environment}.items()]
    file.write_text("".join(lines))
    with running(with_key(login, "--env-file", str(file))) as box:
        box.wait_ready()
        got = dict(line.partition("=")[::2] for line in login.run(box, "env").splitlines())
        assert got["WANTED"] == ""
        assert got["PATH"] == box.execute("bash", "-lc", "printenv PATH")
        assert len(environment.keys() & got.keys()) >= least
        lines = [event["message"] for event in box.events()]
        assert len([line for line in lines if line.startswith("ssh sessions lack")]) == 1


def with_key(login: Login, *options: str) -> Recipe:
    return Recipe(BASE, (*HARDENED, "-e", f"SSH_PUBLIC_KEY={login.public}", *options))


@pytest.fixture(scope="module")
def open_box(login: Login) -> Iterator[Container]:
    with running(with_key(login)) as box:
        box.wait_ready()
        yield box


FLOOD = """
import select, socket, sys
sources, each = map(int, sys.argv[1:])

def call(number):
    source = f"127.0.1.{number % sources + 1}", 0
    try:
        return socket.create_connection(("127.0.0.1", 2222), 5, source)
    except OSError:
        return None

calls = [call(number) for number in range(sources * each)]
print("full", flush=True)
for number in range(12_000):
    if select.select([sys.stdin], [], [], 0.05)[0]:
        break
    calls[number % len(calls)] = call(number)
"""
"""Keeps so many connections open, and opens 20 new ones a second, without ever logging in.

Until its input ends, or for ten minutes.
"""


@contextmanager
def flood(box: Container, sources: int, each: int) -> Iterator[None]:
    """Let so many sources hold so many connections each."""
    words = ("/opt/devcopilot/bin/python", "-c", FLOOD, str(sources), str(each))
    with Awaited[bytes](
        [DOCKER, "exec", "-i", box.name, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == b"full\n"
        yield
        assert process.poll() is None, "it ended before the others were done"
        process.communicate()


def test_the_probe_leaves_no_line_in_the_log(open_box: Container) -> None:
    """Before the floods, whose connections sshd goes on to tell of for a while."""
    before = len(open_box.events())
    assert open_box.call("devcopilot", "health").returncode == 0
    assert [event for event in open_box.events()[before:] if event["source"] == "sshd"] == []


def test_a_flood_from_one_source_keeps_nobody_else_out(open_box: Container, login: Login) -> None:
    with flood(open_box, sources=1, each=120):
        for _ in range(10):
            assert login.run(open_box, "echo in") == "in\n"
        assert open_box.call("devcopilot", "health").returncode == 0


def test_a_flood_from_everywhere_does_not_make_the_container_unhealthy(open_box: Container) -> None:
    """Who restarts it ends what the user has open, and nobody gets in more easily."""
    with flood(open_box, sources=20, each=20):
        for _ in range(5):
            codes = (open_box.call("devcopilot", "health").returncode for _ in range(RETRIES))
            assert 0 in codes, "each of them failed"


@contextmanager
def forwarded(box: Container, login: Login, path: str, folder: Path) -> Iterator[Path]:
    """Forward a Unix socket of the workspace to one in this folder, as far as sshd lets us."""
    here = folder / "socket"
    words = ("-N", "-L", f"{here}:{path}", "-p", str(box.ssh_port), "dev8@127.0.0.1")
    with Awaited[bytes](["ssh", *login.options(), *words]) as process:
        try:
            wait_until(lambda: listens(here), "a socket at this end")
            yield here
        finally:
            process.terminate()


def listens(path: Path) -> bool:
    """Tell whether somebody accepts at a Unix socket: it has its name a moment before."""
    with socket.socket(socket.AF_UNIX) as connection:
        return connection.connect_ex(str(path)) == 0


def knock(path: Path) -> bytes:
    """Return the first bytes that a server at a Unix socket answers; none: it hung up."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(60)
        connection.connect(str(path))
        with suppress(ConnectionError):
            connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
            return connection.recv(4)
    return b""


@pytest.mark.parametrize(
    ("options", "answer"),
    [("", b"HTTP"), ('command="true" ', b"")],
    ids=["free", "limited"],
)
def test_a_key_for_one_command_does_not_reach_the_sockets(
    login: Login, tmp_path: Path, options: str, answer: bytes
) -> None:
    recipe = Recipe(BASE, (*HARDENED, "-e", f"SSH_PUBLIC_KEY={options}{login.public}"))
    with running(recipe) as box:
        box.wait_ready()
        with forwarded(box, login, f"{RUNTIME}/supervisord.sock", tmp_path) as here:
            assert knock(here) == answer


def test_a_key_for_one_port_removes_no_file(login: Login) -> None:
    """For a socket to listen on, sshd would remove it; ssh ends where it cannot forward."""
    limits = 'restrict,port-forwarding,permitopen="localhost:3000",permitlisten="3000" '
    recipe = Recipe(BASE, (*HARDENED, "-e", f"SSH_PUBLIC_KEY={limits}{login.public}"))
    with running(recipe) as box:
        box.wait_ready()
        box.execute("sh", "-c", "echo precious >~/file")
        options = ("-N", "-o", "ExitOnForwardFailure=yes", "-R", "/home/dev8/file:/nowhere")
        done = subprocess.run(
            ["ssh", *login.options(), *options, "-p", str(box.ssh_port), "dev8@127.0.0.1"],
            check=False, capture_output=True, text=True, timeout=120,
        )  # fmt: skip
        assert done.returncode == 255
        assert box.execute("cat", "/home/dev8/file") == "precious"


def test_the_probes_key_opens_nothing(open_box: Container) -> None:
    assert open_box.call("devcopilot", "health").returncode == 0
    key = f"{RUNTIME}/probe_key"
    assert open_box.execute("stat", "-c", "%a", key) == "600"
    done = open_box.call(
        "ssh", "-i", key, "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=no",
        "-o", "UserKnownHostsFile=/dev/null", "-p", "2222", "127.0.0.1", "true",
    )  # fmt: skip
    assert "Permission denied (publickey)" in done.stderr


def test_health_sees_that_logins_fail_though_sshd_greets(login: Login) -> None:
    with running(with_key(login)) as box:
        box.wait_ready()
        (pid,) = [row["pid"] for row in box.status()["services"] if row["name"] == "sshd"]
        words = " ".join(f"V{number}=x" for number in range(1000))
        box.execute("sed", "-i", f"s/^SetEnv.*/SetEnv {words}/", f"{RUNTIME}/sshd_config")
        box.execute("kill", str(pid))
        done = wait_until(lambda: find_greeting(box), "sshd greets again")
        assert done
        assert (done.returncode, done.stdout) == (
            1, "sshd: logins fail: child_set_env: too many env vars\n",
        )  # fmt: skip
        with pytest.raises(subprocess.CalledProcessError):
            login.run(box, "true")


def find_greeting(box: Container) -> "subprocess.CompletedProcess[str] | None":
    """Return what `health` says once somebody listens."""
    done = box.call("devcopilot", "health")
    return None if "nothing listens" in done.stdout else done
