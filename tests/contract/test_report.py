"""Reports to the control plane and the local API, by the agent's own processes."""

import http.client
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from agent.machine.light import runtime
from agent.observe.activity import sample
from agent.workspace.activity_rules import SAMPLER
from tests.contract.homes import Workspace
from tests.fakes.control_plane import ControlPlane
from tests.worlds.authority import Authority
from tests.worlds.containers import find_free_port
from tests.worlds.waiting import wait_until

KEY = "k-contract-0123456789abcdef"
ID = "env-contract"
JOB = (sys.executable, "-I", "-S", SAMPLER)


class Box:
    """A configured workspace, whose init is a process that sleeps."""

    def __init__(self, folder: Path, **variables: str) -> None:
        self.key = folder / "key"
        self.key.write_text(KEY)
        given = {
            "WORKSPACE_ID": ID, "USER_ID": "u", "AGENT_ENABLED": "true", "MONITOR_INTERVAL": "30s",
            "SUPERVISOR_AGENT_API_KEY_FILE": str(self.key), **variables,
        }  # fmt: skip
        self.workspace = Workspace(folder, given).prepare()
        self.problems = self.workspace.configure()
        self.alive = subprocess.Popen(["sleep", "1000"])
        state = {
            "version": 2, "pid": self.alive.pid, "phase": "ready",
            "started": "2026-01-01T00:00:00Z", "ready_seconds": 1.0,
            "stopping_because": None, "cmd": False, "jobs": {},
        }  # fmt: skip
        path = self.workspace.runtime / runtime.STATE
        runtime.write_atomic(str(path), json.dumps(state).encode())

    @property
    def environ(self) -> dict[str, str]:
        return dict(self.workspace.context().facts.environ)

    def start(self, *argv: str, **options: Any) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            argv, env=self.environ, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options,
        )  # fmt: skip

    def take_sample(self, *argv: str) -> str:
        """Run the job; return what it logs."""
        process = self.start(*(argv or JOB))
        out, err = process.communicate(timeout=120)
        assert (process.returncode, out) == (0, "")
        return err

    def call(self, *words: str) -> str:
        process = self.start(sys.executable, "-I", "-m", "agent", *words)
        return process.communicate(timeout=120)[0]

    def read_state(self) -> Any:
        return json.loads((self.workspace.runtime / runtime.REPORT).read_text())


@pytest.fixture
def plane() -> Iterator[ControlPlane]:
    with ControlPlane(key=KEY) as plane:
        yield plane


@contextmanager
def opened(folder: Path, **variables: str) -> Iterator[Box]:
    box = Box(folder, **variables)
    try:
        yield box
    finally:
        box.alive.kill()
        box.alive.wait()


@pytest.fixture
def box(plane: ControlPlane, tmp_path: Path) -> Iterator[Box]:
    with opened(tmp_path, AGENT_BASE_URL=plane.url) as box:
        yield box


def test_the_job_reports_with_the_variables_of_the_original(box: Box, plane: ControlPlane) -> None:
    assert not [each for each in box.problems if "control plane" in each or "SUPERVISOR" in each]
    assert box.take_sample() == ""
    (sent,) = plane.accepted
    assert sent.path == f"/api/v1/environments/{ID}/activity"
    assert sent.headers["Authorization"] == f"Bearer {KEY}"
    assert sent.headers["User-Agent"] == "workspace-supervisor"
    assert sent.body.decode() == json.dumps(sent.report, separators=(",", ":"))
    assert list(sent.report) == ["environmentId", "snapshot", "timestamp"]
    assert list(sent.report["snapshot"]) == [
        "lastIDEActivity", "lastSSHActivity", "activeIDEConnections", "activeSSHConnections",
    ]  # fmt: skip


def test_a_connection_is_reported_and_its_end(plane: ControlPlane, tmp_path: Path) -> None:
    port = find_free_port()
    with opened(tmp_path, AGENT_URL=plane.url, DEV8_SSH_PORT=str(port)) as box:
        with connected(port):
            box.take_sample()
        wait_until(lambda: f":{port:04X} " not in read_established(), "the connection's end")
        box.take_sample()
    first, second = (each.report["snapshot"] for each in plane.accepted)
    assert (first["activeSSHConnections"], second["activeSSHConnections"]) == (1, 0)
    assert first["lastSSHActivity"] == plane.accepted[0].report["timestamp"]
    assert second["lastSSHActivity"] >= first["lastSSHActivity"][:19]


@contextmanager
def connected(port: int) -> Iterator[None]:
    """Listen at a port, with one client."""
    with (
        socket.create_server(("127.0.0.1", port)) as server,
        socket.create_connection(("127.0.0.1", port)),
        server.accept()[0],
    ):
        yield


