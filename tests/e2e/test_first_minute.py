"""The first minute in the editor, in a real browser that nobody has used yet.

Each look at the page leaves a screenshot in reports/editor/.
"""

import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.worlds import browsers
from tests.worlds.containers import (
    ANY_UID,
    HARDENED,
    MVP,
    Container,
    Recipe,
    docker,
    running,
)

PASSWORD = "correct horse # battery: staple"
DEMO = "/workspace/demo"
EVIL = "shop <b>42</b> $` {{PASSWORD_MSG}} $t(SUBMIT)"
SETTINGS = "/home/dev8/.local/share/code-server/User/settings.json"
QUESTION = "Do you trust the code in demo?"
PROMPT = "dev8@"
REPOSITORY = f"""
mkdir -p {DEMO}/.vscode
cd {DEMO} && git init --quiet
printf '# The demo\\n\\nRead me first.\\n' >README.md
echo '{{"editor.tabSize": 3}}' >.vscode/settings.json
"""
OWN_SETTINGS = """
mkdir -p /home/dev8/.local/share/code-server/User
cd /home/dev8/.local/share/code-server/User
echo '{"terminal.integrated.gpuAcceleration": "off"}' >settings.json
"""
"""A person's own: the terminal is text in the page, no picture."""

Look = dict[str, Any]
Steps = tuple[list[str], ...]


def make_recipe(*options: str) -> Recipe:
    return Recipe(MVP, (*options, "-e", f"CODE_SERVER_PASSWORD={PASSWORD}"))


def prepare(box: Container, script: str) -> None:
    box.wait_ready()
    box.execute("sh", "-ec", OWN_SETTINGS + script)


def visit(box: Container, folder: Path, *steps: list[str], path: str = "") -> list[Look]:
    """Have a person do these steps; return what they saw at each `look`."""
    words = (f"http://127.0.0.1:8080/{path}", "/out", json.dumps(steps))
    seen: list[Look] = browsers.browse(box, folder, "editor", "look.py", *words)
    return seen


def check_calm(look: Look) -> None:
    """See that nothing is asked and advertised, and that no chat has the keyboard."""
    assert look["dialogs"] == 0
    for word in ("Restricted Mode", "Coder", "usage data", "Build with Agent", "Trust"):
        assert word not in look["text"], word
    assert not [name for name in look["focus"] if "chat" in name]


@pytest.mark.parametrize("options", [(), (*ANY_UID, *HARDENED)], ids=["plain", "any-uid"])
def test_an_empty_workspace_asks_nothing_and_has_a_terminal(
    options: tuple[str, ...], tmp_path: Path
) -> None:
    with running(make_recipe(*options, "-e", f"ENVIRONMENT_ID={EVIL}")) as box:
        prepare(box, "")
        steps: Steps = (["look", "login"], ["log_in", PASSWORD], ["text", PROMPT],
                 ["look", "empty"],
                 ["type", "echo it-$((40 + 2))-works"], ["text", "it-42-works"])  # fmt: skip
        login, empty = visit(box, tmp_path, *steps)
        assert login["title"] == f"Log in to {EVIL}"
        assert login["text"].startswith(f"Welcome to {EVIL}\nFolder /workspace on ")
        assert "`devcopilot password` prints it" in login["text"]
        assert PASSWORD not in login["text"]
        check_calm(empty)
        assert empty["title"] == f"workspace - {EVIL}"
        assert empty["tabs"] == []
        assert f"{PROMPT}{box.inspect('{{.Config.Hostname}}')}:/workspace$" in empty["text"]


@pytest.fixture
def state() -> Iterator[tuple[str, ...]]:
    """The options of a container with a home and a workspace that outlive it."""
    names = [f"dev8-test-{uuid.uuid4().hex[:8]}" for _ in range(2)]
    yield ("-v", f"{names[0]}:/home/dev8", "-v", f"{names[1]}:/workspace")
    docker("volume", "rm", *names)


