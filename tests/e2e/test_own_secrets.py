"""Secrets under names of the user's own: in every terminal, and in nothing else that runs."""

from collections.abc import Iterator

import pytest

from tests.e2e.conftest import Login
from tests.worlds.containers import BASE, MVP, Container, Recipe, docker, running
from tests.worlds.waiting import wait_until

SECRET = "sk-own-0123456789abcdef"
PASSWORD = "pg-0123456789abcdef"
OPTIONS = (
    *("-e", f"MY_API_KEY={SECRET}", "-e", f"AWS_SECRET_ACCESS_KEY={SECRET}"),
    *("-e", f"DATABASE_URL=postgres://app:{PASSWORD}@db/app"),
)
SERVICE = 'command = ["sh", "-c", "echo key $MY_API_KEY url $DATABASE_URL; exec sleep 1000"]\n'
UNSET = ("-u", "MY_API_KEY", "-u", "AWS_SECRET_ACCESS_KEY", "-u", "DATABASE_URL")
LOOK = r"""
names='^(MY_API_KEY|AWS_SECRET|DATABASE_URL)'
for process in /proc/[0-9]*; do
    tr '\0' '\n' <$process/environ 2>/dev/null | grep -qE $names && cat $process/comm
done; true
"""


@pytest.fixture(scope="module")
def box(login: Login, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Container]:
    folder = tmp_path_factory.mktemp("services")
    folder.chmod(0o755)
    (folder / "mine.toml").write_text(SERVICE)
    (folder / "mine.toml").chmod(0o644)
    options = (
        *OPTIONS,
        *("-e", f"SSH_PUBLIC_KEY={login.public}", "-e", "CODE_SERVER_AUTH=none"),
        *("-v", f"{folder}:/etc/devcopilot/services.d:ro"),
    )
    with running(Recipe(MVP, options)) as container:
        container.wait_ready()
        yield container


def test_only_what_is_the_users_has_them(box: Container) -> None:
    """code-server's node and the service; nobody else, once the start is over."""

    def find_holders() -> set[str]:
        return set(box.execute("env", *UNSET, "bash", "-c", LOOK).split()) - {"env"}

    wait_until(lambda: find_holders() == {"MainThread", "sleep"}, "the end of the start")


def test_the_editor_and_a_service_of_the_users_have_them(box: Container) -> None:
    for service in box.status()["services"]:
        if service["name"] != "sshd":
            environ = box.execute("cat", f"/proc/{service['pid']}/environ").split("\0")
            assert f"MY_API_KEY={SECRET}" in environ
            assert f"DATABASE_URL=postgres://app:{PASSWORD}@db/app" in environ


def test_an_ssh_session_has_them(box: Container, login: Login) -> None:
    assert login.run(box, "printenv", "MY_API_KEY") == f"{SECRET}\n"


def test_the_log_shows_none(box: Container) -> None:
    wait_until(lambda: "key ***" in box.logs(), "the words of the service")
    logs = box.logs()
    assert "key *** url ***" in logs
    assert SECRET not in logs
    assert PASSWORD not in logs


def test_cmd_has_them_and_pid_1_does_not() -> None:
    look = "printenv MY_API_KEY; cat /proc/1/environ || true"
    said = docker("run", "--rm", *OPTIONS, BASE, "sh", "-c", look)
    assert said.count(SECRET) == 1
    assert said.startswith(f"{SECRET}\n")
