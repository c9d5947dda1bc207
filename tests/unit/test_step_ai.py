"""AI tools: a key reaches its tool through a file, and goes when its variable goes."""

import json
import os
import stat
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from agent.machine.formats import jsonc
from agent.machine.planning.ledger import Ledger
from agent.machine.planning.plan import Plan, apply, plan
from agent.machine.system import Facts, System
from agent.settings.context import Context
from agent.settings.everything import Settings
from agent.tools import key_files

KEY = "sk-test-0123456789abcdef"
NAMES = ("ANTHROPIC_API_KEY", "OPENAI_API_KEY", "GEMINI_API_KEY")
ALL = dict.fromkeys(NAMES, KEY)


class Home:
    def __init__(self, path: Path) -> None:
        self.path = path / "home"
        self.path.mkdir()
        run = path / "run"
        self.facts = Facts(self.path, os.getuid(), run, path / "state", {})
        self.ledger = Ledger()

    def configure(self, environ: dict[str, str]) -> Plan:
        settings = Settings.from_environ(environ)
        planned = plan(
            "ai", key_files.resources(Context({}, settings, self.facts)), self.facts, self.ledger
        )
        assert apply(planned, System({}), self.ledger) == ()
        return planned

    def files(self) -> dict[str, str]:
        return {
            str(path.relative_to(self.path)): path.read_text()
            for path in self.path.rglob("*")
            if path.is_file()
        }

    def write(self, name: str, text: str) -> Path:
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def read_json(self, name: str) -> dict[str, object]:
        found = json.loads((self.path / name).read_bytes())
        assert isinstance(found, dict)
        return found


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def test_without_keys_nothing_is_written(home: Home) -> None:
    assert home.configure({}).actions == ()


def test_each_tool_gets_its_files(home: Home) -> None:
    home.configure(ALL)
    assert set(home.files()) == {
        ".claude.json", ".claude/settings.json", ".codex/auth.json", ".gemini/.env",
        ".gemini/settings.json",
    }  # fmt: skip
    assert home.read_json(".codex/auth.json") == {"auth_mode": "apikey", "OPENAI_API_KEY": KEY}
    assert home.files()[".gemini/.env"] == f"GEMINI_API_KEY='{KEY}'\n"
    assert home.read_json(".gemini/settings.json") == {
        "security": {"auth": {"selectedType": "gemini-api-key"}}
    }
    assert home.configure(ALL).actions == ()


def test_no_file_with_a_key_is_readable_for_others(home: Home) -> None:
    home.configure(ALL)
    for path in home.path.rglob("*"):
        if path.is_file() and KEY in path.read_text():
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
            assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_claude_fetches_its_key_from_the_runtime_folder_or_the_file(home: Home) -> None:
    home.configure({"ANTHROPIC_API_KEY": KEY})
    place = home.facts.runtime / "secrets" / "ANTHROPIC_API_KEY"
    assert home.read_json(".claude/settings.json") == {"apiKeyHelper": f"cat {place} # devcopilot"}
    secret = home.write("my keys/anthropic", KEY)
    home.configure({"ANTHROPIC_API_KEY_FILE": str(secret)})
    assert home.read_json(".claude/settings.json") == {
        "apiKeyHelper": f"cat '{secret}' # devcopilot"
    }
    assert KEY not in home.files()[".claude/settings.json"]


@pytest.mark.parametrize("form", ["\ufeff{}\n", '"{}"', "{}\\n", "{}\n"])
def test_claude_gets_its_key_from_a_spoilt_file(home: Home, form: str) -> None:
    secret = home.facts.state.parent / "secret"
    secret.write_text(form.format(KEY))
    home.configure({"ANTHROPIC_API_KEY_FILE": str(secret)})
    command = str(home.read_json(".claude/settings.json")["apiKeyHelper"])
    said = subprocess.run(["sh", "-c", command], capture_output=True, check=True, timeout=120)
    assert said.stdout.decode().strip() == KEY
    assert (str(secret) in command) == (form == "{}\n")  # a plain file may be rotated


def test_all_is_taken_back(home: Home) -> None:
    home.configure(ALL)
    home.configure({})
    assert home.files() == {}
    assert home.configure({}).actions == ()


def test_a_new_key_replaces_the_old_one(home: Home) -> None:
    home.configure(ALL)
    assert home.configure(dict.fromkeys(NAMES, "sk-other-987654")).problems == ()
    assert KEY not in "".join(home.files().values())


