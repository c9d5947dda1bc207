"""Variables that hold lists: one way to write them, and errors that name the wrong word."""

from dataclasses import fields

import pytest

from agent.machine.errors import AgentError
from agent.settings.everything import Settings
from agent.settings.lists import split_words

LISTS = {
    "DEV8_AI_TOOLS": ("claude", "codex"),
    "DEV8_BACKUP_HOME": ("+.config/nvim", "-.cache"),
    "DEV8_BACKUP_KEEP": ("last=3", "daily=7"),
    "DEV8_CODE_SERVER_LINK_DOMAINS": ("example.com", "https://*.example.org"),
    "DEV8_CODE_SERVER_PROXY_DOMAIN": ("example.com", "example.org"),
    "DEV8_CODE_SERVER_TRUSTED_ORIGINS": ("a.example.com", "*.example.org"),
    "DEV8_EXTENSIONS_FROM": ("devcontainer", "recommendations"),
    "DEV8_PORTS": ("3000=web", "5432=db"),
    "GITHUB_APP_REPOSITORIES": ("demo", "tools"),
    "GITHUB_APP_PERMISSIONS": ("contents:write", "metadata:read"),
}
"""Variable -> two words that it takes."""
BETWEEN = (" ", ",", ", ", " ,\n", "\t", "\r\n", ",,")


def read(name: str, value: str) -> list[object]:
    settings = Settings.from_environ({name: value})
    return [getattr(settings, group.name) for group in fields(settings)]


@pytest.mark.parametrize("name", LISTS)
def test_blanks_and_commas_are_the_same(name: str) -> None:
    words = LISTS[name]
    expected = read(name, " ".join(words))
    assert expected != read(name, words[0])
    for between in BETWEEN:
        assert read(name, between.join(words)) == expected, between
        assert read(name, f"{between}{between.join(words)}{between}") == expected, between


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize("value", [",", " , ,"])
def test_commas_alone_are_no_list(name: str, value: str) -> None:
    with pytest.raises(AgentError, match="there is nothing between its commas"):
        read(name, value)


@pytest.mark.parametrize("name", LISTS)
def test_an_error_names_the_words_that_are_wrong_and_no_other(name: str) -> None:
    good, _ = LISTS[name]
    with pytest.raises(AgentError) as caught:
        read(name, f"{good} ../one, ../two")
    (problem,) = caught.value.problems
    told = str(problem).partition(" is not a list of ")[2]
    assert "'../one', '../two' is not " in told
    assert repr(good) not in told
    assert "\n" not in str(problem)


@pytest.mark.parametrize("name", ["DEV8_AI_TOOLS", "DEV8_EXTENSIONS_FROM"])
def test_off_stands_alone(name: str) -> None:
    assert read(name, "off") == read(name, "OFF, off") != read(name, LISTS[name][0])
    for value in (f"off {LISTS[name][0]}", f"{LISTS[name][0]},Off"):
        with pytest.raises(AgentError, match="is not either off, or some of"):
            read(name, value)


def test_a_password_in_a_wrong_word_is_not_shown() -> None:
    with pytest.raises(AgentError) as caught:
        read("DEV8_CODE_SERVER_LINK_DOMAINS", "https://octo:geheim@example.com")
    assert "geheim" not in str(caught.value)


def test_words_may_come_in_any_number() -> None:
    assert split_words("one") == ("one",)
    assert split_words("\n one,two\r\n three ,") == ("one", "two", "three")
