"""Which folders' code may run: who decides, what is remembered, and when it is asked again."""

import os
from pathlib import Path

import pytest

from agent.machine.errors import AgentError
from agent.machine.light.files import SETTINGS
from agent.settings.context import Context
from agent.settings.devcontainer_file import find as find_devcontainer
from agent.settings.everything import Settings
from agent.tools import trust
from agent.tools.trust import Verdict
from tests.worlds.machine import make_facts

TASKS = ".vscode/tasks.json"
CONFIGURATION = ".devcontainer/devcontainer.json"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    found = tmp_path / "demo"
    write(found, CONFIGURATION, "{}")
    write(found, ".devcontainer/scripts/setup.sh", "make")
    write(found, "README.md", "nothing that runs")
    return found


def write(folder: Path, name: str, text: str) -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text)


def open_context(root: Path, given: str = "ask") -> Context:
    variables = {"DEV8_TRUST": given}
    return Context(variables, Settings.from_environ(variables), make_facts(root))


def test_who_starts_the_container_decides(tmp_path: Path, folder: Path) -> None:
    assert trust.find_verdict(open_context(tmp_path, "trusted"), folder) is Verdict.TRUSTED
    off = open_context(tmp_path, "off")
    assert trust.find_verdict(off, folder) is Verdict.OFF
    assert not trust.needs_question(off, folder)
    with pytest.raises(AgentError, match="DEV8_TRUST=off"):
        trust.give(off, folder)
    assert Settings.from_environ({}).hooks.trust == "ask"


def test_off_also_holds_for_what_the_user_trusted_before(tmp_path: Path, folder: Path) -> None:
    trust.give(open_context(tmp_path), folder)
    assert trust.find_verdict(open_context(tmp_path, "off"), folder) is Verdict.OFF


def test_the_answer_is_kept_on_the_volume(tmp_path: Path, folder: Path) -> None:
    assert trust.needs_question(open_context(tmp_path), folder)
    trust.give(open_context(tmp_path), folder)
    again = open_context(tmp_path)
    assert trust.find_verdict(again, folder) is Verdict.TRUSTED
    assert not trust.needs_question(again, folder)
    assert trust.explain(again, folder) is None
    path = trust.ANSWERS.path(again.facts)
    assert path.is_relative_to(again.facts.state)
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "name",
    [CONFIGURATION, ".devcontainer/scripts/setup.sh", ".devcontainer/new", ".devcontainer.json",
     TASKS, ".vscode/settings.json", ".mcp.json", "demo.code-workspace",
     ".claude/settings.local.json", ".codex/hooks.json", ".codex/rules/own.rules",
     ".github/copilot/settings.json", ".github/hooks/start.json", ".gemini/.env",
     ".gemini/extensions/one/gemini-extension.json"],
)  # fmt: skip
def test_a_changed_file_asks_again_and_is_named(tmp_path: Path, folder: Path, name: str) -> None:
    context = open_context(tmp_path)
    trust.give(context, folder)
    write(folder, name, '{"other": "command"}')
    assert trust.find_verdict(context, folder) is Verdict.ASK
    problem = trust.explain(context, folder)
    assert problem is not None
    assert problem.message.endswith(f"changed since you trusted it: {name}")
    assert f"devcopilot trust {folder}" in problem.hint
    assert trust.give(context, folder) == [name]
    assert trust.find_verdict(context, folder) is Verdict.TRUSTED


def test_a_workspace_file_among_thousands_asks_again(tmp_path: Path, folder: Path) -> None:
    """The kernel lists a folder in its own order: wherever the file comes, it is seen."""
    context = open_context(tmp_path)
    names = [f"{number}.code-workspace" for number in range(0, 3000, 100)]
    for number in range(3000):
        (folder / f"file-{number}").touch()
        if f"{number}.code-workspace" in names:
            write(folder, f"{number}.code-workspace", "{}")
    trust.give(context, folder)
    for name in names:
        write(folder, name, '{"tasks": {}}')
    problem = trust.explain(context, folder)
    assert problem is not None
    assert trust.give(context, folder) == sorted(names)


