"""A verb in a copy of the test's process is what it is as a program of its own."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.worlds.copies import run_verb


@pytest.mark.parametrize("words", [["version", "--json"], ["no-such-verb"], ["done", "--no-such"]])
def test_it_says_the_same_and_ends_with_the_same_code(words: list[str], tmp_path: Path) -> None:
    environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "LANG": "C.UTF-8"}
    program = subprocess.run(
        [sys.executable, "-I", "-m", "agent", *words], env=environ, check=False, text=True,
        capture_output=True, stdin=subprocess.DEVNULL, timeout=120,
    )  # fmt: skip
    copy = run_verb(words, environ)
    assert (copy.returncode, copy.stdout, copy.stderr) == (
        program.returncode, program.stdout, program.stderr,
    )  # fmt: skip


def test_it_has_the_environment_that_it_is_given_and_no_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OF_THE_TEST", "1")
    done = run_verb(["version"], {"A": "1"}, prepare=lambda: print(dict(os.environ)))
    assert done.stdout.splitlines()[0] == "{'A': '1'}"
    assert os.environ["OF_THE_TEST"] == "1"


def test_what_goes_wrong_before_it_is_told() -> None:
    done = run_verb(["version"], {}, prepare=lambda: 1 // 0)
    assert done.returncode == 1
    assert "ZeroDivisionError" in done.stderr


def test_one_that_hangs_is_ended() -> None:
    with pytest.raises(subprocess.TimeoutExpired):
        run_verb(["version"], {}, prepare=signal.pause, timeout=0.1)