def read_established() -> str:
    lines = Path("/proc/net/tcp").read_text().splitlines()
    return "\n".join(line for line in lines if line.split()[3] == "01")


def test_a_sample_without_a_report_loads_no_http(box: Box, plane: ControlPlane) -> None:
    traced = (JOB[0], "-X", "importtime", *JOB[1:])
    assert "http.client" in box.take_sample(*traced)
    words = box.take_sample(*traced).split()
    assert len(plane.sent) == 1
    assert not {"http.client", "ssl", "urllib.request", "email.parser", "dataclasses"} & {*words}


def test_a_hang_delays_neither_the_sample_nor_the_stop(box: Box, plane: ControlPlane) -> None:
    plane.fault = "hang"
    process = box.start(*JOB)
    wait_until(lambda: plane.most_at_once == 1, "the request")
    assert (box.workspace.runtime / sample.FILE).exists()
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=120)
    assert process.returncode == -signal.SIGTERM
    assert box.read_state()["failures"] == 1
    box.take_sample()
    assert plane.most_at_once == 1, "the next one waits"


def test_a_refusal_is_one_line_and_in_the_status(box: Box, plane: ControlPlane) -> None:
    plane.key = "another-key-0123456789"
    lines = box.take_sample() + box.take_sample() + box.take_sample()
    assert len(lines.splitlines()) == 1
    assert json.loads(lines)["level"] == "warning"
    status = box.call("status")
    (report,) = [line for line in status.splitlines() if line.startswith("report ")]
    assert report == (
        f"report    127.0.0.1: none accepted yet; {plane.url}/api/v1/environments/{ID}/activity; "
        "not sent again until something changes"
    )
    (problem,) = [line for line in status.splitlines() if line.startswith("problem   127.0.0.1")]
    assert "refuses the reports" in problem
    assert "SUPERVISOR_AGENT_API_KEY" in problem
    box.key.write_text(plane.key)
    assert "accepts the reports again" in box.take_sample()
    status = box.call("status", "--json")
    row = json.loads(status)["report"]
    assert (row["problem"], row["refused"], row["failures"], row["next"]) == ("", False, 0, None)
    assert row["accepted"]
    for text in (lines, status):
        assert KEY not in text
        assert plane.key not in text


# --- the network --------------------------------------------------------------------------------


class Tunnel(threading.Thread):
    """A proxy that takes CONNECT to anywhere for one port of this machine."""

    def __init__(self, port: int) -> None:
        super().__init__(daemon=True)
        self.target = port
        self.asked: list[str] = []
        self.listener = socket.create_server(("127.0.0.1", 0))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.listener.getsockname()[1]}"

    def run(self) -> None:
        while True:
            near, _ = self.listener.accept()
            self.asked.append(near.recv(4096).decode())
            far = socket.create_connection(("127.0.0.1", self.target))
            near.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            for one, other in ((near, far), (far, near)):
                threading.Thread(target=self.pass_on, args=(one, other), daemon=True).start()

    @staticmethod
    def pass_on(one: socket.socket, other: socket.socket) -> None:
        while data := one.recv(4096):
            other.sendall(data)


@pytest.fixture
def secure(plane: ControlPlane, tmp_path: Path) -> Authority:
    """Let the plane speak TLS."""
    authority = Authority()
    signed = authority.sign("plane.test")
    file = tmp_path / "server.pem"
    file.write_bytes(signed.key + signed.certificate)
    (tmp_path / "ca.pem").write_bytes(authority.own.certificate)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    plane.secure(context)
    return authority


def test_an_own_authority_is_trusted_when_it_is_given(
    secure: Authority, plane: ControlPlane, tmp_path: Path
) -> None:
    url = f"https://127.0.0.1:{plane.port}"
    with opened(tmp_path, AGENT_URL=url, DEV8_CA_FILE=str(tmp_path / "ca.pem")) as box:
        assert box.take_sample() == ""
    assert len(plane.accepted) == 1


def test_another_authority_is_not_trusted(
    secure: Authority, plane: ControlPlane, tmp_path: Path
) -> None:
    with opened(tmp_path, AGENT_URL=f"https://127.0.0.1:{plane.port}") as box:
        line = json.loads(box.take_sample())["message"]
    assert line.startswith(f"the TLS certificate of 127.0.0.1:{plane.port} is not trusted: ")
    assert "DEV8_CA_FILE" in line
    assert plane.sent == [], "no key leaves"


