"""A workspace works with what docker's --env-file and Windows' editors make of its settings.

tests/unit/test_given_texts.py tries every variable in every form; here real programs decide.
"""

from base64 import b64encode
from collections.abc import Iterator

import pytest

from agent.settings import argon2
from tests.e2e.conftest import Login
from tests.worlds.containers import HARDENED, MVP, QUIET, Container, Recipe, log_in, running

PASSWORD = "correct horse"
TOKEN = "ghp_0123456789abcdefghijklmnopqrstuvwxyz"


@pytest.fixture(scope="module")
def box(login: Login, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Container]:
    folder = tmp_path_factory.mktemp("settings")
    token = folder / "token"
    token.write_bytes(f'\ufeff"{TOKEN}"\r\n'.encode())
    token.chmod(0o644)
    doubled = argon2.hash_password(PASSWORD).replace("$", "$$")
    lines = {
        "CODE_SERVER_HASHED_PASSWORD": f'"{doubled}"',
        "SSH_PUBLIC_KEY": f'"{b64encode(login.public.encode()).decode()}"',
        "GIT_USER_NAME": '"Octo Cat"',
        "GIT_USER_EMAIL": "'octo@example.com'",
        "WORKSPACE_DIR": '"/workspace"',
        "DEV8_RUNTIME_DIR": '"/dev/shm/elsewhere"',
        "GITHUB_TOKEN_FILE": '"/run/secrets/token"',
        "DEV8_GITHUB_API_URL": f'"{QUIET["DEV8_GITHUB_API_URL"]}"',
        "DEV8_AI_TOOLS": '"off"',
        "ANTHROPIC_API_KEY": "",
        "GH_TOKEN": '""',
    }
    file = folder / "settings.env"
    file.write_text("".join(f"{name}={value}\n" for name, value in lines.items()))
    options = (*HARDENED, "--env-file", str(file), "-v", f"{token}:/run/secrets/token:ro")
    with running(Recipe(MVP, options)) as made:
        made.wait_ready()
        yield made


def test_the_ide_knows_the_password(box: Container) -> None:
    assert log_in(box.ide_port, PASSWORD) == 302
    assert log_in(box.ide_port, f"{PASSWORD}!") == 200


def test_the_key_lets_in_and_git_knows_who(box: Container, login: Login) -> None:
    asked = "git config user.name; git config user.email; printenv WORKSPACE_DIR"
    assert login.run(box, asked).splitlines() == ["Octo Cat", "octo@example.com", "/workspace"]


def test_gh_has_the_token(box: Container) -> None:
    assert box.execute("gh", "auth", "token") == TOKEN


def test_nothing_is_reported(box: Container) -> None:
    lines = [event["message"] for event in box.events() if event.get("level") == "warning"]
    assert [line for line in lines if "cannot use" in line or "is not" in line] == []
