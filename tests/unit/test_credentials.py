"""Which variables of the user's own hold a secret."""

import subprocess
import sys
from pathlib import Path

import pytest

from agent.settings.credentials import find_url_passwords, is_secret
from tests.worlds.waiting import DEADLINE

TOP = Path(__file__).resolve().parents[2]
READ = """
from agent.settings.credentials import find_url_passwords
long = "x" * 250_000
print(*find_url_passwords({"A": f"{long} {long}://me:word@host https://a://you:other@host"}))
"""
"""A program of its own: nothing interrupts Python's search."""
SECRET = """AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN MY_API_KEY API_KEYS OPENROUTER_KEY KEY TOKEN
    NPM_TOKEN token my_password PGPASSWORD MYSQL_PWD DB_PASS GH_PAT VAULT_PASSPHRASE CLIENT_SECRET
    Secret AZURE_CLIENT_SECRET AZURE_STORAGE_CONNECTION_STRING GOOGLE_CREDENTIALS NPM_AUTH
    REDIS_PASSWD STORAGE_SAS RAILS_MASTER_KEY""".split()  # noqa: SIM905 - words read better so
PLAIN = """PATH HOME PWD OLDPWD LANG SSH_AUTH_SOCK GIT_ASKPASS SSH_ASKPASS AWS_ACCESS_KEY_ID
    AWS_REGION GITHUB_TOKEN_FILE TOKENIZER KEYBOARD HOST_PUBLIC_KEY AUTHORIZED_KEYS GIT_CONFIG_KEY_0
    PASSAGE a.b.token npm-token MY_API_KEY_FILE SECRET_NAME USER_ID""".split()  # noqa: SIM905 - as above


@pytest.mark.parametrize("name", SECRET)
def test_names_that_end_so_hold_one(name: str) -> None:
    assert is_secret(name, "value")
    assert not is_secret(name, "")


@pytest.mark.parametrize("name", PLAIN)
def test_other_names_hold_none(name: str) -> None:
    assert not is_secret(name, "value")


@pytest.mark.parametrize(
    ("value", "password"),
    [
        ("postgres://app:hunter2hunter2@db/app", "hunter2hunter2"),
        ("redis://:hunter2hunter2@cache:6379/0", "hunter2hunter2"),
        ("mongodb+srv://a:b%40c@x/", "b%40c"),
        ("https://x/y:z@w", None),
        ("ssh://git@github.com/a", None),
        ("http://x:80/", None),
        ("me@example.com:x@y", None),
    ],
)
def test_a_url_that_logs_in_is_one(value: str, password: str | None) -> None:
    assert is_secret("DATABASE_URL", value) == bool(password)
    assert list(find_url_passwords({"X": value})) == ([password] if password else [])


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "http_proxy", "ALL_PROXY"])
def test_a_proxy_stays_and_its_password_is_known(name: str) -> None:
    value = "http://me:hunter2hunter2@proxy:3128"
    assert not is_secret(name, value)
    assert list(find_url_passwords({name: value})) == ["hunter2hunter2"]


def test_the_length_of_a_variable_costs_no_more_than_its_reading() -> None:
    """Each letter of a long word was taken for the beginning of a URL: this took five minutes."""
    done = subprocess.run(
        [sys.executable, "-c", READ], cwd=TOP, check=True, capture_output=True, timeout=DEADLINE
    )
    assert done.stdout == b"word other\n"
