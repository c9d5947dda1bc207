"""restic's patterns of what to exclude: how a path becomes one, and what a list of them matches.

https://restic.readthedocs.io/en/stable/040_backup.html#excluding-files. As words of `--exclude`
nothing in them is expanded; in a file of patterns each $ would be, and would have to be doubled.
"""

import re
from collections.abc import Callable, Iterable
from itertools import groupby
from pathlib import Path

Matcher = Callable[[str], bool]

ANY_FOLDERS = "**"


def escape(path: Path) -> str:
    """Return the pattern that matches this absolute path, and all below it, and nothing else."""
    return re.sub(r"([\\*?\[\]])", r"\\\1", str(path))


def anchor(pattern: str, folder: Path) -> str:
    """Return a pattern that is relative to a folder as an absolute one; a leading ! stays in front.

    Raises ValueError, with what it should be, for what restic would refuse, for what reaches out of
    the folder, and for what means the folder itself.
    """
    sign, bare = ("!", pattern[1:]) if pattern.startswith("!") else ("", pattern)
    parts = _split(bare)
    if not parts or ".." in parts:
        raise ValueError("a pattern of files in the workspace, such as data/*.bin")
    for part in parts:
        _translate_part(part)
    return f"{sign}{escape(folder).rstrip('/')}/{'/'.join(parts)}"


def compile_patterns(patterns: Iterable[str]) -> Matcher:
    """Return what tells whether an absolute path, or a folder above it, matches.

    The last pattern that matches decides; one with a leading ! takes back what others left out.
    All are absolute. Raises ValueError for what restic would refuse.
    """
    rules = [
        (negated, re.compile("|".join(_translate(pattern.removeprefix("!")) for pattern in group)))
        for negated, group in groupby(patterns, key=lambda pattern: pattern.startswith("!"))
    ]

    def matches(path: str) -> bool:
        found = False
        for negated, expression in rules:
            if found == negated and expression.match(path):
                found = not negated
        return found

    return matches


def _split(pattern: str) -> list[str]:
    """Return the parts between slashes; restic drops what is empty or a dot."""
    return [part for part in pattern.split("/") if part not in ("", ".")]


def _translate(pattern: str) -> str:
    parts = ("(?:/[^/]+)*" if part == ANY_FOLDERS else f"/{_translate_part(part)}"
             for part in _split(pattern))  # fmt: skip
    return "".join(parts) + r"(?=/|\Z)"


def _translate_part(part: str) -> str:
    """Return one part as a regular expression: see https://pkg.go.dev/path/filepath#Match ."""
    words, rest = [], part
    while rest:
        first = rest[0]
        if first == "[":
            word, rest = _translate_class(rest[1:])
        elif first == "*":
            word, rest = "[^/]*", rest[1:]
        elif first == "?":
            word, rest = "[^/]", rest[1:]
        else:
            literal, rest = _take(rest, part)
            word = re.escape(literal)
        words.append(word)
    return "".join(words)


def _translate_class(rest: str) -> tuple[str, str]:
    """Return a class such as [^a-z], whose bracket is read already, and what follows it.

    Other than in Python neither a ! means anything, nor is a ] or a - literal without a backslash.
    """
    inside = rest
    negated = rest.startswith("^")
    rest = rest.removeprefix("^")
    ranges: list[str] = []
    count = 0
    while not (count and rest.startswith("]")):
        low, rest = _take_of_class(rest, inside)
        high = low
        if rest.startswith("-"):
            high, rest = _take_of_class(rest[1:], inside)
        ranges += [f"{re.escape(low)}-{re.escape(high)}"] if low <= high else []
        count += 1
    if not ranges:
        return ("[^/]" if negated else r"(?!)"), rest[1:]
    return f"[{'^/' if negated else ''}{''.join(ranges)}]", rest[1:]


def _take_of_class(rest: str, whole: str) -> tuple[str, str]:
    if not rest or rest[0] in "]-":
        raise ValueError(f"a pattern with closed brackets, not [{whole}")
    return _take(rest, whole)


def _take(rest: str, whole: str) -> tuple[str, str]:
    """Return the next character, which a backslash may make a literal, and what follows it."""
    literal = rest[1:2] if rest[0] == "\\" else rest[0]
    if not literal:
        raise ValueError(f"a pattern with a character after its backslash, not {whole}")
    return literal, rest[2:] if rest[0] == "\\" else rest[1:]
