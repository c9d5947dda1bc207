"""A rotated token file reaches git and gh without any restart; a bad check keeps the last good."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bench.connections import FAKE_GITHUB_OPTIONS, start_fake_github
from tests.e2e.conftest import WORKSPACE_UID
from tests.worlds.containers import BASE, Container, Recipe, running
from tests.worlds.waiting import wait_until

FIRST = "ghp_rotation00000000000000000000000000001"
SECOND = "ghp_rotation00000000000000000000000000002"


def put_token(folder: Path, token: str) -> None:
    """Replace the token file in one step, as a secret manager does."""
    new = folder / "token.new"
    new.write_text(token + "\n")
    new.chmod(0o400)
    if os.geteuid() == 0:
        os.chown(new, WORKSPACE_UID, WORKSPACE_UID)
    new.rename(folder / "token")


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    tmp_path.chmod(0o755)
    return tmp_path


@pytest.fixture
def box(secrets: Path) -> Iterator[Container]:
    """A workspace whose token file does not exist yet, and a GitHub that knows two tokens."""
    options = (
        *("-v", f"{secrets}:/run/secrets:ro", "-e", "GITHUB_TOKEN_FILE=/run/secrets/token"),
        *FAKE_GITHUB_OPTIONS,
    )
    with running(Recipe(BASE, options)) as container:
        start_fake_github(container, FIRST, SECOND)
        container.wait_ready()
        yield container


def gh_token(box: Container) -> str:
    return box.call("gh", "auth", "token").stdout.strip()


def git_password(box: Container) -> str:
    question = "protocol=https\\nhost=github.com\\n\\n"
    answer = box.execute(
        "sh", "-c", f"printf '{question}' | GIT_TERMINAL_PROMPT=0 git credential fill"
    )
    return next(line[9:] for line in answer.splitlines() if line.startswith("password="))


def test_a_late_token_arrives_and_a_rotated_one_replaces_it(box: Container, secrets: Path) -> None:
    assert gh_token(box) == ""
    put_token(secrets, FIRST)
    wait_until(lambda: gh_token(box) == FIRST, "the late token in gh")
    assert git_password(box) == FIRST
    put_token(secrets, SECOND)
    wait_until(lambda: gh_token(box) == SECOND, "the rotated token in gh")
    assert git_password(box) == SECOND
    assert FIRST not in box.logs()
    assert SECOND not in box.logs()


def test_a_vanished_file_keeps_the_last_good_token(box: Container, secrets: Path) -> None:
    put_token(secrets, FIRST)
    wait_until(lambda: gh_token(box) == FIRST, "the token in gh")
    (secrets / "token").unlink()
    for _ in range(3):
        box.call("devcopilot", "refresh")
    assert gh_token(box) == FIRST
    assert git_password(box) == FIRST
    warnings = [event for event in box.events()
                if event["level"] == "warning" and "no such file" in event["message"]]  # fmt: skip
    assert len(warnings) <= 2, "once at the start, once when it vanished"