def test_what_the_user_has_set_stays(home: Home) -> None:
    theirs = {
        ".claude/settings.json": '{"apiKeyHelper":"/mine","model":"opus"}',
        ".claude.json": '{"hasCompletedOnboarding":false,"theme":"light"}',
        ".gemini/settings.json": '{"security":{"auth":{"selectedType":"oauth"}}}',
        ".gemini/.env": "GEMINI_API_KEY=mine\n",
        ".codex/auth.json": '{"auth_mode":"chatgpt"}',
    }
    for name, text in theirs.items():
        home.write(name, text)
    problems = [str(problem) for problem in home.configure(ALL).problems]
    assert home.files() == theirs
    assert len(problems) == 2
    assert all("alone" in problem for problem in problems)
    home.configure({})
    assert home.files() == theirs


def test_other_settings_are_kept(home: Home) -> None:
    home.write(".claude/settings.json", '{"model":"opus"}')
    home.write(".claude.json", '{"theme":"light"}')
    home.write(".gemini/settings.json", '{"security":{"folderTrust":{}},"ui":{"theme":"x"}}')
    home.configure(ALL)
    assert home.read_json(".claude.json") == {"theme": "light", "hasCompletedOnboarding": True}
    assert home.read_json(".gemini/settings.json") == {
        "security": {"folderTrust": {}, "auth": {"selectedType": "gemini-api-key"}},
        "ui": {"theme": "x"},
    }
    home.configure({})
    assert home.read_json(".claude/settings.json") == {"model": "opus"}
    assert home.read_json(".claude.json")["theme"] == "light"


@pytest.mark.parametrize("text", ["{ not json", "[1]", '"x"', "/* c */ [{}]", '{"a": 1,}'])
def test_what_is_no_json_object_is_left_alone(home: Home, text: str) -> None:
    for name in (".claude/settings.json", ".claude.json", ".gemini/settings.json"):
        home.write(name, text)
    planned = home.configure({"ANTHROPIC_API_KEY": KEY, "GEMINI_API_KEY": KEY})
    assert len(planned.problems) == 3
    assert all("alone" in problem.message for problem in planned.problems)
    assert home.files()[".claude.json"] == text
    assert home.configure({}).problems == (), "no business of ours without a key"
    assert home.files()[".claude.json"] == text


@pytest.mark.parametrize("text", ["", "\n", " \r\n\t"])
def test_a_blank_file_is_as_good_as_none(home: Home, text: str) -> None:
    names = (".claude/settings.json", ".claude.json", ".gemini/settings.json")
    for name in names:
        home.write(name, text)
    assert home.configure(ALL).problems == ()
    assert all(home.read_json(name) for name in names)
    home.configure({})
    assert home.files() == {}


def test_a_value_of_the_users_where_a_group_is_expected_stays(home: Home) -> None:
    path = home.write(".gemini/settings.json", '{"security": "none"}')
    assert home.configure({"GEMINI_API_KEY": KEY}).problems == ()
    assert path.read_text() == '{"security": "none"}'


def test_claude_code_reads_no_comments(home: Home) -> None:
    """With one in it, the real one heeds none of these settings."""
    home.write(".claude/settings.json", '// mine\n{"model": "opus"}')
    (problem,) = home.configure({"ANTHROPIC_API_KEY": KEY}).problems
    assert problem.message.endswith("settings.json alone: it is not a JSON object")


def test_claude_code_reads_a_byte_order_mark(home: Home) -> None:
    home.write(".claude/settings.json", '\ufeff{"model": "opus"}')
    assert home.configure({"ANTHROPIC_API_KEY": KEY}).problems == ()
    text = (home.path / ".claude/settings.json").read_text("utf-8-sig")
    assert {"model", "apiKeyHelper"} == set(json.loads(text))


