"""Lines as other programs split them."""

import subprocess
from pathlib import Path

import pytest

from agent.machine.formats.lines import find_last_line, split_lines
from agent.machine.light.escaping import quote


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("", []),
        ("\n", [""]),
        ("a", ["a"]),
        ("a\n", ["a"]),
        ("a\r\nb\r\n", ["a", "b"]),
        ("a\n\nb", ["a", "", "b"]),
        ("a\rb\n", ["a\rb"]),
        (
            "a\u2028b\u2029c\x85d\ve\ff\x1cg\x1dh\x1ei\n",
            ["a\u2028b\u2029c\x85d\ve\ff\x1cg\x1dh\x1ei"],
        ),
    ],
)
def test_a_line_ends_at_a_line_feed_alone(text: str, lines: list[str]) -> None:
    assert split_lines(text) == lines


@pytest.mark.parametrize(
    ("said", "line"), [(b"", "nothing"), (b" \n", "nothing"), (b"one\n two \n\n", "two")]
)
def test_the_last_words(said: bytes, line: str) -> None:
    assert find_last_line(said, "nothing") == line


@pytest.mark.parametrize("value", ['a "b" \\ c', "two\nlines", "\u2028x\x85y\vz", " blanks ", "#;"])
def test_git_reads_a_value_back_as_it_was(tmp_path: Path, value: str) -> None:
    path = tmp_path / "config"
    path.write_text(f"[user]\n\tname = {quote(value)}\n", newline="")
    argv = ["git", "config", "--file", str(path), "-z", "user.name"]
    assert subprocess.run(argv, check=True, capture_output=True).stdout.decode() == f"{value}\0"
