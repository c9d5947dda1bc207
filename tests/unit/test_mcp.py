"""One file of MCP servers for all AI tools: written into each, and taken back cleanly."""

import json
import stat
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from agent.machine.errors import Problem
from agent.machine.formats import jsonc
from agent.machine.planning.actions import Action
from agent.machine.planning.ledger import Ledger
from agent.machine.planning.plan import Plan, apply, plan
from agent.machine.system import Facts, System
from agent.settings.context import Context
from agent.settings.everything import Settings
from agent.tools import mcp_servers, toml_edit
from agent.tools.mcp import read_server
from agent.workspace import ai_trust
from tests.worlds.machine import make_facts

DOCS = {"command": "npx", "args": ["-y", "@x/docs"], "env": {"LEVEL": "info"}}
WEB = {"url": "https://mcp.example/x", "headers": {"X-Team": "blue"}}
FILES = (".claude.json", ".codex/config.toml", ".copilot/mcp-config.json", ".gemini/settings.json")


class Home:
    def __init__(self, root: Path) -> None:
        self.facts: Facts = make_facts(root)
        self.path = self.facts.home
        self.path.mkdir(exist_ok=True)
        self.facts.state.mkdir(parents=True, exist_ok=True)
        self.file = root / "mcp.json"
        self.workspace = root / "workspace"
        self.workspace.mkdir()
        self.ledger = Ledger()

    def configure(self, given: object = None, **variables: str) -> Plan:
        if given is not None:
            self.file.write_text(given if isinstance(given, str) else json.dumps(given))
            variables["DEV8_MCP"] = str(self.file)
        settings = Settings.from_environ({"WORKSPACE_DIR": str(self.workspace), **variables})
        context = Context({}, settings, self.facts)
        problems: list[Problem] = []
        actions: list[Action] = []
        for step in (mcp_servers.STEP, ai_trust.STEP):
            planned = plan(step.name, step.resources(context), self.facts, self.ledger)
            assert apply(planned, System({}), self.ledger) == ()
            problems += planned.problems
            actions += planned.actions
        return replace(planned, actions=tuple(actions), problems=tuple(problems))

    def write(self, name: str, text: str) -> Path:
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def text(self, name: str) -> str:
        return (self.path / name).read_text()

    def list_files(self) -> set[str]:
        below = (path for path in self.path.rglob("*") if path.is_file())
        return {str(path.relative_to(self.path)) for path in below if "state" not in path.parts}


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    yield Home(tmp_path)


def make(**rows: object) -> dict[str, object]:
    return {"mcpServers": rows}


def test_every_tool_gets_the_servers_in_its_own_form(home: Home) -> None:
    assert home.configure(make(docs=DOCS, web=WEB)).problems == ()
    assert json.loads(home.text(".claude.json"))["mcpServers"] == {
        "docs": {"type": "stdio", **DOCS},
        "web": {"type": "http", **WEB},
    }
    assert tomllib.loads(home.text(".codex/config.toml"))["mcp_servers"] == {
        "docs": DOCS,
        "web": {"url": WEB["url"], "http_headers": WEB["headers"]},
    }
    assert json.loads(home.text(".copilot/mcp-config.json"))["mcpServers"] == {
        "docs": {"type": "local", "tools": ["*"], **DOCS},
        "web": {"type": "http", "tools": ["*"], **WEB},
    }
    assert json.loads(home.text(".gemini/settings.json"))["mcpServers"] == {
        "docs": DOCS,
        "web": {"type": "http", **WEB},
    }
    for name in FILES:
        assert stat.S_IMODE((home.path / name).stat().st_mode) == 0o600
    assert home.configure(make(docs=DOCS, web=WEB)).actions == ()


def test_all_goes_with_the_variable(home: Home) -> None:
    home.configure(make(docs=DOCS, web=WEB))
    home.configure()
    assert home.list_files() == set()
    assert home.configure().actions == ()


def test_one_entry_goes_and_one_changes(home: Home) -> None:
    home.configure(make(docs=DOCS, web=WEB))
    home.configure(make(docs={"command": "other"}))
    assert jsonc.parse(home.text(".claude.json"))["mcpServers"] == {
        "docs": {"type": "stdio", "command": "other"}
    }
    assert tomllib.loads(home.text(".codex/config.toml"))["mcp_servers"] == {
        "docs": {"command": "other"}
    }


THEIRS = {
    ".claude.json": '{"theme":"light","mcpServers":{"docs":{"command":"mine"},"own":{"url":"u"}}}',
    ".copilot/mcp-config.json": '{"mcpServers":{"docs":{"command":"mine","tools":[]}}}',
    ".gemini/settings.json": '// mine\n{\n  "mcpServers": {"docs": {"command": "mine"}}, // x\n'
    '  "ui": {}\n}\n',
    ".codex/config.toml": '# mine\nmodel = "x" # y\n\n[mcp_servers.docs]\ncommand = "mine"\n\n'
    "# about the next\n[tui]\nnotifications = true\n",
}


