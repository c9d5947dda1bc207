"""A workspace whose image lacks an AI tool installs it in the background, and says so if it cannot.

Most of it is tried with a tiny package that brings a program of the name; one test goes the whole
way with a real tool.
"""

import json
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import NO_EDITOR, Login, write_secret
from tests.e2e.registry import URL, Registry, serving, write_locks
from tests.worlds.containers import BASE, HARDENED, MVP, Container, Recipe, docker, running
from tests.worlds.waiting import wait_until

LOCKS = "/usr/local/share/devcopilot/ai"
KEY = "AIzaInstallAtStart0123456789"
FOLDER = "/home/dev8/.local/share/devcopilot/tools"
OFFLINE = ("--network", "none")
INSTALLED = "tools:gemini is done: it is installed"


@pytest.fixture(scope="module")
def registry() -> Iterator[Registry]:
    with serving() as running_registry:
        yield running_registry


@pytest.fixture(scope="module")
def published(registry: Registry, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Locks of a tiny package in the place of Gemini CLI's."""
    return write_locks(registry, "gemini", "1.0.0", tmp_path_factory.mktemp("published") / "locks")


@pytest.fixture
def locks(published: Path, tmp_path: Path) -> Path:
    """A copy of them that the test may change."""
    tmp_path.chmod(0o755)
    return shutil.copytree(published, tmp_path / "locks")


@contextmanager
def workspace(*options: str, image: str = MVP) -> Iterator[Container]:
    """A workspace with a key for Gemini CLI that has started."""
    options = (*NO_EDITOR, "-e", f"GEMINI_API_KEY={KEY}", *options)
    recipe = Recipe(image, options, published=False)
    with running(recipe) as box:
        box.wait_ready()
        yield box


def mount(folder: Path) -> tuple[str, ...]:
    return ("-v", f"{folder}:{LOCKS}:ro")


def tool(box: Container) -> dict[str, Any]:
    """Return what status tells of Gemini CLI."""
    return next(row for row in box.status()["tools"] if row["name"] == "gemini")


def wait_for_state(box: Container, state: str) -> None:
    wait_until(lambda: tool(box)["state"] == state, f"gemini {state}")


def wait_for_end(box: Container, state: str) -> None:
    """Wait inside until no tool is being installed, then for the state that Gemini CLI ends in."""
    box.call("devcopilot", "wait", "--for", "tools", "--timeout", "110s")
    wait_for_state(box, state)


def find_told(box: Container, *levels: str) -> list[str]:
    """Return what the log says of the tools' units."""
    return [event["message"] for event in box.events() if event["level"] in levels
            and event.get("unit", "").startswith("tools:")]  # fmt: skip


def find_done(box: Container) -> list[str]:
    return [line for line in find_told(box, "info") if "is done" in line]


def find_leftovers(box: Container) -> str:
    """Return what lies of the tool in the home, its own settings apart."""
    return box.execute("sh", "-c", f"find {FOLDER}/* ~/.local/bin ~/.npm 2>/dev/null || true")


def wait_for_npm(box: Container) -> str:
    """Return the process that installs, once it has given itself its name."""
    found: list[str] = []

    def find() -> list[str]:
        found[:] = box.call("pgrep", "-of", "^npm ci").stdout.split()
        return found

    wait_until(find, "npm's start")
    return found[0]


def restart(box: Container) -> None:
    box.stop()
    box.start()
    box.wait_ready()


def wait_for_job(box: Container) -> None:
    """Wait until the job of this life has ended."""
    wait_until(lambda: box.has_run("setup"), "the end of the job")


def test_ready_does_not_wait_for_the_registry(registry: Registry, locks: Path) -> None:
    with registry.silent(), workspace(*registry.options, *mount(locks)) as box:
        wait_for_state(box, "installing")
        assert box.status()["phase"] == "ready"
        assert box.call("which", "gemini").returncode != 0, "nothing half done is on the PATH"
        npm = wait_for_npm(box)
        assert ask_os(box, f"os.getpriority(os.PRIO_PROCESS, {npm})") == "19"
        assert ask_os(box, f"os.sched_getscheduler({npm}) == os.SCHED_IDLE") == "True"
        assert box.execute("ionice", "-p", npm) == "idle"
        assert box.execute("cat", f"/proc/{npm}/oom_score_adj") == "1000"
        own, others = (int(ask_os(box, f"len(os.sched_getaffinity({pid}))")) for pid in (npm, 1))
        assert own == max(others - 1, 1)


def ask_os(box: Container, expression: str) -> str:
    """Return what an expression with Python's module os yields in the container, as text."""
    return box.execute("python3", "-c", f"import os; print({expression})")


def test_npm_gets_the_registry_and_no_secret(registry: Registry, locks: Path) -> None:
    """Not even by hand, where `docker exec` hands over the container's own environment."""
    off = ("-e", "DEV8_AI_TOOLS=off")
    with registry.silent(), workspace(*registry.options, *mount(locks), *off) as box:
        docker("exec", "--detach", box.name, "devcopilot", "tools", "gemini")
        environ = box.execute("cat", f"/proc/{wait_for_npm(box)}/environ").split("\0")
        assert f"npm_config_registry={URL}" in environ
        assert not [entry for entry in environ if KEY in entry]


def test_installed_is_on_every_path_and_stays(
    registry: Registry, locks: Path, login: Login, tmp_path: Path
) -> None:
    key = write_secret(tmp_path / "key", login.private.read_text())
    options = ("-v", f"{key}:/key:ro", "-e", f"SSH_PUBLIC_KEY={login.public}")
    with workspace(*registry.options, *mount(locks), *options) as box:
        wait_for_end(box, "installed")
        ssh = ("ssh", "-p", "2222", "-i", "/key", "-o", "StrictHostKeyChecking=accept-new")
        for argv in (("gemini",), ("bash", "-lc", "gemini"), (*ssh, "dev8@127.0.0.1", "gemini")):
            assert box.execute(*argv).splitlines()[-1] == "tiny 1.0.0"
        inode = box.execute("stat", "-Lc", "%i", "/home/dev8/.local/bin/gemini")
        (line,) = find_done(box)
        assert line.startswith("tools:gemini is done in ")
        box.execute("devcopilot", "wait", "--for", "tools", "--for", "unit:tools:gemini")
        assert tool(box)["by"] == "agent"
        assert tool(box)["package"] == "tiny 1.0.0"
        restart(box)
        wait_for_job(box)
        assert box.execute("stat", "-Lc", "%i", "/home/dev8/.local/bin/gemini") == inode
        assert find_done(box) == [line], "not installed again"
        assert KEY not in box.logs()


def test_a_new_lock_file_renews_it(registry: Registry, locks: Path) -> None:
    with workspace(*registry.options, *mount(locks)) as box:
        wait_for_end(box, "installed")
        write_locks(registry, "gemini", "2.0.0", locks)
        restart(box)
        wait_until(lambda: box.execute("gemini") == "tiny 2.0.0", "the new version")
        wait_for_job(box)
        restart(box)
        wait_for_job(box)
        assert len(box.execute("ls", f"{FOLDER}/gemini").split()) == 1, "the old one is removed"


@pytest.mark.parametrize(("way", "code"), [("kill", "137"), ("stop", "0")])
def test_an_interrupted_install_is_finished_by_the_next_start(
    registry: Registry, locks: Path, way: str, code: str
) -> None:
    with ExitStack() as stack:
        with registry.silent():
            box = stack.enter_context(workspace(*registry.options, *mount(locks)))
            wait_until(lambda: "/new/" in find_leftovers(box), "half of an installation")
            docker(way, box.name)
            assert box.inspect("{{.State.ExitCode}}") == code
        box.start()
        box.wait_ready()
        wait_for_end(box, "installed")
        assert box.execute("gemini") == "tiny 1.0.0"
        assert len(box.execute("ls", "-A", f"{FOLDER}/gemini").split()) == 1


def test_offline_it_says_so_once_a_start_and_leaves_nothing() -> None:
    with workspace(*OFFLINE) as box:
        wait_for_end(box, "failed")
        (line,) = find_told(box, "error")
        assert line.startswith("tools:gemini failed: npm: request to https://")
        assert line.endswith("(devcopilot rerun tools:gemini)")
        assert line.endswith(tool(box)["problem"])
        done = box.call("devcopilot", "wait", "--for", "tools")
        assert (done.returncode, "npm: request to https://" in done.stderr) == (1, True)
        assert "npm error" in box.execute("devcopilot", "log", "tools:gemini")
        assert "new" not in find_leftovers(box)
        assert box.call("which", "gemini").returncode != 0
        restart(box)
        wait_for_job(box)
        assert find_told(box, "error") == [line, line]
        assert tool(box)["state"] == "failed"


def test_a_failed_one_is_tried_again_by_hand(registry: Registry, locks: Path) -> None:
    with workspace(*registry.network, *mount(locks)) as box:
        wait_for_end(box, "failed")
        box.execute("sh", "-c", f"echo registry={URL} >~/.npmrc")
        rows = json.loads(box.execute("devcopilot", "tools", "--json"))
        (row,) = [row for row in rows if row["name"] == "gemini"]
        assert row["state"] == "installed"
        assert row["problem"] is None
        assert {**tool(box), "schema": 1} == row
        assert box.execute("devcopilot", "tools").endswith(": it is installed")


def test_a_failed_one_is_carried_out_again_as_any_unit(registry: Registry, locks: Path) -> None:
    with workspace(*registry.network, *mount(locks)) as box:
        wait_for_end(box, "failed")
        box.execute("sh", "-c", f"echo registry={URL} >~/.npmrc")
        box.execute("devcopilot", "rerun", "--all")
        assert tool(box)["state"] == "installed"
        box.execute("devcopilot", "wait", "--for", "tools", "--timeout", "0")


def test_the_users_own_program_is_never_touched(registry: Registry, locks: Path) -> None:
    with workspace(*registry.options, *mount(locks), "-e", "DEV8_AI_TOOLS=off") as box:
        assert "tools" not in [row["name"] for row in box.status()["units"]]
        assert [row["name"] for row in box.status()["tools"]] == ["copilot"], "the image's"
        script = "mkdir -p ~/.local/bin; printf '#!/bin/sh\\necho mine\\n' >~/.local/bin/gemini"
        box.execute("sh", "-c", f"{script}; chmod +x ~/.local/bin/gemini")
        assert box.execute("devcopilot", "tools", "gemini") == INSTALLED
        assert box.execute("gemini") == "mine"
        assert tool(box)["by"] == "other"
        box.execute("sh", "-c", "chmod -x ~/.local/bin/gemini")
        done = box.call("devcopilot", "tools", "gemini")
        assert done.returncode == 1
        assert "left /home/dev8/.local/bin/gemini alone" in done.stderr


def test_without_npm_there_is_one_line() -> None:
    with workspace(*OFFLINE, image=BASE) as box:
        wait_for_end(box, "skipped")
        line = find_told(box, "info", "warning", "error")[-1]
        assert line.startswith("tools:gemini is skipped: npm is not installed")
        assert not find_told(box, "warning", "error")
        box.execute("devcopilot", "wait", "--for", "tools")
        assert box.call("devcopilot", "tools").returncode == 1


def test_the_real_tool_goes_the_whole_way(registry: Registry) -> None:
    with workspace(*registry.options, *HARDENED) as box:
        wait_for_end(box, "installed")
        version = box.execute("gemini", "--version")
        assert tool(box)["package"] == f"@google/gemini-cli {version}"
