"""Hooks in real containers: trust, restarts, new containers, kills, shells, and the stop."""

import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.e2e.conftest import Login
from tests.worlds.containers import BASE, NO_PRIVILEGES, Container, Recipe, docker, running
from tests.worlds.fish import run_fish
from tests.worlds.waiting import wait_until

FILE = "/workspace/.devcontainer/devcontainer.json"
SECRET = "ghp_hooks0000000000000000000000000000001"


@pytest.fixture
def volume() -> Iterator[str]:
    """A workspace and a home that outlive a container."""
    name = f"dev8-test-{uuid.uuid4().hex[:8]}"
    yield name
    for part in ("home", "workspace"):
        docker("volume", "rm", "--force", f"{name}-{part}")


@contextmanager
def workspace(volume: str, *options: str, **properties: object) -> Iterator[Container]:
    """A workspace whose volume holds a repository with this devcontainer.json."""
    mounts = ("-v", f"{volume}-home:/home/dev8", "-v", f"{volume}-workspace:/workspace")
    if properties:
        text = json.dumps(properties)
        script = 'mkdir -p "$(dirname "$1")" && printf %s "$2" >"$1"'
        docker("run", "--rm", *mounts, "--entrypoint", "sh", BASE, "-c", script, "sh", FILE, text)
    recipe = Recipe(BASE, (*mounts, "--read-only", "-v", "/tmp", *NO_PRIVILEGES, *options))
    with running(recipe) as box:
        box.wait_ready()
        yield box


def said(box: Container) -> list[str]:
    return box.call("cat", "/workspace/said").stdout.split()


def wait_for(box: Container, state: str, unit: str = "hooks") -> dict[str, str]:
    def look() -> dict[str, str]:
        name = f"/dev/shm/devcopilot-1000/units/{unit}.json"
        found = box.call("cat", name).stdout
        return json.loads(found) if found else {}

    wait_until(lambda: look().get("state") == state, f"{unit} is {state}")
    return look()


def test_a_repository_is_asked_for_and_then_set_up(volume: str, login: Login) -> None:
    properties = {
        "onCreateCommand": "env >created; echo create >>said",
        "postStartCommand": {"a": "echo start >>said", "b": ["true"]},
        "postAttachCommand": "echo attached >>attached",
        "remoteEnv": {"FROM_FILE": "it's ${localWorkspaceFolderBasename}", "LANG": None},
    }
    options = ("-e", f"GITHUB_TOKEN={SECRET}", "-e", f"SSH_PUBLIC_KEY={login.public}")
    with workspace(volume, *options, **properties) as box:
        record = wait_for(box, "waiting", "hooks:onCreate")
        assert record["reason"] == "/workspace is not trusted yet"
        assert said(box) == []
        assert login.run(box, "echo", "${FROM_FILE-none}").strip() == "none"
        assert "/workspace is trusted" in box.execute("devcopilot", "trust")
        waited = box.call("devcopilot", "wait", "--for", "hooks", "--timeout", "110s")
        assert waited.returncode == 0, waited
        assert said(box) == ["create", "start"]
        environ = box.execute("cat", "/workspace/created")
        assert SECRET not in environ
        assert "FROM_FILE=it's workspace\n" in environ
        assert "\nLANG=" not in environ
        wait_for(box, "waiting", "attach")
        assert login.run(box, "echo", "$FROM_FILE").strip() == "it's workspace"
        wait_for(box, "done", "attach")
        assert box.execute("cat", "/workspace/attached").strip() == "attached"
        terminal = box.execute("bash", "-ic", 'echo "$FROM_FILE ${LANG-none}"').strip()
        assert terminal == "it's workspace none"
        docker("restart", box.name)
        box.wait_ready()
        wait_for(box, "done")
        assert said(box) == ["create", "start", "start"]
    with workspace(volume, *options) as box:  # a new container on the old volumes
        wait_for(box, "done")
        assert said(box) == ["create", "start", "start", "create", "start"]


def test_fish_has_it_too_and_says_that_somebody_came(volume: str, tmp_path: Path) -> None:
    awkward = "it's \\ $HOME\n(id) \\' \""
    properties = {
        "remoteEnv": {"AWKWARD": awkward, "LANG": None, "PATH": "${containerEnv:PATH}:/extra"},
        "postAttachCommand": "true",
    }
    script = 'printf "%s|" $AWKWARD (set -q LANG; or echo none) $PATH[-1] $DEVCOPILOT_REMOTE_ENV'
    with workspace(volume, "-e", "DEV8_TRUST=trusted", **properties) as box:
        wait_for(box, "waiting", "attach")
        (tmp_path / "units").mkdir()
        (tmp_path / "units/attach.wanted").touch()
        said = run_fish(box, tmp_path, script, "-e", "LANG=C.UTF-8")
        assert said == f"{awkward}|none|/extra|1|"
        assert not (tmp_path / "units/attach.seen").exists(), "a script is no person"
        inner = ("-e", "DEVCOPILOT_REMOTE_ENV=1", "-e", "AWKWARD=mine", "-e", "SSH_CONNECTION=x")
        assert run_fish(box, tmp_path, "echo $AWKWARD", *inner) == "mine"
        assert (tmp_path / "units/attach.seen").exists()
        (tmp_path / "link").symlink_to("/runtime")
        link = ("-e", "DEV8_RUNTIME_DIR=/runtime/link")
        said = run_fish(box, tmp_path, "set -q AWKWARD; or echo none", *link)
        assert said == "none", "anybody could have made a link that leads to a folder of ours"


def test_a_hook_that_was_killed_runs_again_and_holds_nothing_up(volume: str) -> None:
    command = "echo run >>said; test -e good || sleep 600"
    trusted = ("-e", "DEV8_TRUST=trusted")
    with workspace(volume, *trusted, postCreateCommand=command) as box:
        wait_until(lambda: said(box) == ["run"], "the hook runs")
        assert box.call("devcopilot", "wait", "--for", "services").returncode == 0
        assert box.call("devcopilot", "wait", "--for", "all", "--timeout", "110s").returncode == 0
        assert box.call("devcopilot", "wait", "--for", "hooks", "--timeout", "0").returncode == 124
        docker("kill", box.name)
        box.start()
        box.wait_ready()
        wait_until(lambda: said(box) == ["run", "run"], "the hook runs again")
        log = box.execute("devcopilot", "log", "hooks:postCreate")
        assert "the run before was interrupted" in log
        _, code = box.stop()
        assert code == 0


def test_what_a_hook_of_the_stop_writes_is_in_the_final_backup(volume: str) -> None:
    backups = ("-v", f"{volume}-backups:/backups", "-e", "BACKUP_DIR=/backups",
               "-e", "DEV8_BACKUP_SCHEDULE=off", "-e", "DEV8_GRACE_PERIOD=60s",
               "--stop-timeout", "60")  # fmt: skip
    stop = "sh -c 'echo saved >/workspace/at-stop'"
    try:
        with workspace(volume, *backups, "-e", f"DEV8_ON_STOP={stop}") as box:
            box.execute("devcopilot", "backup", "create")
            box.stop()
            assert "made the final backup" in box.logs()
        with workspace(volume, *backups) as box:
            box.execute("rm", "/workspace/at-stop")
            box.execute("devcopilot", "backup", "restore", "--yes", "--path", "/workspace/at-stop")
            assert box.execute("cat", "/workspace/at-stop").strip() == "saved"
    finally:
        docker("volume", "rm", "--force", f"{volume}-backups")
