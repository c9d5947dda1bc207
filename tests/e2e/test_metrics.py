"""Metrics in the strictest container, as a Prometheus elsewhere gets them, and from a file."""

import base64
import http.client
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.observe.metrics.all import FAMILIES
from agent.observe.metrics.exposition import OPENMETRICS, TEXT
from tests.e2e.conftest import TOKEN, write_secret
from tests.worlds.containers import (
    HARDENED,
    MVP,
    Container,
    Recipe,
    created,
    find_free_port,
    running,
)
from tests.worlds.scrapes import find_names, read
from tests.worlds.waiting import wait_until

PASSWORD = "a long password for metrics"


@pytest.fixture(scope="module")
def port() -> int:
    return find_free_port()


@pytest.fixture(scope="module")
def box(port: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Container]:
    folder = tmp_path_factory.mktemp("secrets")
    folder.chmod(0o755)
    password = write_secret(folder / "password", PASSWORD)
    words = (
        *HARDENED, "-v", f"{folder}:/secrets:ro", "-p", f"127.0.0.1:{port}:9100",
        "-e", "DEV8_METRICS_ADDRESS=0.0.0.0:9100", "-e", f"GITHUB_TOKEN={TOKEN}",
        "-e", f"DEV8_METRICS_PASSWORD_FILE=/secrets/{password.name}",
    )  # fmt: skip
    with running(Recipe(MVP, words)) as box:
        box.wait_ready()
        yield box


def get(port: int, **headers: str) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    connection.request("GET", "/metrics", headers=headers)
    return connection.getresponse()


@pytest.mark.parametrize(
    "authorization",
    [f"Bearer {PASSWORD}", "Basic " + base64.b64encode(f"any:{PASSWORD}".encode()).decode()],
)
def test_who_knows_the_password_gets_the_metrics(
    box: Container, port: int, authorization: str
) -> None:
    up = b'devcopilot_service_up{service="sshd"} 1'
    wait_until(lambda: up in get(port, Authorization=authorization).read(), "sshd runs")
    plain = get(port, Authorization=authorization)
    new = get(port, Authorization=authorization, Accept="application/openmetrics-text")
    assert (plain.status, plain.headers["Content-Type"]) == (200, TEXT)
    assert (new.status, new.headers["Content-Type"]) == (200, OPENMETRICS)
    text = plain.read().decode()
    assert find_names(text) == find_names(new.read().decode(), openmetrics=True)
    assert find_names(text) <= {family.name for family in FAMILIES}
    assert not {TOKEN, PASSWORD} & set(text.split())
    samples = {
        (sample.name, *sample.labels.values()): sample.value
        for family in read(text)
        for sample in family.samples
    }
    assert samples["devcopilot_service_up", "sshd"] == 1
    assert samples["devcopilot_memory_working_set_bytes",] > 0
    assert samples["devcopilot_cpu_seconds_total",] > 0
    assert samples["devcopilot_pids",] > 3
    assert samples["devcopilot_disk_size_bytes", "workspace"] > 0


@pytest.mark.parametrize("authorization", ["", "Bearer wrong", "Basic eDp5", "Bearer"])
def test_nobody_else_does(box: Container, port: int, authorization: str) -> None:
    answer = get(port, **({"Authorization": authorization} if authorization else {}))
    assert answer.status == 401
    assert b"devcopilot_" not in answer.read()


def test_a_service_that_is_started_again_is_counted(box: Container) -> None:
    (pid,) = [row["pid"] for row in box.status()["services"] if row["name"] == "sshd"]
    box.execute("kill", "-KILL", str(pid))

    def restarts() -> bool:
        return 'restarts_total{service="sshd"} 1' in box.execute("devcopilot", "metrics")

    wait_until(restarts, "the count of a restart")


def test_the_first_refresh_leaves_a_sample_for_the_page(box: Container) -> None:
    script = (
        "from agent.observe.metrics.history import load; "
        "print(len(load('/dev/shm/devcopilot-1000')))"
    )
    wait_until(
        lambda: int(box.execute("/opt/devcopilot/bin/python", "-I", "-c", script)), "a sample"
    )


def test_a_file_for_a_collector(box: Container) -> None:
    box.execute("devcopilot", "metrics", "--out", "/workspace/workspace.prom")
    assert find_names(box.execute("cat", "/workspace/workspace.prom"))
    assert box.execute("stat", "-c", "%a", "/workspace/workspace.prom") == "644"


def test_an_open_port_without_a_password_does_not_start(tmp_path: Path) -> None:
    words = ("-e", "DEV8_METRICS_ADDRESS=0.0.0.0:9100")
    with created(Recipe(MVP, words)) as box:
        box.start()
        assert box.wait_exit() == 2
        assert "DEV8_METRICS_PASSWORD" in box.logs()
