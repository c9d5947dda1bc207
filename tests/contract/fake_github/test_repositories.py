"""The real git at the fake GitHub: what it may read and write, and many at once."""

import os
import subprocess
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.contract.fake_github.asking import APP, make_key
from tests.fakes.github import FakeGitHub, Known, Pattern

URL = "https://github.com/acme/one.git"
Done = subprocess.CompletedProcess[str]


class HubDesk:
    """A shell whose git reaches the fake under its real names."""

    def __init__(self, root: Path, hub: FakeGitHub) -> None:
        self.root, self.hub = root, hub
        self.environ = {
            "PATH": os.environ["PATH"],
            "HOME": str(root),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_SSL_CAINFO": str(hub.authority),
            "HTTPS_PROXY": hub.url,
        }

    def git(self, token: str, *words: str) -> Done:
        """Run git with a helper that hands out this token."""
        helper = f"!printf 'username=x\\npassword=%s\\n' \"{token}\"; :"
        argv = ["git", "-c", "credential.helper=", "-c", f"credential.helper={helper}",
                "-c", "user.name=a", "-c", "user.email=a@example.com", *words]  # fmt: skip
        return subprocess.run(
            argv, env=self.environ, cwd=self.root, capture_output=True, text=True, check=False,
            timeout=120,
        )  # fmt: skip


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[FakeGitHub]:
    with FakeGitHub.in_folder(tmp_path) as hub:
        hub.add_app(app_id=APP, public_key_pem=make_key()[1])
        hub.add_repository("acme/one")
        hub.add_repository("acme/two")
        yield hub


@pytest.fixture
def desk(tmp_path: Path, hub: FakeGitHub) -> HubDesk:
    return HubDesk(tmp_path, hub)


def mint(hub: FakeGitHub, *names: str, **permissions: str) -> str:
    """Install the App so and return a token."""
    made = hub.add_installation(APP, 99, "acme", repositories=names or None,
                                permissions=permissions or None)  # fmt: skip
    return hub.mint(made).value


def test_who_may_write_clones_fetches_and_pushes(desk: HubDesk, hub: FakeGitHub) -> None:
    token = mint(hub)
    assert desk.git(token, "clone", "-q", URL).returncode == 0
    desk.git(token, "-C", "one", "commit", "-q", "--allow-empty", "-m", "second")
    done = desk.git(token, "-C", "one", "push", "-q")
    assert done.returncode == 0, done.stderr
    assert desk.git(token, "-C", "one", "fetch", "-q").returncode == 0
    head = desk.git(token, "-C", "one", "rev-parse", "HEAD").stdout
    assert desk.git(token, "ls-remote", URL, "refs/heads/main").stdout.split()[0] == head.strip()


def test_who_may_read_does_not_push(desk: HubDesk, hub: FakeGitHub) -> None:
    token = mint(hub, "one", contents="read")
    assert desk.git(token, "clone", "-q", URL).returncode == 0
    desk.git(token, "-C", "one", "commit", "-q", "--allow-empty", "-m", "second")
    done = desk.git(token, "-C", "one", "push", "-q")
    assert done.returncode == 128
    assert "Write access to repository not granted." in done.stderr
    assert "403" in done.stderr


@pytest.mark.parametrize("permissions", [{"contents": "read"}, {"issues": "write"}])
def test_what_a_token_does_not_reach_is_not_found(
    desk: HubDesk, hub: FakeGitHub, permissions: dict[str, str]
) -> None:
    token = mint(hub, "one", **permissions)
    missing = URL.replace("one", "two") if "contents" in permissions else URL
    done = desk.git(token, "ls-remote", missing)
    assert done.returncode == 128
    assert "Repository not found." in done.stderr


def test_users_reach_what_their_scopes_or_their_app_let_them(
    desk: HubDesk, hub: FakeGitHub
) -> None:
    hub.add_token("ghp_gist", scopes="gist, read:org")
    hub.add_token("ghp_repo", scopes="repo")
    hub.add_token("ghp_elsewhere", host="ghe.example.com")
    access, _ = hub.add_user_pair("octo")
    for token in ("ghp_gist", "ghp_elsewhere", access):
        assert desk.git(token, "ls-remote", URL).returncode == 128
    mint(hub, "one")
    for token in ("ghp_repo", access):
        assert desk.git(token, "ls-remote", URL).returncode == 0
    assert desk.git(access, "ls-remote", URL.replace("one", "two")).returncode == 128


def test_a_large_repository_survives_both_ways(desk: HubDesk, hub: FakeGitHub) -> None:
    hub.add_repository("acme/large", megabytes=20)
    token = mint(hub)
    url = URL.replace("one", "large")
    done = desk.git(token, "clone", "-q", url)
    assert done.returncode == 0, done.stderr
    (desk.root / "large/more").write_bytes(os.urandom(8 << 20))
    desk.git(token, "-C", "large", "add", "more")
    desk.git(token, "-C", "large", "commit", "-q", "-m", "more")
    done = desk.git(token, "-C", "large", "push", "-q")
    assert done.returncode == 0, done.stderr
    assert any(each.path.endswith("git-receive-pack") and each.method == "POST"
               for each in hub.requests)  # fmt: skip


def test_a_token_revoked_in_the_middle_of_a_clone_stops_it(desk: HubDesk, hub: FakeGitHub) -> None:
    token = mint(hub)
    hub.revoke_after(Pattern(ends="/info/refs"))
    done = desk.git(token, "clone", "-q", URL)
    assert done.returncode == 128
    last = hub.requests[-1]
    assert (last.method, last.status) == ("POST", 401)


def test_many_clients_with_tokens_of_four_seconds_are_all_served(
    desk: HubDesk, hub: FakeGitHub
) -> None:
    """Eight loops take their token from a file; the time goes on with what they get done."""
    made = hub.add_installation(APP, 99, "acme")
    hub.add_app(app_id=APP, token_life=timedelta(seconds=4))
    path, lock = desk.root / "token", threading.Lock()
    time = datetime.now(UTC)
    hub.clock = lambda: time
    lived: list[Known] = []
    results: list[str] = []

    def renew() -> None:
        lived.append(hub.mint(made))
        new = path.with_suffix(".new")
        new.write_text(lived[-1].value)
        new.rename(path)

    def loop() -> None:
        nonlocal time
        while len(results) < 80:
            done = desk.git(f"$(cat {path})", "ls-remote", URL)
            with lock:
                results.append(done.stderr)
                if len(results) % 16 == 0:
                    time += timedelta(seconds=1)
                    renew()

    renew()
    threads = [threading.Thread(target=loop) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)
    assert set(results) == {""}
    assert len(results) >= 80
    assert hub.find(lived[0].value) is None, "the first token is dead by now"
    assert {request.token for request in hub.requests} <= {None, *(each.value for each in lived)}
    assert hub.most_at_once > 1
