"""Parsers for variables that hold several values: each raises ValueError with the expected format.

A list is words with blanks or commas between them, as many as one likes; only where a value may
hold blanks is it lines. An error names the words that are wrong.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TypeVar

from agent.machine.formats.globs import anchor
from agent.settings.parsers import home_path, identifier
from agent.settings.urls import show

T = TypeVar("T")
OFF = "off"


def split_words(value: str) -> tuple[str, ...]:
    """Return the words of a list. Raises ValueError if there is none."""
    found = tuple(value.replace(",", " ").split())
    if not found:
        raise ValueError("a list: there is nothing between its commas")
    return found


def read_each(words: Iterable[str], what: str, read: Callable[[str], T]) -> tuple[T, ...]:
    """Read each entry of a list of `what`. Raises ValueError that names every wrong one."""
    found: list[T] = []
    wrong: dict[str, list[str]] = {}
    for word in words:
        try:
            found.append(read(word))
        except ValueError as error:
            wrong.setdefault(str(error), []).append(show(word))
    if wrong:
        causes = (f"{', '.join(words)} is not {form}" for form, words in wrong.items())
        raise ValueError(f"a list of {what}: {'; '.join(causes)}")
    return tuple(found)


def words_or_off(*choices: str) -> Callable[[str], tuple[str, ...]]:
    """Return a parser for some of these words, or for off, which is none of them."""

    def read_one(word: str) -> str:
        if word.lower() not in (OFF, *choices):
            raise ValueError(f"one of {OFF}, {', '.join(choices)}")
        return word.lower()

    def read(value: str) -> tuple[str, ...]:
        words = read_each(split_words(value), "words", read_one)
        if OFF in words and set(words) != {OFF}:
            raise ValueError(f"either {OFF}, or some of {', '.join(choices)}")
        return () if OFF in words else words

    return read


def identifiers(value: str) -> tuple[str, ...]:
    """Read ids."""
    return read_each(split_words(value), "ids", identifier)


def permissions(value: str) -> Mapping[str, str]:
    """Read permissions of a GitHub App, such as contents:write,metadata:read."""
    return dict(read_each(split_words(value), "permissions", _permission))


def _permission(word: str) -> tuple[str, str]:
    name, _, level = word.partition(":")
    if not re.fullmatch(r"[a-z_]+", name) or level not in ("read", "write", "admin"):
        raise ValueError("a permission such as contents:write or metadata:read")
    return name, level


def home_words(value: str) -> tuple[str, ...]:
    """Read paths below the home folder, each with +, - or no sign in front."""
    return read_each(split_words(value), "paths", _home_word)


def _home_word(word: str) -> str:
    home_path(word[1:] if word[:1] in ("+", "-") else word)
    return word


KEEP_KINDS = ("last", "hourly", "daily", "weekly", "monthly", "yearly")


def keep_rules(value: str) -> Mapping[str, int]:
    """Read which backups to keep, such as last=3,daily=7; at least one number is above zero."""
    found = read_each(split_words(value), "rules", _keep_rule)
    rules = {kind: number for kind, number in found if number}
    if not rules:
        raise ValueError("rules that keep at least one backup, such as last=3,daily=7")
    return rules


def _keep_rule(word: str) -> tuple[str, int]:
    kind, _, number = word.partition("=")
    if kind not in KEEP_KINDS or not re.fullmatch(r"[0-9]{1,5}", number):
        raise ValueError(f"a rule such as last=3 or daily=7, of {', '.join(KEEP_KINDS)}")
    return kind, int(number)


# --- lines --------------------------------------------------------------------------------------


def lines(value: str) -> tuple[str, ...]:
    """Read texts, one per line or separated by commas; they may contain blanks."""
    return tuple(part.strip() for part in re.split(r"[\n,]", value) if part.strip())


def workspace_patterns(value: str) -> tuple[str, ...]:
    """Read restic patterns of workspace files, one per line or separated by commas."""
    return read_each(lines(value), "patterns", _pattern)


def _pattern(line: str) -> str:
    anchor(line, Path("/workspace"))
    return line
