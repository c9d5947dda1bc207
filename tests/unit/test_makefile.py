"""`make help` lists every target in its group, on a terminal of 80 columns."""

import re
import subprocess
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]


def list_help() -> list[str]:
    done = subprocess.run(
        ["make", "--no-print-directory", "help"],
        cwd=TOP, check=True, capture_output=True, text=True)  # fmt: skip
    return [line for line in done.stdout.splitlines() if line.startswith("  make ")]


def test_every_target_has_a_line() -> None:
    targets = re.findall(r"(?m)^([a-z-]+):", (TOP / "Makefile").read_text())
    assert [line.split()[1] for line in list_help()] == targets


def test_no_line_is_wider_than_a_terminal() -> None:
    assert [line for line in list_help() if len(line) > 80] == []