def test_a_repository_is_asked_for_once_and_the_next_container_knows(
    state: tuple[str, ...], tmp_path: Path
) -> None:
    """Another browser, too: what remembers is the workspace."""
    path = f"?folder={DEMO}"
    recipe = make_recipe(*state, "-e", f"WORKSPACE_DIR={DEMO}")
    with running(recipe) as box:
        prepare(box, REPOSITORY)
        steps: Steps = (["log_in", PASSWORD], ["text", QUESTION], ["look", "question"],
                 ["click", "Trust"], ["text", "Read me first."], ["text", PROMPT],
                 ["look", "trusted"], ["reload"], ["text", "Read me first."],
                 ["look", "reloaded"])  # fmt: skip
        question, trusted, reloaded = visit(box, tmp_path, *steps, path=path)
        assert question["dialogs"] == 1
        assert "Restricted Mode" in question["status"][0]
        for look in (trusted, reloaded):
            check_calm(look)
            assert ["README.md" in tab for tab in look["tabs"]] == [True]
    with running(recipe) as box:
        box.wait_ready()
        steps = (
            ["log_in", PASSWORD],
            ["text", "Read me first."],
            ["text", PROMPT],
            ["look", "later"],
        )
        (later,) = visit(box, tmp_path, *steps)
        check_calm(later)
        box.execute("sh", "-c", f"echo '{{}}' >{DEMO}/.mcp.json")
        steps = (["log_in", PASSWORD], ["text", QUESTION], ["look", "changed"])
        (changed,) = visit(box, tmp_path, *steps, path=path)
        assert changed["dialogs"] == 1
        assert "changed since you trusted it: .mcp.json" in changed["text"]


def test_not_now_keeps_it_restricted_and_a_command_changes_that(tmp_path: Path) -> None:
    with running(make_recipe()) as box:
        prepare(box, REPOSITORY)
        steps: Steps = (["log_in", PASSWORD], ["text", QUESTION], ["click", "Not Now"],
                 ["text", "Read me first."], ["look", "restricted"],
                 ["reload"], ["text", "Read me first."], ["look", "restricted-again"])  # fmt: skip
        looks = visit(box, tmp_path, *steps, path=f"?folder={DEMO}")
        for look in looks:
            assert look["dialogs"] == 0, "nobody is asked twice"
            assert "Restricted Mode is intended" not in look["text"], "the banner"
            assert "Restricted Mode" in look["status"][0]
        box.execute("devcopilot", "trust", DEMO)
        steps = (["log_in", PASSWORD], ["text", PROMPT], ["look", "by-command"])
        (look,) = visit(box, tmp_path, *steps, path=f"?folder={DEMO}")
        check_calm(look)


def test_whoever_starts_the_container_trusts(tmp_path: Path) -> None:
    with running(make_recipe("-e", "DEV8_TRUST=trusted")) as box:
        prepare(box, REPOSITORY)
        steps: Steps = (["log_in", PASSWORD], ["text", "Read me first."], ["text", PROMPT],
                 ["look", "given"])  # fmt: skip
        (look,) = visit(box, tmp_path, *steps, path=f"?folder={DEMO}")
        check_calm(look)


RAN = "/tmp/ran"
TASK = f"touch {RAN}; echo task-$((40 + 2))-ran"
TASKS = {
    "version": "2.0.0",
    "tasks": [{"label": "own", "type": "shell", "command": TASK,
               "runOptions": {"runOn": "folderOpen"}}],
}  # fmt: skip
ALLOWED = {"task.allowAutomaticTasks": "on"}
AUTOMATIC = f"""{REPOSITORY}
echo '{json.dumps(TASKS)}' >.vscode/tasks.json
echo '{json.dumps(ALLOWED)}' >.vscode/settings.json
"""
"""A repository with a task that runs when its folder is opened, and a setting that allows it."""


