"""AI tools: a key reaches its tool through a file, and goes when its variable goes."""

import json
import os
import stat
from pathlib import Path

import pytest

from agent.plan import Ledger, Plan, apply, plan
from agent.settings import Settings
from agent.steps import ai
from agent.system import Facts, System

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
        planned = plan("ai", ai.resources(settings, self.facts), self.facts, self.ledger)
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


@pytest.mark.parametrize("text", ["{ not json", "[1]", '"x"', "// c\n{}"])
def test_what_is_no_json_object_is_left_alone(home: Home, text: str) -> None:
    for name in (".claude/settings.json", ".claude.json", ".gemini/settings.json"):
        home.write(name, text)
    planned = home.configure({"ANTHROPIC_API_KEY": KEY, "GEMINI_API_KEY": KEY})
    assert len(planned.problems) == 3
    assert all("alone" in problem.message for problem in planned.problems)
    assert home.files()[".claude.json"] == text
    assert home.configure({}).problems == (), "no business of ours without a key"
    assert home.files()[".claude.json"] == text


@pytest.mark.parametrize("value", ["two words", "a'b", 'a"b', "a\\b", "a\nb", "clé"])
@pytest.mark.parametrize("name", NAMES)
def test_what_cannot_be_a_key_is_a_problem(home: Home, name: str, value: str) -> None:
    planned = home.configure({name: value})
    assert [problem.message for problem in planned.problems] == [
        f"cannot use {name}: it has spaces, quotes or line breaks in it"
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
