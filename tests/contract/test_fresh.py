"""A token for a command that a person types; tests/contract/test_broker.py has it with a broker."""

import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from agent.github import published
from agent.github.fresh import find_fresh
from agent.machine.errors import AgentError
from tests.contract.workspace import HubWorkspace
from tests.fakes.github import FakeGitHub
from tests.worlds.clocks import NOON

FIRST, SECOND = "ghp_first0123456789", "ghp_second0123456789"


@pytest.fixture
def hub() -> Iterator[FakeGitHub]:
    with FakeGitHub() as hub:
        hub.add_token(FIRST, "octo", expires=NOON + timedelta(hours=1))
        hub.add_token(SECOND, "octo")
        yield hub


@pytest.fixture
def workspace(tmp_path: Path, hub: FakeGitHub) -> HubWorkspace:
    return HubWorkspace(tmp_path, hub)


def find(workspace: HubWorkspace, host: str = "") -> str:
    return find_fresh(replace(workspace.context), host or workspace.host).value.reveal()


def test_a_token_that_lives_on_is_given_as_it_is(workspace: HubWorkspace) -> None:
    workspace.put(FIRST)
    workspace.refresh()
    workspace.file.unlink()
    assert find(workspace) == FIRST


def test_a_token_without_an_end_is_given_as_it_is(workspace: HubWorkspace) -> None:
    workspace.put(SECOND)
    workspace.refresh()
    workspace.file.unlink()
    assert find(workspace) == SECOND


def test_without_a_broker_a_token_is_published_for_gh_as_well(workspace: HubWorkspace) -> None:
    workspace.put(FIRST)
    assert find(workspace) == FIRST
    assert workspace.tokens() == (FIRST, FIRST)


def test_a_token_that_ends_soon_is_replaced(workspace: HubWorkspace) -> None:
    workspace.put(FIRST)
    workspace.refresh()
    workspace.clock.go(seconds=3595)
    workspace.put(SECOND)
    assert find(workspace) == SECOND
    assert workspace.tokens() == (SECOND, SECOND)


def test_a_file_that_was_replaced_meanwhile_is_read(workspace: HubWorkspace) -> None:
    workspace.put(SECOND)
    workspace.refresh()
    os.utime(published.token_path(workspace.facts, workspace.host), (1, 1))
    workspace.put(FIRST)
    assert find(workspace) == FIRST


def test_a_token_that_ends_soon_is_better_than_none(workspace: HubWorkspace) -> None:
    workspace.put(FIRST)
    workspace.refresh()
    workspace.clock.go(seconds=3595)
    assert find(workspace) == FIRST


def test_a_token_that_has_ended_is_not_given(workspace: HubWorkspace) -> None:
    workspace.put(FIRST)
    workspace.refresh()
    workspace.clock.go(seconds=3600)
    with pytest.raises(AgentError, match=r"github\.com"):
        find(workspace)


def test_the_reason_why_there_is_none_is_told(workspace: HubWorkspace) -> None:
    with pytest.raises(AgentError, match=r"GITHUB_TOKEN_FILE.*no such file"):
        find(workspace)


def test_a_host_without_a_source_is_told(workspace: HubWorkspace) -> None:
    with pytest.raises(AgentError, match=r"no token source is configured for ghe\.example\.com"):
        find(workspace, "ghe.example.com")
