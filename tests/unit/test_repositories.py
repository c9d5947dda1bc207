"""DEV8_REPOSITORIES: what is wrong with it is reported as a whole, in one run."""

import pytest

from agent.machine.errors import AgentError
from agent.settings.everything import Settings

SECRET = "hunter2hunter2"


def find_problems(value: str) -> list[str]:
    with pytest.raises(AgentError) as caught:
        Settings.from_environ({"DEV8_REPOSITORIES": value})
    assert caught.value.exit_code == 2
    return [str(problem) for problem in caught.value.problems]


def test_every_malformed_entry_is_named_in_one_run() -> None:
    bad = [
        f"https://x:{SECRET}@github.com/octo/demo", "ext::sh -c x", "octo/demo#a..b",
        "octo/demo deep=1", "-u", "file:///etc",
    ]  # fmt: skip
    problems = find_problems("\n".join(["octo/good", *bad[:3], "; ".join(bad[3:])]))
    for entry, problem in zip(bad, problems, strict=True):
        shown = entry.replace(f"x:{SECRET}", "***")
        assert problem.startswith(f"DEV8_REPOSITORIES: cannot clone {shown}: "), problem
    assert SECRET not in "".join(problems)


def test_two_entries_with_one_folder_are_both_named() -> None:
    (problem,) = find_problems("octo/demo\nother/demo")
    assert "octo/demo goes into demo" in problem
    assert "other/demo" in problem
    assert "dir=NAME" in problem


def test_a_wrong_repository_does_not_hide_what_else_is_wrong() -> None:
    with pytest.raises(AgentError) as caught:
        Settings.from_environ({"DEV8_REPOSITORIES": "ext::x", "DEV8_SSH_PORT": "x"})
    assert len(caught.value.problems) == 2
