"""A workspace brings its repository: the agent's token, the real git, GitHub at its own names."""

import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import write_secret
from tests.worlds.containers import DOCKER, HARDENED, MVP
from tests.worlds.github_net import GitHubNet, github_net
from tests.worlds.waiting import wait_until

TOKEN = "ghp_cloneatstart000000000000000000000001"
PLACE = "/workspace/demo"


def units(net: GitHubNet) -> dict[str, Any]:
    return {row["name"]: row for row in net.box.status()["units"]}


def waits_for_a_token(net: GitHubNet) -> bool:
    unit = units(net).get("clone:demo", {})
    return bool(unit.get("state") == "waiting" and "token" in unit["reason"])


@pytest.mark.parametrize("hardening", [(), HARDENED], ids=["writable", "hardened"])
def test_a_private_repository_waits_for_its_token_and_nobody_helps(
    tmp_path: Path, hardening: tuple[str, ...]
) -> None:
    secrets, folder = tmp_path / "secrets", tmp_path / "net"
    secrets.mkdir()
    folder.mkdir()
    for path in (tmp_path, secrets):
        path.chmod(0o755)
    options = (
        *hardening, "-v", f"{secrets}:/run/secrets:ro",
        "-e", "GITHUB_TOKEN_FILE=/run/secrets/token", "-e", "DEV8_REPOSITORIES=octo/demo",
    )  # fmt: skip
    with github_net(folder, MVP, options, command=()) as net:
        net.hub.add_repository("octo/demo", megabytes=2)
        net.box.wait_ready()
        wait_until(lambda: waits_for_a_token(net), "the first try")
        look = ("devcopilot", "wait", "--for", "clone", "--timeout", "0")
        assert net.box.call(*look).returncode == 124
        assert net.box.call("devcopilot", "health").returncode == 0
        net.hub.add_token(TOKEN, "octocat")
        write_secret(secrets / "token", TOKEN + "\n")
        done = net.run("devcopilot", "wait", "--for", "clone", "--timeout", "110s")
        assert done.returncode == 0, done.stdout + done.stderr + net.box.logs()
        assert net.box.execute("ls", PLACE).split() == ["noise0", "noise1"]
        assert net.box.execute("git", "-C", PLACE, "status", "--porcelain", "--branch") == (
            "## main...origin/main"
        )
        config = net.box.execute("cat", f"{PLACE}/.git/config", "/proc/1/cmdline")
        log = net.box.execute("devcopilot", "log", "clone:demo")
        assert TOKEN not in config + log + net.box.logs()
        assert net.run("git", "-C", PLACE, "fetch", "-q").returncode == 0
        net.box.stop()
        net.box.start()
        net.box.wait_ready()
        assert net.run("devcopilot", "wait", "--for", "clone", "--timeout", "110s").returncode == 0
        assert units(net)["clone:demo"]["reason"] == "it was cloned before"
        argv = net.box.execute(
            "sh", "-c", "tr '\\0' ' ' </proc/$(pgrep -of disable-telemetry)/cmdline"
        )
        assert argv.split()[-1] == PLACE


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("https://x:y@github.com/octo/demo", "there is a password"),
        ("octo/demo;octo/demo", "give one of them another folder"),
        ("ext::sh -c x", "names a program to run"),
        ("octo/demo#a..b", "no name of a branch"),
        ("octo/demo deep=1", "not one of its options"),
    ],
)
def test_an_entry_that_is_none_ends_with_2_and_is_named(value: str, said: str) -> None:
    done = subprocess.run(
        [DOCKER, "run", "--rm", "--network", "none", "-e", f"DEV8_REPOSITORIES={value}", MVP],
        check=False, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 2
    assert "DEV8_REPOSITORIES: cannot clone" in done.stderr
    assert said in done.stderr
    assert ":y@" not in done.stderr
