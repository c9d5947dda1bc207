"""The first minute in the editor, in a real browser that nobody has used yet.

Each look at the page leaves a screenshot in reports/editor/.
"""

import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.test_editor import check_path
from tests.worlds.browsers import EDITOR, Browser, browsing
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
PROMPT = "dev8@"
REPOSITORY = """
mkdir -p $1/.vscode
cd $1 && git init --quiet
printf '# The demo\\n\\nRead me first.\\n' >README.md
echo '{"editor.tabSize": 3}' >.vscode/settings.json
"""
PLAIN = {"terminal.integrated.gpuAcceleration": "off"}
"""A person's own setting: the terminal is text in the page, no picture."""

PATH = "/workspace/seen-path"
SHOW_PATH = f'printf %s "$PATH" >{PATH}; echo path-$((40 + 2))-shown'
UNIT = {
    "name": "clone:demo", "state": "running", "since": "2026-01-01T00:00:00Z", "progress": 42,
}  # fmt: skip
WRITE_UNIT = """
folder=/dev/shm/devcopilot-$(id -u)/units
mkdir -p $folder && printf %s "$1" >$folder/clone:demo.json
"""

Look = dict[str, Any]
Steps = tuple[list[str], ...]


@dataclass(frozen=True)
class Desk:
    """A workspace, and a browser beside it."""

    box: Container
    browser: Browser

    def set_up(self, **own: object) -> None:
        """Give the person these settings of their own."""
        script = 'mkdir -p "${1%/*}" && printf %s "$2" >"$1"'
        self.box.execute("sh", "-ec", script, "sh", SETTINGS, json.dumps(PLAIN | own))

    def add_repository(self, folder: str, script: str = REPOSITORY) -> None:
        self.box.execute("sh", "-ec", script, "sh", folder)


@contextmanager
def make_desk(folder: Path, *options: str) -> Iterator[Desk]:
    recipe = Recipe(MVP, (*options, "-e", f"CODE_SERVER_PASSWORD={PASSWORD}"))
    with running(recipe) as box, browsing(box, folder, "editor") as browser:
        box.wait_ready()
        desk = Desk(box, browser)
        desk.set_up()
        yield desk


