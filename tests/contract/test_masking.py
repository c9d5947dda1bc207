"""Every secret that the agent knows is one that the log hides, whichever way it came."""

from base64 import b64encode
from pathlib import Path

import pytest

from agent.machine.light import runtime
from agent.machine.light.masking import Masker
from agent.services import editor_login
from agent.settings.everything import variables
from tests.contract.homes import COMPANIONS, FORMS, Workspace

SECRETS = [entry.name for _, entry in variables() if entry.secret]


def mask(workspace: Workspace, text: str) -> str:
    masker = Masker(str(workspace.runtime))
    masker.refresh()
    return masker.mask_text(text)


@pytest.mark.parametrize("name", SECRETS)
@pytest.mark.parametrize("as_file", [False, True])
def test_a_given_secret_is_hidden(tmp_path: Path, name: str, as_file: bool) -> None:
    secret = FORMS.get(name, f"the-secret-of-{name.lower()}")
    file = tmp_path / "secret"
    file.write_text(f"{secret}\n")
    given = {f"{name}_FILE": str(file)} if as_file else {name: secret}
    workspace = Workspace(tmp_path, {**COMPANIONS.get(name, {}), **given}).prepare()
    workspace.configure()
    assert mask(workspace, f"<{secret}>") == "<***>"
    for path in (workspace.runtime / "hidden").glob("*"):
        assert path.stat().st_mode & 0o777 == 0o600


def test_a_secret_of_another_host_is_hidden(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path).prepare()
    (tmp_path / "secret").write_text("the-token-of-another-host\n")
    file = workspace.home / ".config/devcopilot/hosts.d/ghe.example.com.toml"
    file.parent.mkdir(parents=True)
    file.write_text(f'token_file = "{tmp_path / "secret"}"\n')
    workspace.configure()
    assert mask(workspace, "<the-token-of-another-host>") == "<***>"


def test_the_made_password_is_hidden(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path).prepare()
    workspace.configure()
    state = workspace.context().facts.state
    password = (state / editor_login.PASSWORD).read_text().strip()
    assert mask(workspace, f"<{password}>") == "<***>"


def test_thousands_of_passwords_in_urls_are_hidden_and_written_at_once(tmp_path: Path) -> None:
    """A disk takes milliseconds for each file. Half of them are there twice."""
    words = [f"{number:04d}-password" for number in range(3000)]
    text = " ".join(f"http://me:{word}@host" for word in (*words, *words[:1500]))
    workspace = Workspace(tmp_path, {"MANY": text}).prepare()
    workspace.configure()
    path = workspace.runtime / runtime.HIDDEN / runtime.URL_PASSWORDS
    assert path.read_text().split("\n") == words
    assert len(list(path.parent.iterdir())) < 10
    for word in (words[0], words[-1]):
        login = b64encode(f"me:{word}".encode()).decode()
        assert mask(workspace, f"<{word}> Basic {login}") == "<***> Basic bWU6***"


def test_a_file_in_trouble_is_told_once(tmp_path: Path) -> None:
    missing = {"ANTHROPIC_API_KEY_FILE": str(tmp_path / "none")}
    problems = Workspace(tmp_path, missing).prepare().configure()
    assert sum("ANTHROPIC_API_KEY_FILE" in problem for problem in problems) == 1
