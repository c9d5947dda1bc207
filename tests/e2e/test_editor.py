"""A person in a real browser: logs in to the editor, opens a terminal, runs a command."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.worlds.containers import (
    ANY_UID,
    CHOSEN,
    HARDENED,
    WORKSPACE,
    Container,
    Recipe,
    running,
)
from tests.worlds.tools import (
    find_image,
    find_missing,
    list_programs,
    write_programs,
    write_script,
)

PASSWORD = "correct horse # battery: staple"
USER = "/home/dev8/.local/share/code-server/User"
IMAGE = find_image(WORKSPACE)
SEEN_PATH = "/workspace/seen-path"
PROBE = f"""printf %s "$PATH" >{SEEN_PATH}
{{ {write_script(IMAGE)}
}} >/workspace/seen-tools
"""
PROGRAMS = f"""{{ {write_programs(IMAGE)}
}} >/workspace/seen-programs
"""
"""In a variant, the terminal compiles as well; test_tools.py has that of dev8-mvp."""
HERE = Path(__file__).resolve().parent


def drive_browser(box: Container, folder: Path) -> "subprocess.CompletedProcess[str]":
    """Run the browser in the workspace's own network, so that all traffic stays on its loopback."""
    folder.chmod(0o777)
    options = ("-v", f"{HERE / 'browser.py'}:/browser.py:ro", "-v", f"{folder}:/out")
    words = ("python", "/browser.py", "http://127.0.0.1:8080/", PASSWORD, "/out")
    return box.run_beside(*words, options=options)


@pytest.mark.parametrize("mode", [*(["plain"] if CHOSEN else []), "strictest"])
def test_a_person_logs_in_and_a_terminal_finds_every_tool(mode: str, tmp_path: Path) -> None:
    """A variant as most people run it, too; dev8-mvp's PATH there is in test_first_minute.py.

    test_tools.py has what is between them.
    """
    options = (*ANY_UID, *HARDENED) if mode == "strictest" else ()
    given = ("-e", f"CODE_SERVER_PASSWORD={PASSWORD}", "-e", "DEV8_TRUST=trusted")
    with running(Recipe(WORKSPACE, (*options, *given))) as box:
        box.wait_ready()
        box.execute(
            "sh",
            "-c",
            'printf "%s" "$1" >/workspace/probe',
            "sh",
            PROBE + (PROGRAMS if CHOSEN else ""),
        )
        done = drive_browser(box, tmp_path)
        assert done.returncode == 0, done.stderr[-2000:]
        assert "workspace" in json.loads(done.stdout)["title"]
        check_path(box, SEEN_PATH)
        assert find_missing(IMAGE, box.execute("cat", "/workspace/seen-tools")) == {}
        if CHOSEN and list_programs(IMAGE):
            report = box.execute("cat", "/workspace/seen-programs")
            assert [line.split()[0] for line in report.splitlines()] == list_programs(IMAGE)
        assert find_defaults(box)["terminal.integrated.defaultProfile.linux"] == "bash"
        assert "github.copilot.enable" in find_defaults(box)
        assert not box.execute("sh", "-c", f"ls {USER}/settings.json 2>/dev/null || true")


def check_path(box: Container, path: str) -> None:
    """See that the PATH which a terminal of the editor wrote to a file is that of any shell."""
    seen = box.execute("cat", path).split(":")
    own = [part for part in seen if part.endswith("/bin/remote-cli")]
    assert len(own) == 1, "the editor's own `code`"
    rest = [part for part in seen if part not in own]
    assert rest == box.execute("bash", "-lc", "printenv PATH").split(":")


def find_defaults(box: Container) -> dict[str, object]:
    """Return what the workbench, which keeps them for its next start, took from extensions."""
    cache = f"{USER}/caches/CachedConfigurations/defaults/*/configuration.json"
    defaults = json.loads(box.execute("sh", "-c", f"cat {cache}"))
    assert isinstance(defaults, dict)
    return defaults
