"""What the image says of itself, and what it must not hold."""

import re

from testinfra.host import Host

from tests.image.conftest import ENGINE, IDLE, Image, inspect_image
from tests.worlds.containers import BASE, Recipe, docker, running
from tests.worlds.waiting import wait_until

LARGEST_AGENT = 6.5e6
"""Bytes: the sources, as they are and compiled. What tells of the workspace took 1.4 MB."""


def test_labels(image: Image) -> None:
    labels = image.config["Labels"]
    prefix = "org.opencontainers.image."
    assert labels[f"{prefix}title"] == image.title
    assert labels[f"{prefix}description"] == image.variant.description
    assert f"{prefix}licenses" not in labels, "an image holds the work of many: docs/licenses.md"
    assert not labels.get("devcopilot.ai-tools")
    assert re.fullmatch(r"[0-9a-f]{40}(-dirty)?|unknown", labels[f"{prefix}revision"])
    assert labels[f"{prefix}version"] not in ("", "unknown")
    assert f"{prefix}source" in labels


def test_runs_the_agent_as_dev8(image: Image) -> None:
    config = image.config
    assert config["User"] == "1000:1000"
    assert config["Entrypoint"] == [
        "/usr/bin/env",
        "--block-signal=TERM,INT,HUP,QUIT",
        "/usr/local/bin/devcopilot",
        "run",
        "--",
    ]
    assert not config["Cmd"]
    assert config["WorkingDir"] == "/workspace"


def test_opens_only_its_ports(image: Image) -> None:
    ports = {"2222/tcp"} | ({"8080/tcp"} if "code-server" in image.variant.tools else set())
    assert set(image.config["ExposedPorts"]) == ports


def test_environment_is_path_and_language(image: Image) -> None:
    names = {entry.partition("=")[0] for entry in image.config["Env"]}
    assert names == {"PATH", "LANG"}


def test_healthcheck_can_fail(image: Image) -> None:
    """Nothing runs in this container but `sleep`: it must not count as healthy."""
    options, command = IDLE
    quick = ("--health-interval", "1s", "--health-retries", "1", "--health-start-period", "1ms")
    with running(Recipe(image.name, (*quick, *options), command)) as box:
        assert image.config["Healthcheck"]["Test"] == ["CMD", "/usr/local/bin/devcopilot", "health"]
        if ENGINE == "podman":  # its own timers need systemd
            assert "unhealthy" in docker("healthcheck", "run", box.name)
        wait_until(lambda: box.inspect("{{.State.Health.Status}}") == "unhealthy", "unhealthiness")


def test_agent_is_the_last_layer(image: Image) -> None:
    """Only that small layer changes with the agent; all images share the others of dev8-base."""
    sizes = docker("history", "--format", "{{.Size}}", "--human=false", image.name).split()
    assert 0 < next(int(size) for size in sizes if size != "0") < LARGEST_AGENT
    below = inspect_image(BASE).layers[:-1]
    assert image.layers[: len(below)] == below


def test_is_no_larger_than_agreed(image: Image) -> None:
    assert image.megabytes < image.variant.megabytes


def test_holds_no_host_key(root: Host) -> None:
    names = "-name 'ssh_host_*key' -o -name 'ssh_host_*key.pub'"
    assert root.run(f"find / -xdev {names} 2>/dev/null").stdout == ""


def test_holds_no_secret(root: Host) -> None:
    pattern = "-----BEGIN [A-Z ]*PRIVATE KEY-----$|gh[pousr]_[A-Za-z0-9]{36}"
    folders = "/etc /home /root /opt/devcopilot /usr/local /var /run"
    found = root.run(f"grep -rlIE -e '{pattern}' {folders} 2>/dev/null").stdout
    assert found == ""


def test_keeps_nothing_of_the_builder(root: Host) -> None:
    """The certificates and the package sources of who builds stay outside."""
    assert root.check_output("ls /usr/local/share/ca-certificates") == ""
    bundle = root.check_output("grep -c 'BEGIN CERTIFICATE' /etc/ssl/certs/ca-certificates.crt")
    known = root.check_output("find /usr/share/ca-certificates/mozilla -name '*.crt' | wc -l")
    assert int(bundle) == int(known) > 100
    for path in ("/etc/pip.conf", "/etc/npmrc", "/root/.npmrc", "/root/.config/pip/pip.conf"):
        assert root.run(f"test -e {path}").rc != 0


def test_history_tells_no_secret(image: Image) -> None:
    history = docker("history", "--no-trunc", "--format", "{{.CreatedBy}}", image.name)
    assert "CERTIFICATE" not in history
    assert not re.search(r"gh[pousr]_\w{20}|://[^/\s]+@", history)