def test_gemini_reads_no_byte_order_mark(home: Home) -> None:
    """The real one ends at once: it is not valid JSON."""
    home.write(".gemini/settings.json", "\ufeff{}")
    (problem,) = home.configure({"GEMINI_API_KEY": KEY}).problems
    assert "settings.json alone" in problem.message


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            '// mine\n{\n  "ui": {"theme": "x"} /* dark */\n}\n',
            '// mine\n{\n  "security": {"auth": {"selectedType": "gemini-api-key"}},\n'
            '  "ui": {"theme": "x"} /* dark */\n}\n',
        ),
        ("{ // nothing yet\n}", '{"security": {"auth": {"selectedType": "gemini-api-key"}}}'),
        (
            '{"security": {"auth": {"useExternal": false}, "a": "// {"}} // }',
            '{"security": {"auth": {"selectedType": "gemini-api-key", "useExternal": false},'
            ' "a": "// {"}}',
        ),
    ],
)
def test_gemini_settings_keep_their_comments(home: Home, before: str, after: str) -> None:
    path = home.write(".gemini/settings.json", before)
    assert home.configure({"GEMINI_API_KEY": KEY}).problems == ()
    text = path.read_text()
    assert jsonc.parse(text) == jsonc.parse(after)
    for comment in ("// mine", "/* dark */", "// nothing yet", "// }"):
        assert (comment in text) == (comment in before)
    assert home.configure({"GEMINI_API_KEY": KEY}).actions == ()
    home.configure({})
    assert path.read_text() == text, "it may be what the user wants by now"


def test_what_is_missing_in_a_text_is_put_into_it() -> None:
    text = '{\n  "b": {"c": {}, "c": {"d": 1}}, // "e": {}\n  "f": [{"a": 1}]\n}'
    longer = jsonc.add_missing(text, {"a": 1, "b": {"c": {"x": [2]}, "y": "ü"}, "f": [1]})
    assert jsonc.parse(longer) == {
        "a": 1,
        "b": {"y": "ü", "c": {"x": [2], "d": 1}},
        "f": [{"a": 1}],
    }
    assert '// "e": {}\n  "f": [{"a": 1}]\n}' in longer
    longer = jsonc.add_missing('{"a": {}, "b": {}}', {"a": {"x": 1}, "b": {"y": 2}})
    assert jsonc.parse(longer) == {"a": {"x": 1}, "b": {"y": 2}}


TOKEN = "sk-ant-oat01-0123456789abcdef"


def test_claude_reads_a_token_of_its_subscription_from_a_file(home: Home) -> None:
    home.configure({"CLAUDE_CODE_OAUTH_TOKEN": TOKEN})
    assert set(home.files()) == {".claude.json", ".claude/.credentials.json"}
    login = home.read_json(".claude/.credentials.json")["claudeAiOauth"]
    assert isinstance(login, dict)
    assert login["accessToken"] == TOKEN
    assert login["scopes"] == ["user:inference"]
    path = home.path / ".claude/.credentials.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert home.configure({"CLAUDE_CODE_OAUTH_TOKEN": TOKEN}).actions == ()
    home.configure({})
    assert home.files() == {}


def test_a_login_of_the_user_is_not_replaced_by_a_token(home: Home) -> None:
    home.write(".claude/.credentials.json", '{"claudeAiOauth": {"accessToken": "mine"}}')
    (problem,) = home.configure({"CLAUDE_CODE_OAUTH_TOKEN": TOKEN}).problems
    assert "alone" in problem.message
    assert TOKEN not in "".join(home.files().values())


def test_with_a_key_as_well_it_says_which_one_counts(home: Home) -> None:
    planned = home.configure({"CLAUDE_CODE_OAUTH_TOKEN": TOKEN, "ANTHROPIC_API_KEY": KEY})
    (problem,) = planned.problems
    assert "uses ANTHROPIC_API_KEY" in problem.message


def test_a_fresh_home_with_old_credentials_is_not_asked_again(home: Home) -> None:
    """Claude Code keeps its answers beside the folder that people put on a volume."""
    home.write(".claude/.credentials.json", '{"claudeAiOauth": {"accessToken": "mine"}}')
    home.configure({})
    assert home.read_json(".claude.json") == {"hasCompletedOnboarding": True}


@pytest.mark.parametrize(
    ("words", "level"),
    [
        ({"GITHUB_TOKEN": "ghp_x1", "DEV8_AI_TOOLS": "copilot"}, "warning"),
        ({"GITHUB_TOKEN": "ghp_x1"}, None),
        ({"GITHUB_TOKEN": "github_pat_x1", "DEV8_AI_TOOLS": "copilot"}, None),
        ({"GITHUB_TOKEN": "gho_x1", "DEV8_AI_TOOLS": "copilot"}, None),
        ({"DEV8_AI_TOOLS": "copilot"}, None),
    ],
)
def test_a_token_that_copilot_refuses_is_named(
    home: Home, words: dict[str, str], level: str | None
) -> None:
    problems = home.configure(words).problems
    assert [problem.level for problem in problems] == ([level] if level else [])
    for problem in problems:
        assert "it is a classic one" in problem.message
        assert all(kind in problem.hint for kind in ("github_pat_", "ghu_", "gho_"))
        assert "ghp_x1" not in str(problem)