def test_tasks_run_by_themselves_only_in_a_trusted_folder_and_where_the_user_allows_it(
    tmp_path: Path,
) -> None:
    own = {"terminal.integrated.gpuAcceleration": "off", **ALLOWED}
    opened: Steps = (["log_in", PASSWORD], ["text", "Read me first."])
    with running(make_recipe()) as box:
        prepare(box, f"{AUTOMATIC}\necho '{json.dumps(own)}' >{SETTINGS}")
        steps: Steps = (["log_in", PASSWORD], ["text", QUESTION], ["click", "Not Now"],
                 ["text", "Read me first."], ["companion"],
                 ["look", "untrusted-task"])  # fmt: skip
        (look,) = visit(box, tmp_path, *steps, path=f"?folder={DEMO}")
        assert "Restricted Mode" in look["status"][0]
        assert box.call("test", "-e", RAN).returncode == 1
        box.execute("devcopilot", "trust", DEMO)
        steps = (*opened, ["text", "task-42-ran"], ["look", "trusted-task"])
        visit(box, tmp_path, *steps, path=f"?folder={DEMO}")
        box.execute("test", "-e", RAN)


def test_a_trusted_folder_cannot_allow_its_own_tasks(tmp_path: Path) -> None:
    """The editor asks: the setting counts only among the user's own."""
    with running(make_recipe("-e", "DEV8_TRUST=trusted")) as box:
        prepare(box, AUTOMATIC)
        steps: Steps = (["log_in", PASSWORD], ["text", "Read me first."], ["text", PROMPT],
                 ["text", "automatic tasks"], ["look", "asked-for-task"])  # fmt: skip
        visit(box, tmp_path, *steps, path=f"?folder={DEMO}")
        assert box.call("test", "-e", RAN).returncode == 1


def test_a_persons_own_way_to_begin_wins_over_the_readme(tmp_path: Path) -> None:
    own = {"terminal.integrated.gpuAcceleration": "off", "workbench.startupEditor": "welcomePage"}
    with running(make_recipe("-e", "DEV8_TRUST=trusted")) as box:
        prepare(box, f"{REPOSITORY}\necho '{json.dumps(own)}' >{SETTINGS}")
        steps: Steps = (["log_in", PASSWORD], ["text", PROMPT], ["text", "Get Started"],
                 ["look", "own-way"])  # fmt: skip
        (look,) = visit(box, tmp_path, *steps, path=f"?folder={DEMO}")
        assert [tab.split(":")[0] for tab in look["tabs"]] == ["Walkthrough"], "VS Code's own page"
        box.execute("devcopilot", "configure")
        assert own.items() <= json.loads(box.execute("cat", SETTINGS)).items()


def test_a_link_cannot_pass_off_a_folder_as_another(tmp_path: Path) -> None:
    """The page opens the last that its URL names."""
    with running(make_recipe()) as box:
        prepare(box, f"{REPOSITORY}\nmkdir /workspace/empty")
        steps: Steps = (["log_in", PASSWORD], ["text", "Restricted Mode"], ["look", "two-folders"])
        path = f"?folder=/workspace/empty&folder={DEMO}"
        (look,) = visit(box, tmp_path, *steps, path=path)
        assert "Restricted Mode" in look["status"][0]


def test_what_is_not_done_is_in_the_status_bar(tmp_path: Path) -> None:
    unit = {
        "name": "clone:demo", "state": "running", "since": "2026-01-01T00:00:00Z", "progress": 42,
    }  # fmt: skip
    with running(make_recipe()) as box:
        prepare(box, "")
        script = 'mkdir -p "$1/units" && printf %s "$2" >"$1/units/clone:demo.json"'
        runtime = "/dev/shm/devcopilot-1000"
        box.execute("sh", "-c", script, "sh", runtime, json.dumps(unit))
        steps: Steps = (["log_in", PASSWORD], ["text", "Setup: clone:demo: running 42 %"],
                 ["look", "cloning"])  # fmt: skip
        visit(box, tmp_path, *steps)
