"""Programs that draw, over ssh, on the terminals that people really sit at."""

import os
import subprocess
from collections.abc import Iterator

import pytest

from tests.e2e.conftest import Login
from tests.worlds.containers import HARDENED, MVP, Container, Recipe, running
from tests.worlds.terminals import Terminal

TERMINALS = {
    "alacritty", "contour", "eterm-color", "foot", "foot-direct", "konsole-256color", "mintty",
    "ms-terminal", "nsterm", "putty-256color", "rxvt-unicode-256color", "screen-256color",
    "st-256color", "tmux-256color", "tmux-direct", "vte-256color", "wezterm", "xterm-256color",
    "xterm-direct", "xterm-ghostty", "xterm-kitty",
}  # fmt: skip
UNKNOWN = {"xterm-nobody-has-heard-of": "xterm-256color", "screen.new": "screen-256color"}
DRAW = (
    "clear && top -n 1 && less -F /etc/hostname && "
    "tmux -L $TERM new-session 'echo in $TERM' && echo drawn on $TERM"
)
COMPLAINTS = (b"unknown terminal", b"not fully functional", b"unsuitable", b"failed", b"warning")
LANGUAGES = "bash -lc 'perl -e 1; locale charmap; bash -c :'"


@pytest.fixture(scope="module")
def box(login: Login) -> Iterator[Container]:
    options = ("-e", f"SSH_PUBLIC_KEY={login.public}", "-e", "LANG=en_US.UTF-8",
               "-e", "LC_TIME=de_DE.ISO-8859-1")  # fmt: skip
    with running(Recipe(MVP, (*HARDENED, *options))) as container:
        container.wait_ready()
        yield container


@pytest.mark.parametrize("name", sorted({*TERMINALS, *UNKNOWN}))
def test_programs_draw(box: Container, login: Login, name: str) -> None:
    terminal = Terminal()
    argv = ["ssh", *login.options(), "-tt", "-p", str(box.ssh_port), "dev8@127.0.0.1", DRAW]
    try:
        client = subprocess.Popen(
            ["setsid", "--ctty", *argv], env={**os.environ, "TERM": name},
            stdin=terminal.theirs, stdout=terminal.theirs, stderr=terminal.theirs,
        )  # fmt: skip
        os.close(terminal.theirs)
        seen = terminal.read_rest()
        assert client.wait(timeout=60) == 0, seen
    finally:
        terminal.close()
    assert f"drawn on {UNKNOWN.get(name, name)}".encode() in seen
    assert [words for words in COMPLAINTS if words in seen.lower()] == [], seen


def test_neither_sessions_nor_the_ide_warn_of_the_workspaces_own_locale(
    box: Container, login: Login
) -> None:
    argv = ["ssh", *login.options(), "-p", str(box.ssh_port), "dev8@127.0.0.1", LANGUAGES]
    done = subprocess.run(argv, check=True, capture_output=True, text=True, timeout=120)
    assert (done.stdout, done.stderr) == ("UTF-8\n", "")
    assert login.run(box, "echo $LANG $LC_TIME") == "en_US.UTF-8 C.UTF-8\n"
    names = "grep -zE '^(LANG|LC_TIME)=' /proc/$(pgrep -of /code-server/)/environ | sort -z"
    ide = f"{names} | tr '\\0' '\\n'"
    assert box.execute("sh", "-c", ide) == "LANG=en_US.UTF-8\nLC_TIME=C.UTF-8"
    lines = [event for event in box.events() if "LC_TIME=de_DE" in event["message"]]
    assert [event["level"] for event in lines] == ["warning"]
    assert "LC_TIME=de_DE" in box.execute("devcopilot", "status")
