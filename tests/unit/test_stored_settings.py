"""What children get of the container's environment."""

from pathlib import Path

import pytest

from agent.settings import context, stored
from agent.settings.compatibility import SECRETS, WITHHELD
from agent.settings.everything import Settings
from tests.worlds.machine import make_facts


def clean(**variables: str) -> dict[str, str]:
    """Return the environment of every child."""
    return dict(context.from_environ({"HOME": "/", **variables}).facts.environ)


@pytest.mark.parametrize("name", sorted(SECRETS))
def test_no_child_gets_a_secret_that_nothing_here_reads(name: str) -> None:
    assert name not in clean(**{name: "hunter2hunter2"})


def test_tools_get_what_makes_them_fit_into_the_workspace() -> None:
    plain = clean()
    assert plain["COPILOT_AUTO_UPDATE"] == "false"
    assert not {"COPILOT_GH_HOST", "GEMINI_CLI_TRUST_WORKSPACE"} & plain.keys()
    assert clean(GH_HOST="git.example.com")["COPILOT_GH_HOST"] == "git.example.com"
    assert "GEMINI_CLI_TRUST_WORKSPACE" not in clean(GEMINI_API_KEY_FILE="/x")
    trusted = clean(GEMINI_API_KEY_FILE="/x", DEV8_TRUST="trusted")
    assert trusted["GEMINI_CLI_TRUST_WORKSPACE"] == "true"


def test_what_was_given_wins_over_the_defaults_for_children() -> None:
    assert clean(COPILOT_AUTO_UPDATE="true")["COPILOT_AUTO_UPDATE"] == "true"


def test_no_default_for_children_is_a_secret() -> None:
    everything = {"GH_HOST": "x.org", "GEMINI_API_KEY": "hunter2hunter2"}
    assert "hunter2" not in str(stored.child_defaults(Settings.from_environ(everything)))


def test_a_token_that_is_withheld_is_known_to_the_log_and_to_ghs_wrapper(tmp_path: Path) -> None:
    given = {old.name: f"token-of-{old.name}" for old in WITHHELD}
    facts = make_facts(tmp_path)
    files = {file.path: file for file in stored.resources(given, facts)}
    for name, value in given.items():
        file = files.pop(facts.runtime / "secrets" / name)
        assert (file.content.decode(), file.mode) == (value, 0o600)
    (settings,) = files.values()
    assert b"token-of-" not in settings.content
