"""The login page names the workspace, says where the password is, and takes names for text."""

import json
import re
from pathlib import Path

import pytest

from agent.machine.planning.resources import File
from agent.services import code_server, login_page
from agent.settings.context import Context
from agent.settings.everything import Settings
from tests.worlds.machine import make_facts

FOLDER = Path("/workspace/demo")
HASH = "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA$" + "A" * 43
EVIL = "<script>alert(1)</script>$`$&{{PASSWORD_MSG}}$t(SUBMIT)\"'\x1b[2J\n${x}"


def make_context(root: Path, hostname: str = "", **environ: str) -> Context:
    facts = make_facts(root, **({"HOSTNAME": hostname} if hostname else {}))
    return Context({}, Settings.from_environ(environ), facts)


@pytest.mark.parametrize(
    ("identifier", "hostname", "name"),
    [
        ("shop-42", "web", "shop-42"),
        ("", "web", "web"),
        ("", "3f2a9c0d1e4b", "DevCopilot"),  # the engine's own
        ("", "", "DevCopilot"),
        ("x" * 99, "", "x" * 59 + "…"),
    ],
)
def test_the_name_tells_workspaces_apart(
    tmp_path: Path, identifier: str, hostname: str, name: str
) -> None:
    given = {"ENVIRONMENT_ID": identifier} if identifier else {}
    assert login_page.find_name(make_context(tmp_path, hostname, **given)) == name


def test_the_page_names_folder_and_host(tmp_path: Path) -> None:
    strings = login_page.make_strings(make_context(tmp_path, "3f2a9c0d1e4b"), FOLDER)
    assert strings["LOGIN_BELOW"] == "Folder /workspace/demo on 3f2a9c0d1e4b."
    strings = login_page.make_strings(make_context(tmp_path), FOLDER)
    assert strings["LOGIN_BELOW"] == "Folder /workspace/demo."


@pytest.mark.parametrize("where", ["identifier", "hostname", "folder"])
def test_no_name_is_more_than_text(tmp_path: Path, where: str) -> None:
    """Neither for a browser nor for i18next and String.replace, through which it goes first."""
    given = {"ENVIRONMENT_ID": EVIL.partition("\x1b")[0]} if where == "identifier" else {}
    hostname = EVIL if where == "hostname" else ""
    folder = Path("/" + EVIL.replace("/", "")) if where == "folder" else FOLDER
    for text in login_page.make_strings(make_context(tmp_path, hostname, **given), folder).values():
        bare = re.sub(r"&(#\d+|#x27|lt|gt|amp|quot);", "", text)
        assert not set(bare) & set("<>\"'&${}\x1b\n"), text


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        ({}, "`devcopilot password`, in a terminal of the workspace, prints the password."),
        ({"CODE_SERVER_PASSWORD": "hunter2"}, "The password is in CODE_SERVER_PASSWORD;"),
        ({"CODE_SERVER_PASSWORD_FILE": "/run/x"}, "the file that CODE_SERVER_PASSWORD_FILE names"),
        ({"CODE_SERVER_HASHED_PASSWORD": HASH}, "whose hash is in CODE_SERVER_HASHED_PASSWORD."),
    ],
)
def test_it_says_where_the_password_is_and_never_what(environ: dict[str, str], words: str) -> None:
    said = login_page.explain_password(Settings.from_environ(environ))
    assert words in said
    assert "hunter2" not in said
    assert "/run/x" not in said
    assert "$argon2" not in said


def test_code_server_gets_the_texts(tmp_path: Path) -> None:
    context = make_context(tmp_path, ENVIRONMENT_ID="shop-42", CODE_SERVER_PASSWORD="a")
    files = [item for item in code_server.resources(context) if isinstance(item, File)]
    (strings,) = (
        json.loads(file.content) for file in files if file.path.name == code_server.STRINGS
    )
    assert strings["WELCOME"] == "Welcome to shop-42"
