"""VS Code: the user's settings always win, and no file of the user is ever damaged."""

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from agent.machine.errors import Problem
from agent.machine.formats import jsonc
from agent.machine.planning.ledger import Ledger
from agent.machine.planning.plan import Plan, apply, plan
from agent.machine.system import Facts, System
from agent.services.extension_list import make_entry
from agent.settings.context import Context
from agent.settings.everything import Settings
from agent.workspace import vscode

IDENTIFIER = "devcopilot.workspace-defaults"
COMPANION = "devcopilot.workspace"
OTHER = {
    "identifier": {"id": "golang.go", "uuid": "u"},
    "version": "0.1.0",
    "location": {"$mid": 1, "path": "/x/golang.go-0.1.0", "scheme": "file"},
    "relativeLocation": "golang.go-0.1.0",
    "metadata": {"installedTimestamp": 1},
}


class Home:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.facts = Facts(path, os.getuid(), path / "run", path / "state", {})
        self.ledger = Ledger()
        self.registry = path / ".vscode-server" / "extensions" / "extensions.json"

    def configure(self, **environ: str) -> Plan:
        settings = Settings.from_environ(environ)
        planned = plan(
            "vscode", vscode.resources(Context({}, settings, self.facts)), self.facts, self.ledger
        )
        assert apply(planned, System({}), self.ledger) == ()
        return planned

    def identifiers(self) -> list[str]:
        return [item["identifier"]["id"] for item in json.loads(self.registry.read_bytes())]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def test_the_extension_is_only_defaults() -> None:
    """It has no code, and sets nothing that VS Code refuses as a default."""
    manifest = json.loads((vscode.EXTENSION / "package.json").read_bytes())
    assert f"{manifest['publisher']}.{manifest['name']}" == IDENTIFIER
    assert list(manifest["contributes"]) == ["configurationDefaults"]
    assert not {"main", "browser", "activationEvents", "extensionDependencies"} & set(manifest)
    defaults = manifest["contributes"]["configurationDefaults"]
    copilot = defaults["github.copilot.enable"]
    assert all(copilot[language] for language in ("*", "yaml", "plaintext", "markdown"))
    refused = ("telemetry.", "update.", "security.", "http.", "extensions.auto")
    assert not [name for name in defaults if name.startswith(refused)]


def test_the_companion_waits_until_the_window_stands_and_runs_where_nothing_is_trusted() -> None:
    manifest = json.loads((vscode.COMPANION / "package.json").read_bytes())
    assert f"{manifest['publisher']}.{manifest['name']}" == COMPANION
    assert manifest["activationEvents"] == ["onStartupFinished"]
    assert manifest["capabilities"]["untrustedWorkspaces"]["supported"] is True
    assert manifest["extensionKind"] == ["workspace"], "devcopilot is where the workspace is"


def test_installed_for_vs_code_over_ssh(home: Home) -> None:
    home.configure()
    assert home.identifiers() == [IDENTIFIER, COMPANION]
    for entry in json.loads(home.registry.read_bytes()):
        folder = home.registry.parent / entry["relativeLocation"]
        assert entry["location"]["path"] == str(folder)
        assert entry["metadata"][
            "pinned"
        ]  # nothing of this name is ever fetched from a marketplace
        manifest = json.loads((folder / "package.json").read_bytes())
        assert manifest["version"] == entry["version"]
        assert (folder / manifest.get("main", "package.json")).is_file()
    assert home.configure().actions == ()


def test_other_extensions_are_kept(home: Home) -> None:
    home.registry.parent.mkdir(parents=True)
    home.registry.write_text(json.dumps([OTHER]))
    home.configure()
    assert home.identifiers() == ["golang.go", IDENTIFIER, COMPANION]
    assert json.loads(home.registry.read_bytes())[0] == OTHER
    assert home.configure().actions == ()


def test_an_older_entry_is_replaced(home: Home) -> None:
    home.registry.parent.mkdir(parents=True)
    old = make_entry(IDENTIFIER, "0.0.1", home.registry.parent / "old")
    home.registry.write_text(json.dumps([old, OTHER]))
    home.configure()
    assert home.identifiers() == ["golang.go", IDENTIFIER, COMPANION]
    assert "0.0.1" not in home.registry.read_text()


def test_taken_back_without_ssh(home: Home) -> None:
    home.configure()
    home.configure(DEV8_SSH="false")
    assert not home.registry.exists()
    assert not list(home.path.rglob("package.json"))
    home.registry.write_text(json.dumps([OTHER]))
    home.configure()
    home.configure(DEV8_SSH="false")
    assert json.loads(home.registry.read_bytes()) == [OTHER]


@pytest.mark.parametrize("text", ["{", "{}", '[{"x": 1}]', "[1]", "nonsense"])
def test_a_list_that_is_not_one_is_left_alone(home: Home, text: str) -> None:
    home.registry.parent.mkdir(parents=True)
    home.registry.write_text(text)
    (problem,) = home.configure().problems
    assert str(home.registry) in problem.message
    assert home.registry.read_text() == text


@pytest.mark.parametrize("name", vscode.SETTINGS_FILES)
@pytest.mark.parametrize("text", ["{ not json", '{"a": 1', '{"a": "//}'])
def test_settings_that_are_not_json_are_left_alone_and_said_so(
    home: Home, name: str, text: str
) -> None:
    path = home.path / name
    path.parent.mkdir(parents=True)
    path.write_text(text)
    (problem,) = home.configure().problems
    assert isinstance(problem, Problem)
    assert str(path) in problem.message
    assert path.read_text() == text


def test_settings_with_comments_are_fine_and_stay_as_they_are(home: Home) -> None:
    path = home.path / vscode.SETTINGS_FILES[0]
    path.parent.mkdir(parents=True)
    text = '// mine\n{\n  "a": "// no comment", /* b */ "c,}": [1, 2,],\n}\n'
    path.write_text(text)
    assert home.configure().problems == ()
    assert path.read_text() == text
    assert jsonc.parse_lenient(text) == {"a": "// no comment", "c,}": [1, 2]}


def test_settings_are_looked_at_where_code_server_reads_them(home: Home) -> None:
    data = home.path / "data"
    home.facts = replace(home.facts, environ={"XDG_DATA_HOME": str(data)})
    path = data / "code-server/User/settings.json"
    path.parent.mkdir(parents=True)
    path.write_text("{ not json")
    (problem,) = home.configure().problems
    assert str(path) in str(problem)


def test_a_byte_order_mark_is_fine(home: Home) -> None:
    path = home.path / vscode.SETTINGS_FILES[0]
    path.parent.mkdir(parents=True)
    path.write_text("\ufeff{}")
    assert home.configure().problems == ()


def test_errors_name_the_right_line() -> None:
    with pytest.raises(ValueError, match="line 4 column 1"):
        jsonc.parse_lenient('{ /* one\ntwo */ "a": 1, // three\n"b": 2\nx}')
