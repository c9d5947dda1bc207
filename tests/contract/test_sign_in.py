"""The real gh and the real git, signed in by the agent, at a GitHub under its real name."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.workspace import git
from tests.contract.desk import Desk
from tests.fakes.github import FakeGitHub
from tests.worlds.gh import find_gh

FIRST = "ghp_first0123456789"
HOSTS = ("github.com", "acme.ghe.com", "ghe.example.com")
URL = "https://github.com/octo/demo.git"


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[FakeGitHub]:
    with FakeGitHub.in_folder(tmp_path) as hub:
        hub.add_token(FIRST)
        hub.add_repository("octo/demo")
        yield hub


@pytest.fixture
def desk(tmp_path: Path, hub: FakeGitHub) -> Desk:
    return Desk(tmp_path, hub)


@pytest.mark.parametrize("host", HOSTS)
def test_gh_is_signed_in_at_every_kind_of_host(tmp_path: Path, hub: FakeGitHub, host: str) -> None:
    desk = Desk(tmp_path, hub, GH_HOST=host)
    desk.put(FIRST)
    desk.refresh()
    status = desk.gh("auth", "status")
    assert status.returncode == 0, status.stderr
    assert "octo" in status.stdout + status.stderr
    answer = desk.gh("api", "user", "--jq", ".login")
    assert (answer.returncode, answer.stdout.strip()) == (0, "octo")


def test_git_clones_and_pushes_also_what_is_written_as_ssh(desk: Desk) -> None:
    desk.put(FIRST)
    desk.refresh(offline=True)
    done = desk.git("clone", "-q", "git@github.com:octo/demo.git")
    assert done.returncode == 0, done.stderr
    identity = ("-c", "user.name=a", "-c", "user.email=a@example.com")
    desk.git("-C", "demo", *identity, "commit", "-q", "--allow-empty", "-m", "second")
    done = desk.git("-C", "demo", "push", "-q")
    assert done.returncode == 0, done.stderr
    assert desk.git("ls-remote", "ssh://git@github.com/octo/demo.git").stdout.split()[0] == (
        desk.git("-C", "demo", "rev-parse", "HEAD").stdout.strip()
    )


def test_a_rotated_file_reaches_gh_and_git_without_any_restart(desk: Desk, hub: FakeGitHub) -> None:
    assert desk.git("ls-remote", URL).returncode == 128, "no token is there yet"
    for number in range(3):
        token = f"ghp_rotated{number}"
        hub.add_token(token)
        desk.put(token)
        desk.refresh()
        assert desk.git("ls-remote", URL).returncode == 0
        assert desk.gh("api", "user", "--jq", ".login").stdout.strip() == "octo"
        assert desk.gh("auth", "token").stdout.strip() == token
        hub.revoke(token)
        assert desk.git("ls-remote", URL).returncode == 128


def test_our_account_works_after_a_switch_back_to_it(desk: Desk, hub: FakeGitHub) -> None:
    """While another account is the active one, the token is rotated."""
    desk.put(FIRST)
    desk.refresh()
    hub.add_token("gho_the_users_own", login="cat")
    done = desk.gh("auth", "login", "--with-token", stdin="gho_the_users_own\n")
    assert done.returncode == 0, done.stderr
    hub.add_token("ghp_rotated")
    desk.put("ghp_rotated")
    assert desk.refresh().after.problems == {}
    hub.revoke(FIRST)
    assert desk.gh("api", "user", "--jq", ".login").stdout.strip() == "cat"
    assert desk.gh("auth", "switch", "--user", "octo").returncode == 0
    assert desk.gh("api", "user", "--jq", ".login").stdout.strip() == "octo"


def test_a_dead_token_is_a_message_and_no_prompt(desk: Desk, hub: FakeGitHub) -> None:
    desk.put(FIRST)
    desk.refresh()
    hub.revoke(FIRST)
    before = len(hub.requests)
    done = desk.git("ls-remote", URL)
    assert done.returncode == 128
    assert "Authentication failed" in done.stderr or "could not read Username" in done.stderr
    tries = [request for request in hub.requests[before:] if request.token == FIRST]
    assert len(tries) <= 2
    hub.add_token(FIRST)
    assert desk.git("ls-remote", URL).returncode == 0, "the refusal deleted nothing"


def test_another_host_never_sees_the_token(desk: Desk, hub: FakeGitHub) -> None:
    desk.put(FIRST)
    desk.refresh()
    before = len(hub.requests)
    for url in ("https://evil.example.com/octo/demo.git", "https://api.github.com/octo/demo.git"):
        assert desk.git("ls-remote", url).returncode == 128
    assert {request.token for request in hub.requests[before:]} == {None}


def test_readers_never_see_half_a_file(desk: Desk) -> None:
    """gh and git read all the while that tokens are rotated."""
    desk.put(FIRST)
    desk.refresh(offline=True)
    stop = threading.Event()
    failures: list[str] = []
    reads: list[str] = []
    question = "protocol=https\nhost=github.com\n\n"
    helper = ["sh", str(git.HELPER), str(desk.facts.runtime), sys.executable, "get"]
    gh = [find_gh(), "auth", "token"]

    def read(argv: list[str]) -> None:
        while not stop.is_set():
            done = subprocess.run(
                argv, env=desk.shell, input=question, capture_output=True, text=True, check=False
            )
            reads.append(done.stdout)
            if done.returncode or "ghp_" not in done.stdout:
                failures.append(done.stdout + done.stderr)

    threads = [threading.Thread(target=read, args=(argv,)) for argv in (gh, gh, helper)]
    for thread in threads:
        thread.start()
    number = 0
    while (number < 40 or len(reads) < 60) and not failures:
        number += 1
        desk.put(f"ghp_rotated{number}")
        desk.refresh(offline=True)
    stop.set()
    for thread in threads:
        thread.join()
    assert failures == []


def test_no_child_and_no_settings_file_holds_the_token(tmp_path: Path, hub: FakeGitHub) -> None:
    desk = Desk(tmp_path, hub, GITHUB_TOKEN_FILE="", GITHUB_TOKEN=FIRST)
    desk.refresh()
    holders = {
        str(path.relative_to(tmp_path))
        for path in tmp_path.rglob("*")
        if path.is_file() and FIRST.encode() in path.read_bytes()
    }
    assert holders == {
        "runtime/secrets/GITHUB_TOKEN",
        "runtime/tokens/github.com",
        "home/.config/gh/hosts.yml",
    }
    assert all((tmp_path / path).stat().st_mode & 0o077 == 0 for path in holders)
    assert FIRST not in str(desk.shell)
