"""Shells: exports of keys in start-up files are named by line, and nothing is ever changed."""

from pathlib import Path

import pytest

from agent.settings.context import Context
from agent.settings.everything import Settings
from agent.workspace import shell
from tests.worlds.machine import Machine, make_facts

KEY = "sk-stale-0123456789"


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path, shell.resources)


def write(machine: Machine, name: str, text: str) -> Path:
    path = machine.facts.home / name
    path.write_text(text)
    return path


def test_a_home_without_exports_is_silent(machine: Machine) -> None:
    write(machine, ".bashrc", "# export GITHUB_TOKEN=x\nalias gs='git status'\n")
    assert machine.configure() == []


def test_lines_and_variable_are_named_and_the_value_is_not(machine: Machine) -> None:
    text = f"alias x=y\nexport ANTHROPIC_API_KEY='{KEY}'\n\nexport ANTHROPIC_API_KEY='{KEY}2'\n"
    path = write(machine, ".bashrc", text)
    (problem,) = machine.configure(ANTHROPIC_API_KEY="sk-fresh")
    assert problem == (
        f"{path} exports ANTHROPIC_API_KEY in lines 2, 4: in shells it overrides the value that "
        "the agent keeps up to date (remove those lines; run `unset ANTHROPIC_API_KEY` in open "
        "shells)"
    )
    assert path.read_text() == text


@pytest.mark.parametrize("name", shell.FILES)
def test_every_file_is_looked_at(machine: Machine, name: str) -> None:
    path = write(machine, name, f"export GH_TOKEN={KEY}\n")
    (problem,) = machine.configure()
    assert problem.startswith(f"{path} exports GH_TOKEN in line 1:")


@pytest.mark.parametrize(
    "line",
    [
        "export GITHUB_TOKEN=x",
        "  export GITHUB_TOKEN",
        "GITHUB_TOKEN=x; export GITHUB_TOKEN",
        "export A=1 GITHUB_TOKEN=x",
        "declare -gx GITHUB_TOKEN=x",
        "typeset -x GITHUB_TOKEN=x",
        "[ -n x ] && export GITHUB_TOKEN=$(cat token)",
        "if true; then export GITHUB_TOKEN=x; fi",
        "{ export GITHUB_TOKEN=x; }",
    ],
)
def test_an_export_is_found(line: str) -> None:
    assert shell.find_exports([b"", line.encode()], "GITHUB_TOKEN") == [2]


@pytest.mark.parametrize(
    "line",
    [
        "# export GITHUB_TOKEN=x",
        "GITHUB_TOKEN=x make",
        "export MY_GITHUB_TOKEN=x",
        "export GITHUB_TOKENS=x",
        "export TOKEN=$GITHUB_TOKEN",
        "unset GITHUB_TOKEN",
        "echo export GITHUB_TOKEN=x",
    ],
)
def test_what_only_looks_like_one_is_none(line: str) -> None:
    assert shell.find_exports([line.encode()], "GITHUB_TOKEN") == []


@pytest.mark.parametrize(
    ("variables", "level"), [({}, "info"), ({"GITHUB_TOKEN": "ghp_x"}, "warning")]
)
def test_it_is_a_warning_when_it_beats_something(
    tmp_path: Path, variables: dict[str, str], level: str
) -> None:
    facts = make_facts(tmp_path)
    (facts.home / ".profile").write_bytes(b"\xff\nexport GH_TOKEN=x\n")
    (problem,) = shell.resources(Context({}, Settings.from_environ(variables), facts))
    assert problem.level == level