def test_what_the_user_has_wins_and_stays_as_it_was(home: Home) -> None:
    for name, text in THEIRS.items():
        home.write(name, text)
    assert home.configure(make(docs=DOCS, web=WEB)).problems == ()
    for name in FILES:
        text = home.text(name)
        found = tomllib.loads(text) if name.endswith("toml") else jsonc.parse(text)
        rows = found.get("mcp_servers") or found["mcpServers"]
        assert rows["docs"]["command"] == "mine"
        assert "web" in rows
    assert home.configure(make(docs=DOCS, web=WEB)).actions == ()
    home.configure()
    for name, text in THEIRS.items():
        after = home.text(name)
        if name.endswith("toml"):
            assert after == text
        else:
            assert jsonc.parse(after) == jsonc.parse(text)
            assert [part in after for part in ("// mine", "// x")] == [
                part in text for part in ("// mine", "// x")
            ]


def test_an_entry_that_the_user_changed_is_theirs(home: Home) -> None:
    home.configure(make(docs=DOCS))
    document = json.loads(home.text(".claude.json"))
    document["mcpServers"]["docs"]["env"] = {"LEVEL": "debug"}
    home.write(".claude.json", json.dumps(document))
    home.configure(make(docs={"command": "other"}))
    assert json.loads(home.text(".claude.json")) == document
    home.configure()
    assert json.loads(home.text(".claude.json")) == document


def test_a_tool_that_rewrites_its_file_does_not_make_an_entry_its_own(home: Home) -> None:
    """Codex drops comments, Copilot what it does not know, and both sort as they like."""
    home.configure(make(docs=DOCS))
    path = home.path / ".copilot/mcp-config.json"
    path.write_text(json.dumps(json.loads(path.read_text()), sort_keys=True, indent=4))
    home.configure()
    assert not path.exists()


@pytest.mark.parametrize(
    "row",
    [
        {**DOCS, "env": {"API_TOKEN": "abc"}},
        {**DOCS, "env": {"X": "${env:API_TOKEN}"}},
        {**DOCS, "args": ["--token", "ghp_0123456789abcdef"]},
        {**DOCS, "args": ["--key=sk-ant-0123456789abcdef"]},
        {**WEB, "headers": {"Authorization": "Bearer abc"}},
        {**WEB, "headers": {"X-Api-Key": "abc"}},
        {**WEB, "url": "https://me:word@mcp.example/"},
        {**WEB, "url": "https://mcp.example/${KEY}"},
    ],
)
def test_a_secret_is_refused_and_written_nowhere(home: Home, row: dict[str, object]) -> None:
    (problem,) = home.configure(make(bad=row, web=WEB)).problems
    assert problem.message.startswith("left out MCP server bad: ")
    assert "devcopilot" in problem.hint
    for name in FILES:
        assert '"bad"' not in home.text(name)
        assert "mcp_servers.bad" not in home.text(name)
        assert "mcp.example/x" in home.text(name)


@pytest.mark.parametrize(
    "row",
    [
        [], {}, {**DOCS, **WEB}, {"command": 1}, {**DOCS, "args": "x"}, {**DOCS, "args": [1]},
        {**DOCS, "env": {"A": 1}}, {**DOCS, "yolo": True}, {**WEB, "type": "ws"},
        {**DOCS, "args": ["a\nb"]},
    ],
)  # fmt: skip
def test_a_malformed_entry_is_named(home: Home, row: object) -> None:
    (problem,) = home.configure(make(odd=row)).problems
    assert "MCP server odd" in problem.message
    assert home.list_files() == set()


@pytest.mark.parametrize("text", ["", "[]", "{", "{}", '{"mcpServers": []}'])
def test_a_file_that_is_no_use_leaves_the_entries_as_they_are(home: Home, text: str) -> None:
    home.configure(make(docs=DOCS))
    before = {name: home.text(name) for name in FILES}
    (problem,) = home.configure(text).problems
    assert "DEV8_MCP" in str(problem)
    assert {name: home.text(name) for name in FILES} == before
    home.configure()
    assert home.list_files() == set()


def test_the_file_may_have_comments_and_trailing_commas(home: Home) -> None:
    assert home.configure('{ // ours\n"mcpServers": {"docs": {"command": "x",},},}').problems == ()
    assert "docs" in home.text(".claude.json")


def test_a_file_that_its_tool_cannot_read_is_left_alone(home: Home) -> None:
    home.write(".codex/config.toml", "not toml")
    (problem,) = home.configure(make(docs=DOCS)).problems
    assert "config.toml alone" in problem.message
    assert home.text(".codex/config.toml") == "not toml"