def move(home: Home, **variables: str) -> Home:
    home.facts = replace(home.facts, environ=variables)
    return home


def test_the_files_go_where_the_tools_are_told_to_look(home: Home) -> None:
    place = home.path.parent / "elsewhere"
    names = ("CLAUDE_CONFIG_DIR", "CODEX_HOME", "GEMINI_CLI_HOME")
    move(home, **{name: str(place / name) for name in names}).configure(ALL)
    assert home.files() == {}
    assert {str(path.relative_to(place)) for path in place.rglob("*") if path.is_file()} == {
        "CLAUDE_CONFIG_DIR/.claude.json", "CLAUDE_CONFIG_DIR/settings.json",
        "CODEX_HOME/auth.json",
        "GEMINI_CLI_HOME/.gemini/.env", "GEMINI_CLI_HOME/.gemini/settings.json",
    }  # fmt: skip
    home.configure({})
    assert not [path for path in place.rglob("*") if path.is_file()]


def test_a_key_moves_with_its_tool(home: Home) -> None:
    home.configure(ALL)
    move(home, CODEX_HOME=str(home.path / "cx"), CLAUDE_CONFIG_DIR=str(home.path / "cl"),
         GEMINI_CLI_HOME=str(home.path / "g")).configure(ALL)  # fmt: skip
    assert {name for name, text in home.files().items() if KEY in text} == {
        "cx/auth.json", "g/.gemini/.env",
    }  # fmt: skip
    assert {name for name, text in home.files().items() if "apiKeyHelper" in text} == {
        "cl/settings.json"
    }


@pytest.mark.parametrize("name", ["CLAUDE_CONFIG_DIR", "CODEX_HOME", "GEMINI_CLI_HOME"])
def test_a_place_that_is_another_in_each_folder_is_a_problem(home: Home, name: str) -> None:
    (problem,) = move(home, **{name: "~/mine"}).configure(ALL).problems
    assert f"{name}=~/mine is a relative path" in problem.message
    assert home.configure({}).problems == ()


def test_only_claude_code_takes_an_empty_variable_for_a_place(home: Home) -> None:
    move(home, CLAUDE_CONFIG_DIR="", CODEX_HOME="", GEMINI_CLI_HOME="")
    (problem,) = home.configure(ALL).problems
    assert "CLAUDE_CONFIG_DIR" in problem.message
    assert {".codex/auth.json", ".gemini/.env"} <= set(home.files())


@pytest.mark.parametrize(
    ("text", "setting"),
    [
        ('cli_auth_credentials_store = "keyring"\n', "cli_auth_credentials_store"),
        ('forced_login_method = "chatgpt"\n', "forced_login_method"),
        ('cli_auth_credentials_store = "auto"\nforced_login_method = "api"\n', None),
        ("not toml", None),
    ],
)
def test_codex_settings_that_pass_the_key_over_are_named(
    home: Home, text: str, setting: str | None
) -> None:
    home.write(".codex/config.toml", text)
    problems = home.configure({"OPENAI_API_KEY": KEY}).problems
    assert [str(setting) in problem.message for problem in problems] == [True] * bool(setting)
    assert home.configure({}).problems == ()


@pytest.mark.parametrize("value", ["two words", "a'b", 'a"b', "a\\b", "a\nb", "clé"])
@pytest.mark.parametrize("name", NAMES)
def test_what_cannot_be_a_key_is_a_problem(home: Home, name: str, value: str) -> None:
    planned = home.configure({name: value})
    assert [problem.message for problem in planned.problems] == [
        f"cannot use {name}: it is not one word of plain characters"
    ]
    assert value not in "".join(home.files().values())


@pytest.mark.parametrize("name", NAMES)
def test_a_key_file_that_is_missing_for_a_while_loses_nothing(home: Home, name: str) -> None:
    secret = home.facts.state.parent / "secret"
    secret.write_text(KEY + "\n")
    home.configure({f"{name}_FILE": str(secret)})
    before = home.files()
    secret.unlink()
    (problem,) = home.configure({f"{name}_FILE": str(secret)}).problems
    assert problem.message == f"cannot read {name}_FILE={secret}: no such file"
    assert home.files() == before
