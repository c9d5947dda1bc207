"""Texts for people are plain English: phrases that puzzled readers do not come back.

The test reads the pages and the code: its strings (messages, hints, help) and docstrings.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[2]
PAGES = ("README.md", "CONTRIBUTING.md", "docs/**/*.md", "docker/README.md")
CODE = ("agent/**/*.py",)
FILES = sorted(path for pattern in PAGES + CODE for path in TOP.glob(pattern))

BETTER = {
    r"by (?:itself|themselves)": "automatically",
    r"(?:is|are|was|were|be) (?:told|said)": "show, report; or name who does it",
    r"what (?:is|was) left": "the rest, the remaining …",
    r"who(?:ever)? calls": "the caller",
    r"mend(?:s|ed|ing)?": "fix",
    r"(?:lies?|lay) (?:beside|in|on|there)": "is in, is next to",
    r"no matter": "does not matter",
    r"whatever became of": "the result of",
    r"might be that": "may",
}
"""Phrases to avoid, as expressions, and what to write instead."""


def find_texts(path: Path) -> Iterator[tuple[int, str]]:
    """Yield (line, text) of all that a person reads: a page as a whole, the strings of code."""
    if path.suffix == ".md":
        yield 1, path.read_text()
        return
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.value


def find_phrases(path: Path) -> list[str]:
    """Return a line for each phrase to avoid in a file, with the better one."""
    return [
        f"line {line + text.count(chr(10), 0, found.start())}: {found[0]!r}; better: {better}"
        for line, text in find_texts(path)
        for phrase, better in BETTER.items()
        for found in re.finditer(rf"(?i)\b{phrase}\b".replace(" ", r"\s+"), text)
    ]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(TOP)))
def test_texts_are_plain_english(path: Path) -> None:
    assert find_phrases(path) == []


def test_phrases_are_found_across_lines_in_docstrings_and_in_messages(tmp_path: Path) -> None:
    page, module = tmp_path / "page.md", tmp_path / "module.py"
    page.write_text("This recommends nothing.\nMended by\nitself.\n")
    module.write_text('"""Mended."""\nhint = f"{name} " "is told"  # by itself\n')
    assert [line.partition(";")[0] for line in find_phrases(page)] == [
        r"line 2: 'by\nitself'",
        "line 2: 'Mended'",
    ]
    assert len(find_phrases(module)) == 2, "a docstring and a message, but no comment"
