"""What ssh sessions get of the environment: as much as sshd takes."""

import os
import subprocess
from pathlib import Path

import pytest

from agent.services import sessions

LINKS = {f"APP_{number}_PORT_80_TCP_ADDR": "10.0.0.1" for number in range(2000)}


def test_set_env_leaves_out_what_it_cannot_say() -> None:
    environ = {"A": 'x "y" \\', "LINE": "a\nb", "USER": "x", "SSH_TTY": "x", "odd name": "x",
               "dotted.name": "1"}  # fmt: skip
    assert sessions.render_set_env(environ) == 'SetEnv "A=x \\"y\\" \\\\" "dotted.name=1"\n'
    assert sessions.render_set_env({}) == ""
    (problem,) = sessions.check_environment(environ, reader=Path("/no/such/file"))
    assert problem.level == "warning", "who misses one must find the line"
    assert "lack LINE, odd name:" in problem.message


def test_bash_sets_what_has_a_line_break() -> None:
    environ = {
        "KEY": "-----BEGIN-----\nline\n-----END-----\n",
        "ODD": "'\"\n$(exit 1)`exit 1` \\ \udcff\r",
        "MINE": "a\nb", "PLAIN": "x", "UID": "1\n2",
        "BASH_FUNC_x%%": "() {\n :\n}", "odd name": "a\nb",
    }  # fmt: skip
    script = os.fsdecode(sessions.render_script(environ))
    argv = ["bash", "-c", f"{script}\nenv -0"]
    done = subprocess.run(argv, env={"MINE": "kept", "PATH": os.defpath}, check=True,
                          capture_output=True)  # fmt: skip
    found = dict(line.split("=", 1) for line in os.fsdecode(done.stdout).split("\0") if line)
    assert {name: found.get(name) for name in ("KEY", "ODD", "MINE")} == {
        **{name: environ[name] for name in ("KEY", "ODD")}, "MINE": "kept",
    }  # fmt: skip
    assert "PLAIN" not in found
    lacking, by_shell = sessions.check_environment(environ, reader=Path("/"))
    assert (lacking.level, by_shell.level) == ("warning", "info")
    assert "lack BASH_FUNC_x%%, odd name:" in lacking.message
    assert "get KEY, MINE, ODD, UID only in bash and fish" in by_shell.message


def test_fish_has_words_of_its_own() -> None:
    environ = {"KEY": "it's \\\n$HOME", "PLAIN": "x", "odd name": "a\nb"}
    assert sessions.render_fish_script(environ) == (
        rb"set -q KEY; or set -gx KEY 'it\'s \\" + b"\n$HOME'\n"
    )


def test_one_line_names_a_few_of_many() -> None:
    environ = {f"V{number}": "a\nb" for number in range(9)}
    (problem,) = sessions.check_environment(environ, reader=Path("/no/such/file"))
    assert "lack V0, V1, V2, V3, V4 and 4 more:" in problem.message


def test_an_ordinary_environment_is_sent_whole_without_a_word() -> None:
    environ = {"PATH": "/bin", "APP_SERVICE_HOST": "10.0.0.1", **{f"V{i}": "x" for i in range(800)}}
    assert sessions.choose_variables(environ).keys() == environ.keys()
    assert list(sessions.check_environment(environ)) == []


@pytest.mark.parametrize(
    "surplus",
    [
        LINKS,
        {f"V{number}": "x" for number in range(2000)},
        {f"V{number}": '"' * 20_000 for number in range(20)},  # twice as long when it is quoted
        {"V": "x" * 300_000},
    ],
)
def test_a_surplus_is_left_out_and_told_once(surplus: dict[str, str]) -> None:
    environ = {**surplus, "PATH": "/" + "x" * 4000, "HOME": "/home/dev8"}
    chosen = sessions.choose_variables(environ)
    assert {"PATH", "HOME"} <= chosen.keys()
    assert len(chosen) <= sessions.MOST
    assert len(sessions.render_set_env(environ)) <= sessions.MOST_BYTES + 10
    (problem,) = sessions.check_environment(environ)
    assert f"lack {len(environ) - len(chosen)} variable" in problem.message
    assert ("enableServiceLinks" in problem.hint) == (surplus is LINKS)


def test_what_nobody_asked_for_is_left_out_first() -> None:
    environ = {**LINKS, "LARGE": "x" * 10_000, "API_URL": "http://example.org", "MY_PORT": "80"}
    assert {"LARGE", "API_URL"} <= sessions.choose_variables(environ).keys()


def test_no_single_large_value_keeps_others_out() -> None:
    environ = {"A": "x" * 300_000, "B": "y", "C": "z" * 1000}
    assert sessions.choose_variables(environ).keys() == {"B", "C"}
