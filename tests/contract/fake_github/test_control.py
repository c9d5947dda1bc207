"""A fake GitHub in another process is driven as if it were here."""

import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests

from tests.fakes.github import FakeGitHub, Fault, Pattern
from tests.worlds.containers import find_free_port
from tests.worlds.github_net import reach
from tests.worlds.programs import Awaited

TOP = Path(__file__).resolve().parents[3]


@pytest.fixture
def port() -> int:
    return find_free_port()


@pytest.fixture
def hub(port: int, tmp_path: Path) -> Iterator[FakeGitHub]:
    argv = [sys.executable, "-m", "tests.fakes.github", "--port", str(port),
            "--folder", str(tmp_path), "--token", "ghp_first"]  # fmt: skip
    with Awaited[bytes](argv, cwd=TOP) as process:
        yield reach(tmp_path / "control")
        process.terminate()
        assert process.wait(timeout=120) == 0, "it ends when it is told to"


def ask(port: int, folder: Path, token: str) -> int:
    session = requests.Session()
    session.trust_env = False
    answer = session.get(
        f"https://localhost:{port}/user", headers={"Authorization": f"token {token}"},
        verify=str(folder / "ca.pem"), timeout=120,
    )  # fmt: skip
    return answer.status_code


def test_all_that_a_test_says_goes_over(hub: FakeGitHub, port: int, tmp_path: Path) -> None:
    assert ask(port, tmp_path, "ghp_first") == 200
    hub.add_token("ghp_two", expires=datetime.now(UTC) + timedelta(hours=1))
    hub.fail(Fault(status=502, where=Pattern(token="ghp_first")))
    assert [ask(port, tmp_path, token) for token in ("ghp_first", "ghp_two")] == [502, 200]
    hub.heal()
    hub.skew = timedelta(hours=2)
    assert hub.skew == timedelta(hours=2)
    assert [ask(port, tmp_path, token) for token in ("ghp_first", "ghp_two")] == [200, 401]
    assert [request.status for request in hub.requests] == [200, 502, 200, 200, 401]
    assert hub.add_repository("octo/demo").is_dir()


def test_what_is_wrong_is_raised_here(hub: FakeGitHub) -> None:
    with pytest.raises(KeyError):
        hub.revoke("ghp_never_added")
    with pytest.raises(ValueError, match="was added"):
        hub.add_user_pair("octo")