def test_more_workspace_files_than_anybody_looks_at_are_not_trusted(
    tmp_path: Path, folder: Path
) -> None:
    context = open_context(tmp_path)
    for number in range(trust.MOST + 1):
        write(folder, f"{number}.code-workspace", "{}")
    with pytest.raises(AgentError, match="there are more than 500 such files"):
        trust.give(context, folder)


def test_a_workspace_is_not_empty_behind_names_that_volumes_have(tmp_path: Path) -> None:
    folder = tmp_path / "full"
    folder.mkdir()
    for number in range(2 * trust.MOST):
        (folder / f"lost+found-{number}").touch()
    write(folder, "demo.code-workspace", "{}")
    assert trust.needs_question(open_context(tmp_path), folder)


@pytest.mark.parametrize("target", ["elsewhere", "."])
def test_a_file_behind_a_linked_folder_asks_again(tmp_path: Path, target: str) -> None:
    """The hooks of such a file are found and run."""
    context, folder = open_context(tmp_path), tmp_path / "linked"
    write(folder, f"{target}/devcontainer.json", "{}")
    (folder / ".devcontainer").symlink_to(target)
    assert find_devcontainer(folder)
    trust.give(context, folder)
    write(folder, f"{target}/devcontainer.json", '{"postStartCommand": "other"}')
    assert trust.find_verdict(context, folder) is Verdict.ASK


def test_a_linked_folder_that_is_too_large_cannot_be_trusted(tmp_path: Path, folder: Path) -> None:
    for number in range(trust.MOST):
        write(folder, f"src/{number}", "")
    (folder / ".github").mkdir()
    (folder / ".github/hooks").symlink_to("..")
    with pytest.raises(AgentError, match="more than"):
        trust.give(open_context(tmp_path), folder)


def test_a_removed_file_asks_again(tmp_path: Path, folder: Path) -> None:
    context = open_context(tmp_path)
    trust.give(context, folder)
    (folder / CONFIGURATION).unlink()
    assert trust.find_verdict(context, folder) is Verdict.ASK


def test_files_that_run_nothing_change_nothing(tmp_path: Path, folder: Path) -> None:
    context = open_context(tmp_path)
    trust.give(context, folder)
    write(folder, "README.md", "more")
    os.utime(folder / CONFIGURATION, (1, 1))
    (folder / CONFIGURATION).chmod(0o755)
    assert trust.find_verdict(context, folder) is Verdict.TRUSTED


def test_trust_can_be_taken_back(tmp_path: Path, folder: Path) -> None:
    context = open_context(tmp_path)
    trust.give(context, folder)
    assert trust.take(context, folder)
    assert trust.find_verdict(context, folder) is Verdict.ASK
    assert not trust.take(context, folder)


def test_one_folder_says_nothing_of_another(tmp_path: Path, folder: Path) -> None:
    context = open_context(tmp_path)
    write(tmp_path / "other", CONFIGURATION, "{}")
    trust.give(context, folder)
    assert trust.find_verdict(context, tmp_path / "other") is Verdict.ASK


def test_a_link_to_the_folder_is_the_folder(tmp_path: Path, folder: Path) -> None:
    context = open_context(tmp_path)
    (tmp_path / "link").symlink_to(folder)
    trust.give(context, tmp_path / "link")
    assert trust.find_verdict(context, folder) is Verdict.TRUSTED


@pytest.mark.parametrize("content", [(), ("lost+found",), (".devcopilot-clone-1",)])
def test_an_empty_workspace_needs_no_question(tmp_path: Path, content: tuple[str, ...]) -> None:
    for name in content:
        (tmp_path / "empty" / name).mkdir(parents=True)
    context = open_context(tmp_path)
    assert not trust.needs_question(context, tmp_path / "empty")
    write(tmp_path / "empty", "package.json", "{}")
    assert trust.needs_question(context, tmp_path / "empty")


