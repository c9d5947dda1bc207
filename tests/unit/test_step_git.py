"""The defaults for git, asked of the real git."""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from agent.github import hosts
from tests.worlds.git_machine import GitMachine

TOKEN = "ghp_0123456789abcdef"


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


@pytest.mark.parametrize("name", [".gitconfig", ".config/git/config"])
@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir, lambda path: path.symlink_to("/dev/zero")])
def test_a_config_that_git_would_wait_for_is_named_and_git_is_not_asked(
    machine: GitMachine, name: str, make: Callable[[Path], None]
) -> None:
    machine.configure(GITHUB_TOKEN=TOKEN)
    path = machine.facts.home / name
    path.parent.mkdir(parents=True, exist_ok=True)
    make(path)
    (problem,) = machine.configure(GITHUB_TOKEN=TOKEN)
    assert problem.startswith(f"cannot read {path}: ")


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


@pytest.mark.parametrize(("value", "told"), [("1", True), ("yes", True), ("0", False), ("", False)])
def test_a_variable_that_keeps_git_from_its_defaults_is_named(
    tmp_path: Path, value: str, told: bool
) -> None:
    machine = GitMachine(tmp_path)
    environ = {**machine.facts.environ, "GIT_CONFIG_NOSYSTEM": value}
    machine.facts = replace(machine.facts, environ=environ)
    machine.configure(GIT_USER_NAME="Zoë")
    problems = machine.configure(GIT_USER_NAME="Zoë")
    assert ["unset GIT_CONFIG_NOSYSTEM" in problem for problem in problems] == [True] * told
    assert machine.git("config", "user.name") == ("" if told else "Zoë")


def test_a_thousand_hosts_are_read_back(machine: GitMachine) -> None:
    folder = machine.facts.home / hosts.USER_FOLDER
    folder.mkdir(parents=True)
    for number in range(1_000):
        (folder / f"ghe{number}.example.com.toml").write_text('token_file = "/run/secrets/t"\n')
    assert machine.configure() == []
    assert machine.configure() == []
    machine.publish(TOKEN, host="ghe999.example.com")
    assert machine.fill("https://ghe999.example.com/")["password"] == TOKEN
