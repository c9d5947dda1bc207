"""The defaults for git, asked of the real git."""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from agent.steps import git
from tests.machine import Machine

CONFIG = ".local/state/devcopilot/gitconfig"
TOKEN = "ghp_0123456789abcdef"


class GitMachine(Machine):
    """A machine whose system-level configuration includes the agent's, as in the images."""

    def __init__(self, root: Path, include: bool = True) -> None:
        system = root / "etc-gitconfig"
        system.write_text(f"[include]\n\tpath = ~/{CONFIG}\n" if include else "")
        super().__init__(root, git.resources, GIT_CONFIG_SYSTEM=str(system))

    def git(self, *words: str, stdin: str = "", cwd: Path | None = None) -> str:
        """Run git as the user of this machine; return what it printed."""
        done = subprocess.run(
            ["git", *words],
            env={**self.facts.environ, "GIT_TERMINAL_PROMPT": "0"},
            cwd=cwd or self.facts.home,
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
        )
        return done.stdout.strip()

    def publish(self, *lines: str, host: str = "github.com") -> None:
        """Put a token where the agent publishes it."""
        path = self.facts.runtime / "tokens" / host
        path.write_text("".join(f"{line}\n" for line in lines))

    def fill(self, url: str) -> dict[str, str]:
        """Return the credential that git gets for a URL."""
        answer = self.git("credential", "fill", stdin=f"url={url}\n\n")
        return dict(line.split("=", 1) for line in answer.splitlines())


@pytest.fixture
def machine(tmp_path: Path) -> GitMachine:
    return GitMachine(tmp_path)


def test_name_and_address_are_defaults_that_the_user_overrides(machine: GitMachine) -> None:
    name = 'Zoë "Z" \\ O\'Neil # ; $HOME'
    assert machine.configure(GIT_USER_NAME=name, GIT_USER_EMAIL="zoe@example.com") == []
    assert machine.git("config", "user.name") == name
    assert machine.git("config", "user.email") == "zoe@example.com"
    machine.git("config", "--global", "user.name", "Somebody Else")
    assert machine.configure(GIT_USER_NAME=name) == []
    assert machine.git("config", "user.name") == "Somebody Else"
    assert machine.git("config", "user.email") == ""


ROOT, OURS, THEIRS, THIRD = 0, 65534, 1234, 4321