def test_the_files_follow_their_tools(home: Home) -> None:
    home.configure(make(docs=DOCS))
    names = ("CLAUDE_CONFIG_DIR", "CODEX_HOME", "COPILOT_HOME", "GEMINI_CLI_HOME")
    home.facts = replace(home.facts, environ={name: str(home.path / name) for name in names})
    home.configure(make(docs=DOCS))
    assert home.list_files() == {
        "CLAUDE_CONFIG_DIR/.claude.json", "CODEX_HOME/config.toml",
        "COPILOT_HOME/mcp-config.json", "GEMINI_CLI_HOME/.gemini/settings.json",
    }  # fmt: skip


def test_trust_reaches_the_tools_only_when_somebody_gave_it(home: Home) -> None:
    for word in ("off", "ask"):
        assert home.configure(DEV8_TRUST=word).actions == ()
    folder = str(home.workspace)
    home.write(
        ".claude.json", json.dumps({"projects": {folder: {"hasTrustDialogAccepted": False}}})
    )
    home.configure(DEV8_TRUST="trusted")
    claude = json.loads(home.text(".claude.json"))
    assert claude == {"projects": {folder: {"hasTrustDialogAccepted": True}}}
    codex = tomllib.loads(home.text(".codex/config.toml"))
    assert codex == {"projects": {folder: {"trust_level": "trusted"}}}
    assert json.loads(home.text(".gemini/trustedFolders.json")) == {folder: "TRUST_FOLDER"}
    assert home.configure(DEV8_TRUST="trusted").actions == ()
    everything = "".join(home.text(name) for name in home.list_files())
    assert not any(word in everything for word in ("bypass", "yolo", "danger", "never"))
    home.configure()
    assert home.list_files() == set()


def test_tables_of_toml_go_with_what_is_in_them_and_nothing_else() -> None:
    text = '# a\nx = 1\n\n[a.b]\ny = """\n[c]\n"""\n[a.b.env]\nz = 1\n\n# d\n[d] # e\nw = 1\n'
    shorter = toml_edit.drop_table(text, ("a", "b"))
    assert shorter == "# a\nx = 1\n\n\n# d\n[d] # e\nw = 1\n"
    longer = toml_edit.add_table("x = 1", ("p", "/w s"), {"k": ["a", "ü😀"], "m": {"n-o": "\\"}})
    assert tomllib.loads(longer) == {"x": 1, "p": {"/w s": {"k": ["a", "ü😀"], "m": {"n-o": "\\"}}}}
    assert toml_edit.drop_table(longer, ("p", "/w s")) == "x = 1\n"
    indented = "x = 1\n[a]\ny = 2\n\t[d]\n\tw = 3\n"
    assert toml_edit.drop_table(indented, ("a",)) == "x = 1\n\t[d]\n\tw = 3\n"


@pytest.mark.parametrize(
    "of_user",
    ['y = """\n[a]\n"""\n',
     "y = '''\n[a]\nz = 1\n'''\n", 'y = [\n["a"]\n]\n', "y = [ # [\n['a']\n]\n",
     'y = [\n["b"],\n["a"]\n]\n',
     'y = """\\"""\n[a]\n"""\n', 'y = "[" # ]\n', 'y = ["#",\n["a"]\n]\n'],
)  # fmt: skip
def test_a_text_that_looks_like_a_table_is_none(of_user: str) -> None:
    longer = toml_edit.add_table(of_user, ("a",), {"k": 1})
    assert tomllib.loads(longer)["a"] == {"k": 1}
    assert toml_edit.drop_table(longer, ("a",)) == of_user


@pytest.mark.parametrize(
    ("text", "path", "after"),
    [
        ('{"a": 1}', ["a"], "{}"),
        ('{"a": 1, "b": 2}', ["a"], '{"b": 2}'),
        ('{"a": 1, "b": 2}', ["b"], '{"a": 1}'),
        ('{\n  // one\n  "a": {"c": 1}, // two\n  "b": 2 // three\n}', ["b"],
         '{\n  // one\n  "a": {"c": 1} // two\n   // three\n}'),
        ('{"a": {"b": {"c": 1}, "d": ","}}', ["a", "b"], '{"a": {"d": ","}}'),
        ('{ // one\n  "a": 1}', ["a"], "{ // one\n  }"),
        ('{"a": 1, // one\n  "b": 2}', ["b"], '{"a": 1 // one\n  }'),
        ('{ /* one */ "a": 1}', ["a"], "{ /* one */ }"),
    ],
)  # fmt: skip
def test_a_member_is_taken_out_of_a_text(text: str, path: list[str], after: str) -> None:
    assert jsonc.drop_member(text, path) == after


def test_a_member_that_is_not_there() -> None:
    for path in (["x"], ["a", "x"], ["a", "b", "c"]):
        with pytest.raises(ValueError, match="there is no"):
            jsonc.drop_member('{"a": {"b": 1}}', path)


def test_a_server_is_read_as_it_was_given() -> None:
    server = read_server("docs", {**DOCS, "type": "stdio"})
    assert (server.command, server.args, server.transport) == ("npx", DOCS["args"], "stdio")
    assert read_server("web", {**WEB, "type": "sse"}).transport == "sse"
