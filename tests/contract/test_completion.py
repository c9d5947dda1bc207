"""Tab completes `devcopilot` in real shells, as the images have it."""

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.__main__ import VERBS
from agent.commands.backup import COMMANDS
from tests.worlds.needs import need
from tests.worlds.terminals import PROMPT, Terminal

ROOT = Path(__file__).parents[2]
BASH, ZSH = "usr/share/bash-completion/completions/devcopilot", "usr/share/zsh/vendor-completions"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("completion")
    script = ROOT / "docker/base/completion.py"
    subprocess.run(
        [sys.executable, str(script), str(made)], check=True, timeout=120,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    return made


def complete(folder: Path, *words: str) -> list[str]:
    """Return what bash offers for the last of these words."""
    script = f"""
        . {shlex.quote(str(folder / BASH))}
        COMP_WORDS=(devcopilot {shlex.join(words)}) COMP_CWORD={len(words)}
        function=$(complete -p devcopilot | sed -E 's/.* -F ([^ ]+) .*/\\1/')
        $function devcopilot {shlex.quote(words[-1])}
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    done = subprocess.run(
        ["bash", "--norc", "-c", script], check=True, capture_output=True, text=True, timeout=120
    )
    assert done.stderr == ""
    return done.stdout.split()


def test_bash_offers_every_verb_and_its_options(folder: Path) -> None:
    assert set(complete(folder, "")) >= set(VERBS)
    assert complete(folder, "sta") == ["status"]
    assert set(complete(folder, "backup", "")) >= set(COMMANDS)
    assert set(complete(folder, "backup", "key", "")) >= {"make", "list", "add", "remove"}
    assert complete(folder, "backup", "restore", "--dr") == ["--dry-run"]
    assert complete(folder, "status", "--j") == ["--json"]
    assert complete(folder, "backup", "list", "--target", "") == ["local", "s3", "azure"]


def test_bash_offers_folders_for_a_path(folder: Path) -> None:
    (folder / "a-folder").mkdir(exist_ok=True)
    (found,) = complete(folder, "backup", "restore", "--to", f"{folder}/a-fol")
    assert found.rstrip("/") == f"{folder}/a-folder"


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    made = Terminal()
    yield made
    made.close()


def start(terminal: Terminal, *argv: str, **environment: str) -> "subprocess.Popen[bytes]":
    stream = terminal.theirs
    child = subprocess.Popen(
        argv, stdin=stream, stdout=stream, stderr=stream, start_new_session=True,
        env={"PATH": os.environ["PATH"], "TERM": "xterm", "LANG": "C.UTF-8", **environment},
    )  # fmt: skip
    os.close(stream)
    return child


def press_tab(terminal: Terminal) -> None:
    terminal.read_until(PROMPT)
    terminal.type(b"devcopilot backup key rem\t")
    terminal.read_until(b"key remove")
    terminal.type(b"--js\t")
    terminal.read_until(b"--json")
    terminal.type(b"\x15exit\n")


def test_tab_in_bash_as_the_image_sets_it_up(
    folder: Path, tmp_path: Path, terminal: Terminal
) -> None:
    """The completion is read at the first Tab, not when a shell starts."""
    profile = (ROOT / "docker/base/etc/profile.d/devcopilot.sh").read_text()
    setup = profile.replace("/usr/share/bash-completion", f"{folder}/usr/share/bash-completion")
    assert setup != profile
    rc = tmp_path / "bashrc"
    rc.write_text(f"{setup}\nPS1={shlex.quote(PROMPT.decode())}\n")
    child = start(terminal, "bash", "--rcfile", str(rc), "-i", HOME=str(tmp_path))
    press_tab(terminal)
    assert child.wait(timeout=120) == 0


def test_tab_in_zsh(folder: Path, tmp_path: Path, terminal: Terminal) -> None:
    need(shutil.which("zsh"), "needs zsh")
    (tmp_path / ".zshrc").write_text(
        f"fpath=({shlex.quote(str(folder / ZSH))} $fpath)\nautoload -Uz compinit\n"
        f"compinit -u -d {tmp_path}/dump\nPS1={shlex.quote(PROMPT.decode())}\n"
    )
    child = start(terminal, "zsh", "-i", HOME=str(tmp_path), ZDOTDIR=str(tmp_path))
    press_tab(terminal)
    assert child.wait(timeout=120) == 0