def test_a_damaged_memory_trusts_nothing(tmp_path: Path, folder: Path) -> None:
    context = open_context(tmp_path)
    trust.give(context, folder)
    for text in ("", "[]", '{"a": 1}', "\x00", f'{{"{folder}": null}}'):
        trust.ANSWERS.path(context.facts).write_text(text)
        assert trust.find_verdict(context, folder) is Verdict.ASK


# --- as if somebody hostile had written the repository ---


def test_links_out_of_the_folder_are_not_followed(tmp_path: Path, folder: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("before")
    (folder / ".vscode").mkdir()
    (folder / TASKS).symlink_to(secret)
    (folder / ".mcp.json").symlink_to("/dev/zero")
    context = open_context(tmp_path)
    trust.give(context, folder)
    secret.write_text("after")
    assert trust.find_verdict(context, folder) is Verdict.TRUSTED
    (folder / TASKS).unlink()
    (folder / TASKS).symlink_to(tmp_path / "elsewhere")
    assert trust.find_verdict(context, folder) is Verdict.ASK


def test_a_folder_that_is_a_link_is_not_entered(tmp_path: Path, folder: Path) -> None:
    bare = tmp_path / "bare"
    bare.mkdir()
    (bare / ".devcontainer").symlink_to("/etc")
    (bare / ".vscode").symlink_to("/proc/self")
    assert trust.take_prints(open_context(tmp_path), bare) == {".devcontainer": "-> /etc"}


def test_links_within_the_folder_are_read(tmp_path: Path, folder: Path) -> None:
    write(folder, "config/tasks.json", "{}")
    (folder / ".vscode").symlink_to("config")
    context = open_context(tmp_path)
    trust.give(context, folder)
    write(folder, "config/tasks.json", '{"a": 1}')
    assert trust.find_verdict(context, folder) is Verdict.ASK


@pytest.mark.parametrize("name", [CONFIGURATION, TASKS])
def test_what_is_too_large_cannot_be_trusted(tmp_path: Path, folder: Path, name: str) -> None:
    context = open_context(tmp_path)
    write(folder, name, "{}")
    os.truncate(folder / name, SETTINGS + 1)
    with pytest.raises(AgentError, match=rf"{name}: it is larger than 1024 KiB"):
        trust.give(context, folder)
    assert trust.find_verdict(context, folder) is Verdict.ASK
    problem = trust.explain(context, folder)
    assert problem
    assert "larger than" in problem.message


def test_what_grew_too_large_is_no_longer_trusted(tmp_path: Path, folder: Path) -> None:
    context = open_context(tmp_path)
    trust.give(context, folder)
    os.truncate(folder / CONFIGURATION, 100 * 2**20)
    assert trust.find_verdict(context, folder) is Verdict.ASK


def test_a_pipe_does_not_hold_the_question_up(tmp_path: Path, folder: Path) -> None:
    os.mkfifo(folder / ".mcp.json")
    with pytest.raises(AgentError, match=r"\.mcp\.json: it is not a regular file"):
        trust.give(open_context(tmp_path), folder)


@pytest.mark.parametrize("name", ["/".join("abcdefgh"), None])
def test_a_tree_without_end_cannot_be_trusted(
    tmp_path: Path, folder: Path, name: str | None
) -> None:
    names = [f"{name}/file"] if name else [str(number) for number in range(trust.MOST + 1)]
    for each in names:
        write(folder, f".devcontainer/{each}", "")
    with pytest.raises(AgentError, match="it holds more than"):
        trust.give(open_context(tmp_path), folder)


def test_names_cannot_speak_to_the_terminal(tmp_path: Path, folder: Path) -> None:
    context = open_context(tmp_path)
    trust.give(context, folder)
    write(folder, ".devcontainer/\x1b]0;owned\x07\udc80", "")
    problem = trust.explain(context, folder)
    assert problem
    assert "\x1b" not in str(problem)
    assert trust.give(context, folder) == [".devcontainer/\x1b]0;owned\x07\udc80"]
    assert trust.find_verdict(context, folder) is Verdict.TRUSTED
