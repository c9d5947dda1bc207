"""The real gh and git, old and new, at a fake GitHub under the real host names."""

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e.conftest import write_secret
from tests.fakes.github import Pattern
from tests.worlds.containers import BASE, DOCKER
from tests.worlds.github_net import (
    GHS,
    GITS,
    HOSTS,
    Done,
    GitHubNet,
    github_net,
    mount_programs,
)
from tests.worlds.waiting import wait_until

TOKEN = "ghp_realnames000000000000000000000000001"
URL = "https://github.com/octo/demo.git"
HELPER = Path(__file__).parent / "second-chance"


# --- gh: signed in by the workspace's own agent


@pytest.fixture(scope="module")
def programs() -> Iterator[tuple[str, ...]]:
    """The options of a container that has each gh."""
    with mount_programs(*(f"gh-{name}" for name in GHS)) as options:
        yield options


@pytest.fixture(scope="module", params=HOSTS)
def workspace(
    request: pytest.FixtureRequest,
    programs: tuple[str, ...],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[GitHubNet]:
    """A workspace whose agent has a token for this host."""
    secrets, folder = tmp_path_factory.mktemp("secrets"), tmp_path_factory.mktemp("net")
    secrets.chmod(0o755)
    token = write_secret(secrets / "token", TOKEN + "\n")
    options = (*programs, "-v", f"{token}:/run/secrets/token:ro",
               "-e", f"GH_HOST={request.param}",
               "-e", "GITHUB_TOKEN_FILE=/run/secrets/token")  # fmt: skip
    with github_net(folder, BASE, options, command=()) as net:
        net.hub.add_token(TOKEN, host=request.param)
        net.box.wait_ready()
        done = net.run("devcopilot", "refresh")
        assert done.returncode == 0, done.stdout + done.stderr
        yield net


@pytest.mark.parametrize("gh", GHS)
def test_gh_is_signed_in_by_the_agent_at_every_kind_of_host(workspace: GitHubNet, gh: str) -> None:
    # 2.23 wants to be told the host for this one command, whatever GH_HOST says.
    host = workspace.run("printenv", "GH_HOST").stdout.strip()
    token = workspace.run(GHS[gh], "auth", "token", "--hostname", host)
    assert (token.returncode, token.stdout.strip()) == (0, TOKEN)
    status = workspace.run(GHS[gh], "auth", "status")
    assert status.returncode == 0, status.stderr
    assert "octo" in status.stdout + status.stderr
    answer = workspace.run(GHS[gh], "api", "user", "--jq", ".login")
    assert (answer.returncode, answer.stdout.strip()) == (0, "octo")


# --- gh: a person's own login


@pytest.fixture(scope="module")
def net(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GitHubNet]:
    """All programs, and no agent."""
    folder = tmp_path_factory.mktemp("net")
    with github_net(folder, options=("-v", f"{HELPER}:/second-chance:ro")) as net:
        net.hub.device_interval = 1
        net.hub.add_repository("octo/demo")
        yield net


@pytest.fixture(scope="module")
def long_token(net: GitHubNet) -> str:
    """An installation token in the newer form."""
    net.hub.add_app(app_id=1, public_key_pem="not asked for", long_tokens=True)
    installation = net.hub.add_installation(1, 2, "octo")
    token = net.hub.mint(installation).value
    assert len(token) == 520
    return token


@pytest.mark.parametrize("gh", GHS)
def test_a_person_logs_in_with_ghs_own_device_flow(net: GitHubNet, gh: str) -> None:
    home = ("-e", f"HOME=/tmp/login-{gh}")
    argv = ["auth", "login", "--hostname", "github.com", "--git-protocol", "https", "--web"]
    login = subprocess.Popen(
        [DOCKER, "exec", *home, net.box.name, GHS[gh], *argv],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    wait_until(lambda: net.hub.user_codes or login.poll() is not None, "the one-time code")
    (code,) = net.hub.user_codes
    net.hub.approve(code, f"person-{gh}")
    said, _ = login.communicate(timeout=120)
    assert login.returncode == 0, said
    assert code in said
    answer = net.run(GHS[gh], "api", "user", "--jq", ".login", HOME=f"/tmp/login-{gh}")
    assert answer.stdout.strip() == f"person-{gh}"


@pytest.mark.parametrize("gh", GHS)
def test_a_token_of_520_characters_works_in_gh(net: GitHubNet, long_token: str, gh: str) -> None:
    answer = net.run(GHS[gh], "api", "repos/octo/demo", "--jq", ".full_name", GH_TOKEN=long_token)
    assert (answer.returncode, answer.stdout.strip()) == (0, "octo/demo")


# --- git


PUT = """
umask 077
mkdir -p "$1"
cd "$1"
read -r token
read -r fresh
printf %s "$token" >token
printf %s "$fresh" >fresh
: >asked
"""
"""All in one command: each of its own costs a tenth of a second of processor in the engine."""


@dataclass(frozen=True)
class Shell:
    """One git with a home of its own, whose helper hands out ~/token and then ~/fresh."""

    net: GitHubNet
    git_path: str
    home: str

    def git(self, *words: str) -> Done:
        helper = ("-c", "credential.helper=", "-c", "credential.helper=/second-chance")
        identity = ("-c", "user.name=a", "-c", "user.email=a@example.com")
        argv = (self.git_path, *helper, *identity, *words)
        return self.net.run(*argv, cwd=self.home, HOME=self.home)

    def put(self, token: str, fresh: str = "") -> None:
        done = self.net.run("sh", "-euc", PUT, "sh", self.home, stdin=f"{token}\n{fresh}\n")
        assert done.returncode == 0, done.stderr

    @property
    def asked(self) -> list[str]:
        return self.net.run("cat", f"{self.home}/asked").stdout.split()

    @property
    def is_new(self) -> bool:
        return self.git_path == GITS["2.47"]


@pytest.fixture(scope="module", params=GITS)
def git_path(request: pytest.FixtureRequest, net: GitHubNet) -> str:
    """Where this git is."""
    path = GITS[request.param]
    assert net.run(path, "--version").stdout.startswith(f"git version {request.param}.")
    return path


@pytest.fixture
def shell(git_path: str, net: GitHubNet, tmp_path: Path) -> Shell:
    """A shell with this git."""
    return Shell(net, git_path, f"/tmp/{tmp_path.name}")


def test_git_clones_fetches_and_pushes(shell: Shell) -> None:
    shell.net.hub.add_token("ghp_git")
    shell.put("ghp_git")
    for words in (
        ("clone", "-q", URL),
        ("-C", "demo", "commit", "-q", "--allow-empty", "-m", "more"),
        ("-C", "demo", "push", "-q"),
        ("-C", "demo", "fetch", "-q"),
    ):
        done = shell.git(*words)
        assert done.returncode == 0, done.stderr
    head = shell.git("-C", "demo", "rev-parse", "HEAD").stdout.strip()
    assert shell.git("ls-remote", URL, "refs/heads/main").stdout.split()[0] == head


def test_a_token_of_520_characters_works_in_git(shell: Shell, long_token: str) -> None:
    shell.put(long_token)
    done = shell.git("ls-remote", URL)
    assert done.returncode == 0, done.stderr


def test_a_dead_token_gets_a_second_chance_from_new_git(shell: Shell) -> None:
    shell.net.hub.add_token("ghp_fresh")
    shell.put("ghp_dead", "ghp_fresh")
    done = shell.git("ls-remote", URL)
    if shell.is_new:
        assert done.returncode == 0, done.stderr
        assert shell.asked == ["first", "again", "store"]
    else:
        assert done.returncode == 128
        assert shell.asked == ["only", "erase"]


def test_a_token_revoked_in_the_middle_of_a_clone(shell: Shell) -> None:
    """Between info/refs and the request for the pack, only the second chance saves the clone."""
    shell.net.hub.add_token("ghp_early")
    shell.net.hub.add_token("ghp_late")
    shell.put("ghp_early", "ghp_late")
    shell.net.hub.revoke_after(Pattern(ends="/info/refs", token="ghp_early"))
    before = len(shell.net.hub.requests)
    done = shell.git("clone", "-q", URL)
    assert done.returncode == (0 if shell.is_new else 128), done.stderr
    packs = [each for each in shell.net.hub.requests[before:] if each.method == "POST"]
    assert (packs[0].token, packs[0].status) == ("ghp_early", 401)
    assert any(each.status == 200 for each in packs) == shell.is_new


def test_a_token_that_is_dead_for_good_ends_soon(shell: Shell) -> None:
    shell.put("ghp_dead", "ghp_dead_too")
    done = shell.git("ls-remote", URL)
    assert done.returncode == 128
    assert "Authentication failed" in done.stderr
    assert len(shell.asked) <= 3