@pytest.fixture(scope="module")
def trusting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A workspace that whoever starts the container trusts, with a folder for each test."""
    with make_desk(tmp_path_factory.mktemp("trusting"), "-e", "DEV8_TRUST=trusted") as desk:
        yield desk


def check_calm(look: Look) -> None:
    """See that nothing is asked and advertised, and that no chat has the keyboard."""
    assert look["dialogs"] == 0
    for word in ("Restricted Mode", "Coder", "usage data", "Build with Agent", "Trust"):
        assert word not in look["text"], word
    assert not [name for name in look["focus"] if "chat" in name]


def check_readme_is_open_once(look: Look) -> None:
    """See that it is the only page that is open."""
    assert ["README.md" in tab for tab in look["tabs"]] == [True]


@pytest.mark.parametrize("options", [(), (*ANY_UID, *HARDENED)], ids=["plain", "any-uid"])
def test_an_empty_workspace_asks_nothing_has_a_terminal_and_says_what_is_not_done(
    options: tuple[str, ...], tmp_path: Path
) -> None:
    """A click on what the status bar says of the workspace opens its page."""
    with make_desk(tmp_path, *options, "-e", f"ENVIRONMENT_ID={EVIL}") as desk:
        steps: Steps = (["look", "login"], ["log_in", PASSWORD], ["text", PROMPT],
                 ["look", "empty"],
                 ["type", SHOW_PATH], ["text", "path-42-shown"])  # fmt: skip
        login, empty = desk.browser.visit(*steps)
        assert login["title"] == f"Log in to {EVIL}"
        assert login["text"].startswith(f"Welcome to {EVIL}\nFolder /workspace on ")
        assert "`devcopilot password` prints it" in login["text"]
        assert PASSWORD not in login["text"]
        check_calm(empty)
        assert empty["title"] == f"workspace - {EVIL}"
        assert empty["tabs"] == []
        assert f"{PROMPT}{desk.box.inspect('{{.Config.Hostname}}')}:/workspace$" in empty["text"]
        check_path(desk.box, PATH)
        desk.box.execute("sh", "-ec", WRITE_UNIT, "sh", json.dumps(UNIT))
        steps = (["text", "Setup: clone:demo: running 42 %"], ["look", "cloning"],
                 ["follow", "Workspace: "], ["look", "from-the-editor"])  # fmt: skip
        _, page = desk.browser.go_on(*steps)
        assert page["title"].endswith(f" · {EVIL}")


@pytest.fixture
def state() -> Iterator[tuple[str, ...]]:
    """The options of a container with a home and a workspace that outlive it."""
    names = [f"dev8-test-{uuid.uuid4().hex[:8]}" for _ in range(2)]
    yield ("-v", f"{names[0]}:/home/dev8", "-v", f"{names[1]}:/workspace")
    docker("volume", "rm", *names)


def ask_for(folder: str) -> list[str]:
    """Return the step that waits for the question about a folder."""
    return ["text", f"Do you trust the code in {Path(folder).name}?"]


def test_a_repository_is_asked_for_once_and_the_next_container_knows(
    state: tuple[str, ...], tmp_path: Path
) -> None:
    """Another browser, too: what remembers is the workspace.

    A link cannot pass the folder off as one that needs no trust: the page opens the last that its
    URL names. (Who is not logged in comes to neither of them.) It is the page's second time with
    this folder, whose README is not opened twice.
    """
    options = (*state, "-e", f"WORKSPACE_DIR={DEMO}")
    with make_desk(tmp_path, *options) as desk:
        desk.add_repository(DEMO)
        steps: Steps = (["log_in", PASSWORD], ask_for(DEMO), ["text", "Restricted Mode"],
                 ["look", "question"], ["click", "Trust"], ["text", "Read me first."],
                 ["text", PROMPT], ["look", "trusted"])  # fmt: skip
        question, trusted = desk.browser.visit(*steps, path=f"?folder={DEMO}")
        assert question["dialogs"] == 1
        assert "Restricted Mode" in question["status"][0]
        check_calm(trusted)
        check_readme_is_open_once(trusted)
    with make_desk(tmp_path, *options) as desk:
        steps = (
            ["log_in", PASSWORD],
            ["text", "Read me first."],
            ["text", PROMPT],
            ["stored", "README.md"],
            ["look", "later"],
        )
        (later,) = desk.browser.visit(*steps)
        check_calm(later)
        desk.box.execute("sh", "-c", f"mkdir /workspace/empty; echo '{{}}' >{DEMO}/.mcp.json")
        steps = (["open", f"{EDITOR}?folder=/workspace/empty&folder={DEMO}"],
                 ask_for(DEMO), ["text", "Restricted Mode"], ["text", "Read me first."],
                 ["look", "changed"])  # fmt: skip
        (changed,) = desk.browser.go_on(*steps)
        assert changed["dialogs"] == 1
        assert "demo" in changed["title"]
        assert "Restricted Mode" in changed["status"][0]
        assert "changed since you trusted it: .mcp.json" in changed["text"]
        check_readme_is_open_once(changed)


ALLOWED = {"task.allowAutomaticTasks": "on"}
RAN = "/tmp/ran"
TASK = f"touch {RAN}; echo task-$((40 + 2))-ran"
TASKS = {
    "version": "2.0.0",
    "tasks": [{"label": "own", "type": "shell", "command": TASK,
               "runOptions": {"runOn": "folderOpen"}}],
}  # fmt: skip
AUTOMATIC = f"""{REPOSITORY}
echo '{json.dumps(TASKS)}' >.vscode/tasks.json
echo '{json.dumps(ALLOWED)}' >.vscode/settings.json
"""
"""A repository with a task that runs when its folder is opened, and a setting that allows it."""


def test_not_now_keeps_it_restricted_runs_no_task_and_a_command_changes_that(
    tmp_path: Path,
) -> None:
    """The user allows tasks to run when a folder is opened: they do only in a trusted one."""
    path = f"?folder={DEMO}"
    with make_desk(tmp_path) as desk:
        desk.set_up(**ALLOWED)
        desk.add_repository(DEMO, AUTOMATIC)
        steps: Steps = (["log_in", PASSWORD], ask_for(DEMO), ["click", "Not Now"],
                 ["text", "Read me first."], ["look", "restricted"], ["stored", "README.md"],
                 ["reload"], ["text", "Read me first."], ["companion"],
                 ["look", "restricted-again"], ["stored", "README.md"])  # fmt: skip
        for look in desk.browser.visit(*steps, path=path):
            assert look["dialogs"] == 0, "nobody is asked twice"
            assert "Restricted Mode is intended" not in look["text"], "the banner"
            assert "Restricted Mode" in look["status"][0]
        assert desk.box.call("test", "-e", RAN).returncode == 1
        desk.box.execute("devcopilot", "trust", DEMO)
        steps = (["reload"], ["text", "Read me first."], ["text", "task-42-ran"],
                 ["look", "by-command"])  # fmt: skip
        (look,) = desk.browser.go_on(*steps)
        check_calm(look)
        desk.box.execute("test", "-e", RAN)


def test_whoever_starts_the_container_trusts_and_allows_no_tasks(trusting: Desk) -> None:
    """The folder cannot allow its own: the editor asks, as that setting counts only in a user's."""
    folder = "/workspace/tasks"
    trusting.set_up()
    trusting.add_repository(folder, AUTOMATIC)
    steps: Steps = (["log_in", PASSWORD], ["text", "Read me first."], ["text", PROMPT],
             ["look", "given"],
             ["text", "automatic tasks"], ["look", "asked-for-task"])  # fmt: skip
    given, _ = trusting.browser.visit(*steps, path=f"?folder={folder}")
    check_calm(given)
    assert trusting.box.call("test", "-e", RAN).returncode == 1


def test_a_persons_own_way_to_begin_wins_over_the_readme(trusting: Desk) -> None:
    own = {"workbench.startupEditor": "welcomePage"}
    folder = "/workspace/own-way"
    trusting.set_up(**own)
    trusting.add_repository(folder)
    steps: Steps = (["log_in", PASSWORD], ["text", PROMPT], ["text", "Get Started"],
             ["look", "own-way"])  # fmt: skip
    (look,) = trusting.browser.visit(*steps, path=f"?folder={folder}")
    assert [tab.split(":")[0] for tab in look["tabs"]] == ["Walkthrough"], "VS Code's own page"
    trusting.box.execute("devcopilot", "configure")
    assert own.items() <= json.loads(trusting.box.execute("cat", SETTINGS)).items()
