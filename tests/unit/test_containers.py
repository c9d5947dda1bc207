"""The tests' own containers: what a recipe lacks so that no test talks to the world."""

import re
from pathlib import Path

import pytest

from agent.settings.everything import variables
from tests.worlds import containers
from tests.worlds.containers import QUIET, Container, keep_quiet

TESTS = Path(__file__).resolve().parents[1]


def test_a_plain_recipe_reaches_neither_github_nor_npm() -> None:
    options = keep_quiet(("--read-only", "-e", "GITHUB_TOKEN=ghp_any"))
    assert options == ("-e", "DEV8_GITHUB_API_URL=http://127.0.0.1:1", "-e", "DEV8_AI_TOOLS=off")
    assert {entry.name for _, entry in variables()} >= QUIET.keys()


@pytest.mark.parametrize("name", QUIET)
def test_what_the_recipe_says_itself_counts(name: str) -> None:
    assert not any(name in word for word in keep_quiet(("-e", f"{name}=other")))


def test_a_network_of_its_own_is_quiet_enough() -> None:
    assert keep_quiet(("--network", "none")) == ()


def test_networks_that_recipes_name_have_nothing_but_loopback() -> None:
    named = {
        network
        for file in (*TESTS.glob("*.py"), *TESTS.glob("bench/*.py"), *TESTS.glob("e2e/*.py"))
        for network in re.findall(r'"--network", f?"([^"]+)"', file.read_text())
    }
    assert named
    assert all(name == "none" or name.startswith("container:") for name in named), named


def test_one_that_does_not_end_is_a_timeout_with_its_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = tmp_path / "docker"
    engine.write_text('#!/bin/sh\n[ "$1" = wait ] && exec sleep 600\necho "its log"\n')
    engine.chmod(0o755)
    monkeypatch.setattr(containers, "DOCKER", str(engine))
    with pytest.raises(TimeoutError, match=r"still runs after 0\.1 s; the log:\nits log"):
        Container("box", 1, 2).wait_exit(0.1)
