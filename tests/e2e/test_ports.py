"""The ports of a workspace, as those who use it see and open them."""

import http.client
import json
import subprocess
from collections.abc import Iterator
from contextlib import closing
from typing import Any
from urllib.parse import quote, urlencode

import pytest

from tests.worlds.containers import DOCKER, HARDENED, MVP, Container, Recipe, running
from tests.worlds.waiting import wait_until

PASSWORD = "correct horse"
OPTIONS = (
    *HARDENED, "--sysctl", "net.ipv6.conf.lo.disable_ipv6=0",
    "-e", f"CODE_SERVER_PASSWORD={PASSWORD}", "-e", "DEV8_PORTS=3001=shown",
    "-e", "DEV8_PUBLIC_URL=https://dev.example.com/octo",
    "-e", "SSH_PUBLIC_KEY=ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBVO3AbcnVzaB0UqdDRzXZkzqkYpXhzXZvLBX"
    "k1ZkZgQ",
)  # fmt: skip
SERVER = """
import http.server, socket, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(f"the page at {self.path}".encode())
    def log_message(self, *words): pass
class Server(http.server.HTTPServer):
    address_family = socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET
Server((sys.argv[1], int(sys.argv[2])), Handler).serve_forever()
"""


@pytest.fixture(scope="module")
def box() -> Iterator[Container]:
    with running(Recipe(MVP, OPTIONS)) as made:
        made.wait_ready()
        write = "cat > /workspace/server.py"
        argv = [DOCKER, "exec", "-i", made.name, "sh", "-c", write]
        subprocess.run(argv, input=SERVER, text=True, check=True, timeout=60)
        yield made


def serve(box: Container, address: str, port: int, user: str = "") -> None:
    """Have a program in the workspace listen."""
    words = ("python3", "/workspace/server.py", address, str(port))
    as_user = ("-u", user) if user else ()
    subprocess.run([DOCKER, "exec", "-d", "-w", "/workspace", *as_user, box.name, *words],
                   check=True, timeout=60)  # fmt: skip
    box.execute("devcopilot", "wait", "--for", f"port:{port}", "--timeout", "110s")


def list_ports(box: Container, *options: str) -> dict[int, dict[str, Any]]:
    rows = json.loads(box.execute("devcopilot", "ports", "--json", *options))
    return {row["port"]: row for row in rows}


def get(box: Container, path: str, cookie: str = "") -> tuple[int, str]:
    """Return status and text of a page of the editor."""
    with closing(http.client.HTTPConnection("127.0.0.1", box.ide_port, timeout=60)) as connection:
        connection.request("GET", path, headers={"Cookie": cookie} if cookie else {})
        response = connection.getresponse()
        return response.status, response.read().decode()


def log_in(box: Container) -> str:
    """Return the cookie of a session."""
    with closing(http.client.HTTPConnection("127.0.0.1", box.ide_port, timeout=60)) as connection:
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        connection.request("POST", "/login", urlencode({"password": PASSWORD}), headers)
        response = connection.getresponse()
        assert response.status == 302
        return (response.getheader("Set-Cookie") or "").partition(";")[0]


def test_an_address_opens_the_page_behind_the_editors_login(box: Container) -> None:
    serve(box, "127.0.0.1", 3001)
    row = list_ports(box)[3001]
    assert (row["label"], row["program"], row["folder"]) == (
        "shown",
        "python3 server.py",
        "/workspace",
    )
    assert row["url"] == "https://dev.example.com/octo/proxy/3001/"
    assert row["ssh"] == "ssh -N -L 3001:localhost:3001 -p 2222 dev8@dev.example.com"
    path = row["url"].removeprefix("https://dev.example.com/octo")  # the proxy in front removes it
    assert get(box, path)[0] == 302
    cookie = log_in(box)
    assert get(box, path, cookie) == (200, "the page at /")
    # An app that is told the path of `advice` sees all of it, with what stands before it outside.
    assert get(box, "/absproxy/3001/x", cookie) == (200, "the page at /octo/absproxy/3001/x")
    assert quote(row["url"], safe=":/") == row["url"]


@pytest.mark.parametrize(
    ("address", "port", "reach", "opens"),
    [
        ("0.0.0.0", 3011, "all", True),
        ("::", 3012, "all", True),
        ("::1", 3013, "loopback", False),
    ],
)
def test_what_is_said_of_each_address_is_true(
    box: Container, address: str, port: int, reach: str, opens: bool
) -> None:
    serve(box, address, port)
    row = list_ports(box)[port]
    assert (row["reach"], row["addresses"]) == (reach, [address])
    assert bool(row["url"]) is opens
    assert (get(box, f"/proxy/{port}/", log_in(box))[0] == 200) is opens
    assert ("listen on 127.0.0.1" in " ".join(row["advice"])) is not opens


def test_the_port_of_another_user_is_there_without_its_program(box: Container) -> None:
    serve(box, "127.0.0.1", 3021, user="12345")
    row = list_ports(box)[3021]
    assert (row["uid"], row["program"], row["pid"], row["since"]) == (12345, None, None, None)
    assert "uid 12345, program not visible" in box.execute("devcopilot", "ports")


def test_the_agents_own_are_shown_on_demand(box: Container) -> None:
    assert not {8080, 2222} & list_ports(box).keys()
    every = list_ports(box, "--all")
    assert (every[8080]["label"], every[2222]["label"]) == ("code-server", "sshd")
    assert not every[8080]["usual"]


def test_a_service_gives_its_port_its_name() -> None:
    toml = 'command = ["python3", "-m", "http.server", "3031", "--bind", "127.0.0.1"]\n'
    folder = "/home/dev8/.config/devcopilot/services.d"
    script = f"mkdir -p {folder} && printf '%s' '{toml}' >{folder}/docs.toml"
    with running(Recipe(MVP, ())) as box:
        box.execute("sh", "-c", script)
        subprocess.run([DOCKER, "restart", box.name], check=True, timeout=120)
        box.wait_ready()
        box.execute("devcopilot", "wait", "--for", "port:3031", "--timeout", "110s")
        assert list_ports(box)[3031]["label"] == "docs"
        assert list_ports(box)[3031]["url"] == "/proxy/3031/"


def test_waiting_ends_when_something_listens(box: Container) -> None:
    argv = [DOCKER, "exec", box.name, "devcopilot", "wait", "--for", "port:3041"]
    waiting = subprocess.Popen(argv)
    try:
        wait_until(lambda: "wait --for port:3041" in box.execute("ps", "-eo", "args"), "the wait")
        serve(box, "127.0.0.1", 3041)
        assert waiting.wait(timeout=60) == 0
    finally:
        waiting.kill()
        waiting.wait()


def test_a_port_that_is_closed_is_gone(box: Container) -> None:
    serve(box, "127.0.0.1", 3051)
    pid = list_ports(box)[3051]["pid"]
    box.execute("kill", str(pid))
    wait_until(lambda: 3051 not in list_ports(box), "the port to be gone")
