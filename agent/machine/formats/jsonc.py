"""JSON with comments, as programs of JavaScript read it. Standard library only.

What is added to such a text leaves all else in it as it stands, comments and blanks included.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from agent.machine.formats.parsing import parse_json
from agent.machine.light.expressions import regex

_COMMENT_OR_STRING = regex(r'"(?:\\.|[^"\\])*(?:"|\\?\Z)|//[^\n]*|/\*.*?(?:\*/|\Z)', re.DOTALL)
"""What has no end reaches to the end of the text: nothing is looked at twice."""
_VALUE = regex(r'("(?:\\.|[^"\\])*(?:"|\\?\Z)|[^\s{\[,:"]+)(?:(\s*),(?=\s*[}\]]))?', re.DOTALL)
"""A value, with the comma that follows the last one of a list."""
_BLANK = regex(r"\s*")
_DECODER = json.JSONDecoder()


def parse(text: str) -> Any:
    """Return what a text with comments holds. Raises ValueError."""
    return parse_json(blank_comments(text))


def parse_lenient(text: str) -> Any:
    """Read a text as VS Code does: trailing commas are allowed, too. Raises ValueError."""
    plain = blank_comments(text)
    return parse_json(_VALUE.sub(_drop_comma, plain))


def blank_comments(text: str) -> str:
    """Return the text with blanks for its comments: the rest keeps its place."""
    return _COMMENT_OR_STRING.sub(_blank, text)


def _blank(found: "re.Match[str]") -> str:
    text = found[0]
    is_comment = text.startswith("//") or (text.startswith("/*") and text.endswith("*/"))
    return re.sub(r"[^\n]", " ", text) if is_comment and text != "/*/" else text


def _drop_comma(found: "re.Match[str]") -> str:
    return found[0] if found[2] is None else f"{found[1]}{found[2]} "


def add_missing(text: str, wanted: Mapping[str, Any]) -> str:
    """Return the text of an object with those members of `wanted` that it lacks, at any depth."""
    plain = blank_comments(text)
    for place, addition in sorted(_find_additions(plain, plain.index("{"), wanted), reverse=True):
        text = text[:place] + addition + text[place:]
    return text


def _find_additions(plain: str, start: int, wanted: Mapping[str, Any]) -> Iterator[tuple[int, str]]:
    """Yield where to put what into the object that begins at `start`."""
    members = _find_members(plain, start)
    lacking = {name: value for name, value in wanted.items() if name not in members}
    for name, begin in members.items():
        value = wanted.get(name)
        if isinstance(value, dict) and plain[begin] == "{":
            yield from _find_additions(plain, begin, value)
    if lacking:
        body = json.dumps(lacking, indent=2, ensure_ascii=False)[1:].removesuffix("\n}")
        yield start + 1, body + ("," if members else "\n")


def drop_member(text: str, path: Sequence[str]) -> str:
    """Return the text of an object without this member, which may lie deeper in it.

    Raises ValueError if there is none.
    """
    plain = blank_comments(text)
    start = plain.index("{")
    for name in path[:-1]:
        start = _find_members(plain, start).get(name, len(plain))
        if plain[start : start + 1] != "{":
            raise ValueError(f"there is no {name}")
    comma = None
    for name, at, _, end in _list_members(plain, start):
        behind = _skip_blanks(plain, end)
        if name == path[-1]:
            if plain[behind] == ",":
                return text[:at] + text[behind + 1 :].lstrip()
            before = _find_end(text, plain, at)
            if comma is None:
                return text[:before] + text[end:]
            return text[:comma] + text[comma + 1 : max(before, comma + 1)] + text[end:]
        comma = behind
    raise ValueError(f"there is no {path[-1]}")


def _find_end(text: str, plain: str, at: int) -> int:
    """Return where the blanks before a place begin; behind a comment they stay, as it may need one.

    What is put right behind a comment of one line would be part of it.
    """
    end = len(text[:at].rstrip())
    return at if end and plain[end - 1].isspace() else end


def _find_members(plain: str, start: int) -> dict[str, int]:
    """Return where the values of an object's members begin; of one name, the last counts."""
    return {name: begin for name, _, begin, _ in _list_members(plain, start)}


def _list_members(plain: str, start: int) -> Iterator[tuple[str, int, int, int]]:
    """Yield each member's name, and where it, its value and the text after that begin."""
    at = _skip_blanks(plain, start + 1)
    while plain[at] != "}":
        if plain[at] == ",":
            at = _skip_blanks(plain, at + 1)
            continue
        name, colon = _DECODER.raw_decode(plain, at)
        begin = _skip_blanks(plain, _skip_blanks(plain, colon) + 1)
        end = _DECODER.raw_decode(plain, begin)[1]
        yield name, at, begin, end
        at = _skip_blanks(plain, end)


def _skip_blanks(plain: str, at: int) -> int:
    found = _BLANK.match(plain, at)
    return found.end() if found else at
