"""Further GitHub hosts: hosts.d/HOST.toml, checked like the variables that its keys stand for."""

import argparse
from importlib import import_module
from pathlib import Path

import pytest

from agent.github.hosts import find_accounts, find_token_variables, read_file
from agent.machine.errors import Problem
from agent.settings.context import Context
from agent.settings.everything import Settings
from agent.settings.github import GitHub
from tests.worlds.machine import make_facts

SERVER = "ghe.example.com"


def write(root: Path, text: str, host: str = SERVER) -> Path:
    folder = root / "home/.config/devcopilot/hosts.d"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{host}.toml"
    path.write_text(text)
    return path


def find(root: Path, **variables: str) -> tuple[list[str], list[str]]:
    """Return the hosts, and what is wrong."""
    accounts = find_accounts(Context({}, Settings.from_environ(variables), make_facts(root)))
    problems = accounts.in_trouble.values()
    return [account.host for account in accounts.known], [str(each) for each in problems]


def test_keys_are_the_variables_in_small_letters(tmp_path: Path) -> None:
    path = write(tmp_path, """\
app_id = 1234
app_private_key_file = "/run/secrets/app.pem"
app_owner = "platform"
app_repositories = ["one", "two"]
app_permissions = { contents = "write", metadata = "read" }
api_url = "https://api.example.com"
""")  # fmt: skip
    account = read_file(path)
    assert isinstance(account, GitHub)
    assert (account.host, account.app_id, account.app_owner) == (SERVER, "1234", "platform")
    assert account.app_key
    assert account.app_key.file == Path("/run/secrets/app.pem")
    assert account.app_repositories == ("one", "two")
    assert account.app_permissions == {"contents": "write", "metadata": "read"}
    assert account.api_url == "https://api.example.com"


def test_a_command_may_be_a_list_of_words(tmp_path: Path) -> None:
    account = read_file(write(tmp_path, 'token_command = ["get token", "--for", "it\'s"]\n'))
    assert isinstance(account, GitHub)
    assert account.token_command == ("get token", "--for", "it's")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('token = "ghp_in_the_file"', "`token` is a secret (put it into a file"),
        ('tokn_file = "/x"', "unknown key `tokn_file` (the keys are api_url, "),
        ('token_file = "x"', "GITHUB_TOKEN_FILE"),
        ("token_file = ", "it is not TOML"),
        ('app_id = "1"', "GITHUB_APP_ID is set without GITHUB_APP_PRIVATE_KEY"),
        ('app_permissions = { contents = "all" }', "is not a permission such as"),
        ('a = 1\nb = 2\ntoken_file = "/x"', "and 1 more"),
    ],
)
def test_a_bad_file_is_one_line_that_names_it_and_no_secret(
    tmp_path: Path, text: str, words: str
) -> None:
    path = write(tmp_path, text)
    problem = read_file(path)
    assert isinstance(problem, Problem)
    assert str(path) in str(problem)
    assert words in str(problem)
    assert "\n" not in str(problem)
    assert "ghp_in_the_file" not in str(problem)


@pytest.mark.parametrize("name", ["https:__x", "-x", "a b", "host:443"])
def test_a_name_that_is_no_host_is_said(tmp_path: Path, name: str) -> None:
    problem = read_file(write(tmp_path, 'token_file = "/x"', host=name))
    assert isinstance(problem, Problem)
    assert "its name is not a bare host name" in str(problem)


def test_the_variables_come_first_and_a_bad_file_stops_no_other(tmp_path: Path) -> None:
    write(tmp_path, 'token_file = "/server"')
    write(tmp_path, 'token_file = "/other"', host="github.com")
    write(tmp_path, "nonsense", host="a.example.com")
    hosts, problems = find(tmp_path, GITHUB_TOKEN="ghp_x")
    assert hosts == ["github.com", SERVER]
    assert len(problems) == 1
    first = find_accounts(
        Context({}, Settings.from_environ({"GITHUB_TOKEN": "ghp_x"}), make_facts(tmp_path))
    ).known[0]
    assert first.token
    assert first.token.value, "the variable won"


@pytest.mark.parametrize(
    ("text", "hosts"), [('token_file = "/mine"', [SERVER]), ("nonsense", []), ("", [])]
)
def test_a_file_of_the_user_replaces_that_of_the_image(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, hosts: list[str]
) -> None:
    system = tmp_path / "etc"
    system.mkdir()
    (system / f"{SERVER.upper()}.toml").write_text('token_file = "/image"')
    monkeypatch.setattr("agent.github.hosts.SYSTEM_FOLDER", system)
    assert find(tmp_path) == ([SERVER], [])
    write(tmp_path, text)
    found, problems = find(tmp_path)
    assert (found, len(problems)) == (hosts, text == "nonsense")


def test_a_host_without_a_source_is_none(tmp_path: Path) -> None:
    assert find(tmp_path) == ([], [])
    assert find(tmp_path, GITHUB_TOKEN="test_token") == ([], [])
    write(tmp_path, 'token_file = "/x"', host="github.com")
    assert find(tmp_path) == (["github.com"], []), "a file may say what no variable does"


def test_gh_reads_other_variables_for_enterprise_servers() -> None:
    for host in ("github.com", "acme.ghe.com"):
        assert find_token_variables(host)[0] == "GH_TOKEN"
    assert find_token_variables(SERVER) == ("GH_ENTERPRISE_TOKEN", "GITHUB_ENTERPRISE_TOKEN")


@pytest.mark.parametrize("verb", ["token", "exec", "login"])
def test_a_host_on_the_command_line_is_a_bare_name(
    verb: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """It becomes the name of a file."""
    parser = argparse.ArgumentParser()
    import_module(f"agent.commands.{verb}").add_arguments(parser)
    assert parser.parse_args(["--host", "GitHub.com"]).host == "github.com"
    assert parser.parse_args([]).host is None
    for host in ("../settings.json", "https://github.com", "github.com:443", ""):
        with pytest.raises(SystemExit) as ended:
            parser.parse_args(["--host", host])
        assert ended.value.code == 2
        assert f"{host!r} is not a bare host name" in capsys.readouterr().err