def test_a_proxy_is_used_for_other_machines(
    secure: Authority, plane: ControlPlane, tmp_path: Path
) -> None:
    tunnel = Tunnel(plane.port)
    tunnel.start()
    proxy = tunnel.url.replace("//", "//me:secret@")
    variables = {"AGENT_URL": "https://plane.test", "HTTPS_PROXY": proxy,
                 "DEV8_CA_FILE": str(tmp_path / "ca.pem")}  # fmt: skip
    with opened(tmp_path, **variables) as box:
        assert box.take_sample() == ""
    (asked,) = tunnel.asked
    assert asked.startswith("CONNECT plane.test:443 HTTP/1.")
    assert "Proxy-Authorization: Basic bWU6c2VjcmV0\r\n" in asked
    assert KEY not in asked
    (sent,) = plane.accepted
    assert "Proxy-Authorization" not in sent.headers


def test_a_proxy_for_http_gets_the_whole_url(plane: ControlPlane, tmp_path: Path) -> None:
    variables = {"AGENT_URL": "http://plane.test", "HTTP_PROXY": plane.url}
    with opened(tmp_path, **variables) as box:
        box.take_sample()
    (sent,) = plane.sent
    assert sent.path == f"http://plane.test/api/v1/environments/{ID}/activity"
    assert sent.headers["Host"] == "plane.test"


def test_no_proxy_is_asked_for_this_machine(plane: ControlPlane, tmp_path: Path) -> None:
    with opened(tmp_path, AGENT_URL=plane.url, HTTP_PROXY="http://127.0.0.1:1") as box:
        assert box.take_sample() == ""
    assert len(plane.accepted) == 1


# --- the local API ------------------------------------------------------------------------------


@contextmanager
def serving(box: Box, port: int, address: str = "127.0.0.1") -> Iterator[None]:
    """Let `serve` answer at this port, as init does."""
    with socket.create_server((address, port)) as listener:
        descriptor = listener.fileno()
        argv = (sys.executable, "-I", "-m", "agent", "--log", "serve", "--descriptor")
        process = box.start(*argv, str(descriptor), pass_fds=[descriptor])
        try:
            yield
        finally:
            process.terminate()
            process.communicate(timeout=120)


def ask(
    port: int, path: str, host: str | None = None, method: str = "GET", **headers: str
) -> tuple[int, str, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    headers["Host"] = host or f"127.0.0.1:{port}"
    connection.request(method, path, headers=headers)
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, answer.headers["Content-Type"], text


def test_the_local_api_answers_as_the_original(plane: ControlPlane, tmp_path: Path) -> None:
    port, ssh = find_free_port(), find_free_port()
    variables = {"AGENT_URL": plane.url, "SUPERVISOR_HTTP_ADDR": f"127.0.0.1:{port}",
                 "DEV8_SSH_PORT": str(ssh)}  # fmt: skip
    with opened(tmp_path, **variables) as box, serving(box, port):
        with connected(ssh):
            status, kind, text = ask(port, "/health")
            full = json.loads(ask(port, "/status")[2])
        health = json.loads(text)
        assert (status, kind) == (200, "application/json")
        assert text == json.dumps(health, indent=2, sort_keys=True) + "\n", "as Go indents"
        assert 0 <= health.pop("uptimeSeconds") < 600
        counts = {"activeIDE": 0, "activeSSH": 1,
                  "activeIDEConnections": 0, "activeSSHConnections": 1}  # fmt: skip
        assert health == {"healthy": True, **counts}
        assert {name: full[name] for name in counts} == counts
        assert full["startedAt"] == "2026-01-01T00:00:00Z"
        assert full["uptime"].endswith("s")
        assert full["lastSSHActivity"].startswith("20")
        assert full["lastIDEActivity"] == "0001-01-01T00:00:00Z"
        jupyter = json.loads(ask(port, "/api/status")[2])
        assert jupyter["started"] == "2026-01-01T00:00:00.000000Z"
        assert set(jupyter) == {"started", "last_activity", "connections", "kernels"}
        assert ask(port, "/")[0] == 404
        assert ask(port, "/health", method="POST")[0] == 501
        assert ask(port, "/health", method="HEAD")[::2] == (200, "")
        for host in ("evil.example", "evil.example:9000", "10.0.0.1", ""):
            assert ask(port, "/status", host or " ")[0] == 403
        assert ask(port, "/health", "localhost")[0] == 200
        answers = text + json.dumps(full) + json.dumps(jupyter)
    assert KEY not in answers
    assert os.fspath(tmp_path) not in answers


def test_others_need_the_password(tmp_path: Path) -> None:
    port = find_free_port()
    variables = {"SUPERVISOR_HTTP_ADDR": f"0.0.0.0:{port}", "DEV8_API_PASSWORD": "let-me-in-0815"}
    with opened(tmp_path, **variables) as box, serving(box, port, "0.0.0.0"):
        assert ask(port, "/health")[0] == 401
        assert ask(port, "/health", Authorization="Bearer wrong")[0] == 401
        assert ask(port, "/health", "ws-1:9000", Authorization="Bearer let-me-in-0815")[0] == 200
