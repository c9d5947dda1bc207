"""A person in a real browser: logs in to the IDE, opens a terminal, runs a command."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.containers import DOCKER, HARDENED, Container, Recipe, running
from tests.e2e.conftest import MVP

TOOLS = "dev8-test"
PASSWORD = "correct horse # battery: staple"
HERE = Path(__file__).resolve().parent


def drive_browser(box: Container, folder: Path) -> "subprocess.CompletedProcess[str]":
    """Run the browser in the workspace's own network, so that all traffic stays on its loopback."""
    folder.chmod(0o777)
    argv = [DOCKER, "run", "--rm", "--network", f"container:{box.name}",
            "-v", f"{HERE / 'browser.py'}:/browser.py:ro", "-v", f"{folder}:/out",
            TOOLS, "python", "/browser.py", "http://127.0.0.1:8080/", PASSWORD, "/out"]  # fmt: skip
    return subprocess.run(argv, check=False, capture_output=True, text=True, timeout=240)


@pytest.mark.parametrize("options", [(), HARDENED], ids=["writable", "hardened"])
def test_terminal_of_the_ide_sees_the_images_path(options: tuple[str, ...], tmp_path: Path) -> None:
    found = subprocess.run([DOCKER, "image", "inspect", TOOLS], check=False, capture_output=True)
    if found.returncode != 0:
        reason = f"no image {TOOLS}: `make test` builds it"
        pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)
    with running(Recipe(MVP, (*options, "-e", f"CODE_SERVER_PASSWORD={PASSWORD}"))) as box:
        box.wait_ready()
        done = drive_browser(box, tmp_path)
        assert done.returncode == 0, done.stderr[-2000:]
        assert "workspace" in json.loads(done.stdout)["title"]
        assert box.execute("cat", "/workspace/seen-path") == box.execute("printenv", "PATH")
