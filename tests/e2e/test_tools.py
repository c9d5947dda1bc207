"""Every tool runs, whichever way a person comes in; the IDE's terminal is in test_ide.py."""

from tests.containers import Container
from tests.e2e.conftest import Login
from tests.tools import SCRIPT, find_missing


def test_in_a_login_shell(box: Container) -> None:
    assert find_missing(box.execute("bash", "-lc", SCRIPT)) == {}


def test_in_an_ssh_command(box: Container, login: Login) -> None:
    assert find_missing(login.run(box, SCRIPT)) == {}