@pytest.fixture
def user() -> Iterator[GitMachine]:
    """A machine of an ordinary user's, which only root can make: git trusts root's folders less."""
    if os.geteuid() != 0:
        pytest.skip("only root can give a folder to another user")
    with tempfile.TemporaryDirectory(prefix="git-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        made = GitMachine(folder)
        made.facts = replace(made.facts, uid=OURS)
        yield made


@pytest.mark.parametrize(
    ("owner", "repository", "works", "told"),
    [
        (OURS, OURS, True, False),
        (OURS, THEIRS, False, True),  # planted
        (OURS, ROOT, True, False),  # by docker exec --user 0
        (THEIRS, THEIRS, True, False),  # a mount of another uid's
        (THEIRS, OURS, True, False),  # any uid, in the folder of the image
        (ROOT, OURS, True, False),  # an empty folder of Kubernetes
        (THEIRS, THIRD, False, True),
        (ROOT, THIRD, False, True),
    ],
)
def test_a_repository_runs_its_commands_only_if_it_came_with_the_workspace(
    user: GitMachine, owner: int, repository: int, works: bool, told: bool
) -> None:
    folder = user.facts.home.parent / "work space"
    subprocess.run(["git", "init", "-q", folder], check=True)
    ran = user.facts.home.parent / "ran"
    ran.mkdir()
    ran.chmod(0o777)
    command = f"touch '{ran}/it'; false"
    subprocess.run(["git", "-C", folder, "config", "core.fsmonitor", command], check=True)
    os.chown(folder, owner, owner)
    for path in (folder / ".git", *(folder / ".git").rglob("*")):
        os.chown(path, repository, repository)
    said = user.configure(WORKSPACE_DIR=str(folder))
    done = subprocess.run(
        ["git", "-C", folder, "status"], env=user.facts.environ, user=OURS, group=OURS,
        extra_groups=[], check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert ("No commits yet" in done.stdout, "dubious" in done.stderr) == (works, not works)
    assert (ran / "it").exists() == works
    assert [str(folder) in problem for problem in said] == [True] * told


def test_a_workspace_that_is_not_there_is_not_trusted(machine: GitMachine, tmp_path: Path) -> None:
    assert machine.configure(WORKSPACE_DIR=str(tmp_path / "none")) == []
    assert machine.git("config", "safe.directory") == ""


def test_the_token_is_handed_out_for_its_host_over_https_only(machine: GitMachine) -> None:
    assert machine.configure(GITHUB_TOKEN=TOKEN) == []
    assert machine.fill("https://github.com/a/b") == {}, "nothing is published yet"
    machine.publish(TOKEN, "", "octo")
    wanted = {"protocol": "https", "host": "github.com", "username": "octo", "password": TOKEN}
    assert machine.fill("https://github.com/a/b") == wanted
    assert machine.fill("http://github.com/a/b") == {}
    assert machine.fill("https://github.com.example.org/a/b") == {}
    assert machine.fill("https://api.github.com/a") == {}
    machine.git("config", "--global", "credential.useHttpPath", "true")
    assert machine.fill("https://github.com/a/b")["password"] == TOKEN


@pytest.mark.parametrize("host", ["github.com", "acme.ghe.com", "ghe.example.com"])
def test_gists_lie_on_a_host_of_their_own(machine: GitMachine, host: str) -> None:
    machine.configure(GITHUB_TOKEN=TOKEN, GH_HOST=host)
    machine.publish(TOKEN, "", "octo", host=host)
    wanted = {"protocol": "https", "host": f"gist.{host}", "username": "octo", "password": TOKEN}
    assert machine.fill(f"https://gist.{host}/0123.git") == wanted
    machine.publish("ghp_a_server_of_this_name", host=f"gist.{host}")
    assert machine.fill(f"https://gist.{host}/")["password"] == "ghp_a_server_of_this_name"
    assert machine.fill(f"https://{host}/")["password"] == TOKEN


@pytest.mark.parametrize(
    "host",
    ["GitHub.com", "github.com:443", "GITHUB.COM:443", "Gist.GitHub.com", "gist.github.com:443"],
)
def test_a_host_may_be_written_in_other_ways(machine: GitMachine, host: str) -> None:
    machine.configure(GITHUB_TOKEN=TOKEN)
    machine.publish(TOKEN)
    assert machine.fill(f"https://{host}/a/b")["password"] == TOKEN


def test_another_port_is_another_host(machine: GitMachine) -> None:
    machine.configure(GITHUB_TOKEN=TOKEN)
    machine.publish(TOKEN)
    assert machine.fill("https://github.com:8443/a/b") == {}


def test_a_login_that_is_not_known_is_no_hindrance(machine: GitMachine) -> None:
    machine.configure(GITHUB_TOKEN=TOKEN)
    machine.publish(TOKEN)
    assert machine.fill("https://github.com/")["username"] == "x-access-token"
    assert machine.fill("https://octo@github.com/")["password"] == TOKEN


def test_another_account_does_not_get_this_token(machine: GitMachine) -> None:
    machine.configure(GITHUB_TOKEN=TOKEN)
    machine.publish(TOKEN, "", "octo")
    assert "password" not in machine.fill("https://somebody@github.com/")
    for login in ("octo", "Octo", "OCTO", "x-access-token", "git"):
        given = machine.fill(f"https://{login}@github.com/")
        assert (given["username"], given["password"]) == (login, TOKEN)
    machine.publish(TOKEN, "", "OctoCat")
    assert machine.fill("https://octocat@github.com/")["password"] == TOKEN
    assert "password" not in machine.fill("https://octocats@github.com/")


@pytest.mark.parametrize(("left", "given"), [(-5, False), (60, True), (3600, True)])
def test_a_token_that_has_ended_is_never_handed_out(
    machine: GitMachine, left: int, given: bool
) -> None:
    """Nobody renews it here: one that ends soon is still better than none."""
    machine.configure(GITHUB_TOKEN=TOKEN)
    machine.publish(TOKEN, str(int(machine.facts.clock.uptime()) + left), "octo")
    assert ("password" in machine.fill("https://github.com/")) is given


def test_a_refused_token_is_not_deleted(machine: GitMachine) -> None:
    machine.configure(GITHUB_TOKEN=TOKEN)
    machine.publish(TOKEN)
    machine.git(
        "credential",
        "reject",
        stdin=f"url=https://github.com/\nusername=x-access-token\npassword={TOKEN}\n\n",
    )
    assert machine.fill("https://github.com/")["password"] == TOKEN


def test_other_helpers_keep_other_hosts(machine: GitMachine) -> None:
    store = machine.facts.home / "store"
    store.write_text("https://u:old@github.com\nhttps://u:p@gitlab.example\n")
    machine.git("config", "--global", "credential.helper", f"store --file {store}")
    machine.configure(GITHUB_TOKEN=TOKEN)
    assert machine.fill("https://gitlab.example/")["password"] == "p"


def test_a_runtime_folder_of_any_name_works(tmp_path: Path) -> None:
    root = tmp_path / 'it\'s a "$HOME" \\ folder'
    root.mkdir()
    machine = GitMachine(root)
    machine.configure(GITHUB_TOKEN=TOKEN)
    machine.publish(TOKEN)
    assert machine.fill("https://github.com/")["password"] == TOKEN


@pytest.mark.parametrize(
    ("variables", "url"),
    [
        ({"GITHUB_TOKEN": TOKEN}, "https://github.com/a/b.git"),
        ({"GITHUB_TOKEN_FILE": "/nowhere/yet"}, "https://github.com/a/b.git"),
        ({"GITHUB_TOKEN": TOKEN, "SSH_PRIVATE_KEY": "key"}, "git@github.com:a/b.git"),
        ({"GITHUB_TOKEN": "test_token"}, "git@github.com:a/b.git"),
        ({}, "git@github.com:a/b.git"),
    ],
)
def test_ssh_becomes_https_only_where_a_token_and_no_key_is_given(
    machine: GitMachine, variables: dict[str, str], url: str
) -> None:
    assert machine.configure(**variables) == []
    machine.git("init", "-q", "repository")
    folder = machine.facts.home / "repository"
    machine.git("remote", "add", "origin", "git@github.com:a/b.git", cwd=folder)
    assert machine.git("remote", "get-url", "origin", cwd=folder) == url
    machine.git("remote", "add", "other", "ssh://git@github.com/a/b.git", cwd=folder)
    assert machine.git("remote", "get-url", "other", cwd=folder).startswith(url[:5]) or (
        url.startswith("git@")
    )


SSH, HTTPS = "git@github.com:", "https://github.com/"


@pytest.mark.parametrize(
    ("rules", "url"),
    [
        ([], HTTPS),
        ([(SSH, SSH)], SSH),
        ([(SSH, HTTPS)], SSH),
        ([("ssh://git@github.com/", "https://github.com")], SSH),
        ([("git@work:", SSH)], "git@work:"),
        ([("https://me@github.com/", SSH)], "https://me@github.com/"),
        ([("https://me@github.com/", HTTPS)], HTTPS),
        ([(HTTPS, SSH)], HTTPS),
        ([(SSH, "gh:")], HTTPS),
        ([("git@ghe.example.com:", "https://ghe.example.com/")], HTTPS),
    ],
)
def test_a_rule_of_the_users_own_wins(
    machine: GitMachine, rules: list[tuple[str, str]], url: str
) -> None:
    machine.configure(GITHUB_TOKEN=TOKEN)
    for target, replaced in rules:
        machine.git("config", "--global", f"url.{target}.insteadOf", replaced)
    machine.configure(GITHUB_TOKEN=TOKEN)
    assert machine.git("ls-remote", "--get-url", "git@github.com:a/b.git") == f"{url}a/b.git"
    other = "https://github.com/" if url.startswith("https:") else "ssh://git@github.com/"
    assert machine.git("ls-remote", "--get-url", "ssh://git@github.com/a/b") == f"{other}a/b"
    for target, _ in rules:
        machine.git("config", "--global", "--remove-section", f"url.{target}")
    machine.configure(GITHUB_TOKEN=TOKEN)
    assert machine.git("ls-remote", "--get-url", "git@github.com:a/b.git") == f"{HTTPS}a/b.git"


def test_an_address_of_somebody_else_stays(machine: GitMachine) -> None:
    machine.configure(GITHUB_TOKEN=TOKEN)
    for url in (
        "git@github.com.example.org:a/b.git",
        "git@gitlab.com:a/b.git",
        "git@api.github.com:a/b.git",
        "ssh://git@github.com:2222/a/b.git",
        "github.community:a/b.git",
        "git@acme.ghe.com:a/b.git",
        "./github.com:a/b.git",
    ):
        assert machine.git("ls-remote", "--get-url", url) == url


def test_a_config_that_git_cannot_read_is_one_problem(machine: GitMachine) -> None:
    machine.configure(GITHUB_TOKEN=TOKEN)
    (machine.facts.home / ".gitconfig").write_text("[user\n")
    (problem,) = machine.configure(GITHUB_TOKEN=TOKEN)
    assert "cannot read git's configuration: fatal: bad config line 1" in problem


def test_another_host_gets_its_own_rules(machine: GitMachine) -> None:
    machine.configure(GITHUB_TOKEN=TOKEN, GH_HOST="ghe.example.com")
    machine.publish(TOKEN, host="ghe.example.com")
    assert machine.fill("https://ghe.example.com/")["password"] == TOKEN
    assert machine.fill("https://github.com/") == {}


def test_a_missing_include_is_one_problem_whose_hint_mends_it(tmp_path: Path) -> None:
    machine = GitMachine(tmp_path, include=False)
    problems = machine.configure(GIT_USER_NAME="Zoë")
    assert len(problems) == 1
    assert machine.git("config", "user.name") == ""
    command = problems[0].split("as root: git ")[1].removesuffix(")")
    machine.git(*command.split())
    assert machine.configure(GIT_USER_NAME="Zoë") == []
    assert machine.git("config", "user.name") == "Zoë"
