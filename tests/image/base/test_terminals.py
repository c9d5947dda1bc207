"""What programs that draw know of the terminals that people come from, and of their languages."""

import pytest
from testinfra.host import Host

TERMINALS = (
    "alacritty", "alacritty-direct", "contour", "eterm-color", "foot", "foot-direct", "ghostty",
    "gnome-256color", "iTerm2.app", "kitty-direct", "konsole-256color", "linux", "mintty",
    "ms-terminal", "nsterm", "putty-256color", "rio", "rxvt-unicode-256color", "screen-256color",
    "st-256color", "tmux-256color", "tmux-direct", "vscode", "vt220", "vte-256color", "wezterm",
    "xterm-256color", "xterm-direct", "xterm-ghostty", "xterm-kitty",
)  # fmt: skip
LOCALES = (
    "C.UTF-8", "POSIX", "de_DE.utf8", "en_US.UTF-8", "en_US.utf8", "ca_ES.UTF-8@valencia",
    "sr_RS.UTF-8@latin", "ja_JP.UTF-8", "zh_CN.UTF-8", "hi_IN", "UTF-8",
)  # fmt: skip


@pytest.mark.parametrize("name", TERMINALS)
def test_the_terminal_is_described(host: Host, name: str) -> None:
    host.run_expect([0], f"tput -T {name} clear")


def test_bash_takes_an_unknown_terminal_for_one_that_is_known(host: Host) -> None:
    for name, taken in (
        ("no-such", "xterm-256color"),
        ("screen.no-such", "screen-256color"),
        ("tmux-no-such", "screen-256color"),
        ("../xterm", "xterm-256color"),
        ("xterm-kitty", "xterm-kitty"),
        ("dumb", "dumb"),
        ("", ""),
    ):
        for words in ("bash -lc", "SSH_CLIENT=1 SHLVL=0 bash -c"):
            assert host.check_output(f"TERM={name} {words} 'echo $TERM'") == taken, (name, words)


def test_a_description_that_the_user_brought_counts(host: Host) -> None:
    """As kitty's and Ghostty's own ssh wrappers copy it into the home."""
    script = (
        "export HOME=$(mktemp -d); printf 'mine|Mine,\\n\\tuse=xterm,\\n' >$HOME/mine.ti; "
        "tic -o $HOME/.terminfo $HOME/mine.ti; TERM=mine bash -lc 'echo $TERM'"
    )
    assert host.check_output(script) == "mine"


@pytest.mark.parametrize("name", LOCALES)
@pytest.mark.parametrize("variable", ["LANG", "LC_ALL", "LC_CTYPE"])
def test_nobody_warns_of_the_users_locale(host: Host, variable: str, name: str) -> None:
    """Not in `docker exec` either, which the agent has no part in."""
    script = f"{variable}={name} sh -c 'perl -e 1 && bash -c : && locale charmap'"
    done = host.run_expect([0], script)
    assert done.stderr == ""
    assert done.stdout.strip() == ("ANSI_X3.4-1968" if name == "POSIX" else "UTF-8")
