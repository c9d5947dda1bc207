"""DEV8_SSH_WAIT: people who log in see what is still being set up; programs never wait."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from agent.machine.light import runtime
from tests.e2e.conftest import Login
from tests.worlds.containers import BASE, DOCKER, HARDENED, Container, Recipe, running
from tests.worlds.fish import copy, sitting_at_fish
from tests.worlds.terminals import Terminal

GO = "/workspace/go"
HOOK = f"sh -c 'until [ -e {GO} ]; do sleep 0.1; done; test ! -e /workspace/bad'"
WAITS = rb"still setting up: hooks:start.*Enter to go on"
PROMPT = rb"\$ "


@contextmanager
def workspace(login: Login, *options: str) -> Iterator[Container]:
    """A workspace whose start hook runs until the test lets it end."""
    given = ("-e", f"SSH_PUBLIC_KEY={login.public}", "-e", f"DEV8_ON_START={HOOK}",
             "-e", "DEV8_SSH_WAIT=hooks")  # fmt: skip
    with running(Recipe(BASE, (*HARDENED, "-v", "/workspace", *given, *options))) as box:
        box.wait_ready()
        yield box


@contextmanager
def sitting(box: Container, login: Login, *words: str) -> Iterator[Terminal]:
    """A person at a terminal who logs in with the real ssh."""
    terminal = Terminal()
    argv = ["ssh", *login.options(), *words, "-p", str(box.ssh_port), "dev8@127.0.0.1"]
    client = subprocess.Popen(
        ["setsid", "--ctty", *argv], env={**os.environ, "TERM": "xterm"}, stdin=terminal.theirs,
        stdout=terminal.theirs, stderr=terminal.theirs,
    )  # fmt: skip
    os.close(terminal.theirs)
    try:
        yield terminal
    finally:
        client.kill()
        client.wait()
        terminal.close()


def type_and_read(terminal: Terminal, command: bytes, pattern: bytes) -> bytes:
    terminal.type(command + b"\n")
    return terminal.read_until(pattern)


def test_a_person_sees_what_is_at_work_and_goes_on_at_enter_or_when_it_is_done(
    login: Login,
) -> None:
    with workspace(login) as box:
        box.execute("sh", "-c", "echo MINE=read >>~/.bash_profile")
        for key in (b"\n", b"\x03", b"\x04"):
            with sitting(box, login) as terminal:
                terminal.read_until(WAITS)
                terminal.type(key)
                terminal.read_until(PROMPT)
                # bash has read the files after ours, and the terminal echoes again.
                seen = type_and_read(terminal, b"echo $MINE-$((40+2))", rb"read-42")
                assert b"echo $MINE" in seen
        with sitting(box, login) as terminal:
            terminal.read_until(WAITS)
            box.execute("touch", GO)
            terminal.read_until(PROMPT)
        with sitting(box, login) as terminal:
            assert b"setting up" not in terminal.read_until(PROMPT)
        processes = box.execute("sh", "-c", "cat /proc/[0-9]*/cmdline | tr '\\0' ' '")
        assert "--login" not in processes, "nothing of it is left"


def test_in_fish_a_person_waits_as_well_and_starts_in_the_project(
    login: Login, tmp_path: Path
) -> None:
    """fish has the image's file and the runtime folder; a program that never ends is at work."""
    program = tmp_path / "devcopilot"
    program.write_text("#!/bin/sh\necho still at it\nexec sleep 1000\n")
    program.chmod(0o755)
    mine = ("-v", f"{program}:/usr/local/bin/devcopilot:ro")
    with workspace(login) as box:
        copy(box, tmp_path, "ssh/wait")
        (tmp_path / runtime.PROJECT).write_text("/runtime/ssh\n")
        for key in (b"\n", b"\x03", b"\x04"):
            with sitting_at_fish(box, tmp_path, *mine) as terminal:
                terminal.read_until(b"still at it")
                terminal.type(key)
                # fish has read its files to their end, and nothing of the wait goes on. Whoever the
                # wait has killed may still be ending, and stays a zombie: fish is PID 1 here.
                over = b"while pgrep --runstates D,R,S sleep >/dev/null; end"
                command = over + b"; echo $PWD-(math 40 + 2)"
                assert type_and_read(terminal, command, rb"/runtime/ssh-42")
        with sitting_at_fish(box, tmp_path, *mine, "-e", "SHLVL=1") as terminal:
            assert type_and_read(terminal, b"echo $PWD-(math 40 + 2)", rb"/tmp-42")
        (tmp_path / "ssh/wait.over").touch()
        with sitting_at_fish(box, tmp_path, *mine) as terminal:
            command = b"echo $PWD-(math 40 + 2)"
            assert b"still at it" not in type_and_read(terminal, command, rb"/runtime/ssh-42")


def test_what_failed_is_said_and_nobody_is_kept(login: Login) -> None:
    with workspace(login) as box:
        box.execute("touch", "/workspace/bad", GO)
        box.call("devcopilot", "wait", "--for", "hooks", "--timeout", "110s")
        with sitting(box, login) as terminal:
            seen = terminal.read_until(PROMPT)
        assert b"hooks failed: hooks:start" in b" ".join(seen.split())


def test_no_program_waits_or_reads_a_word_of_it(login: Login, tmp_path: Path) -> None:
    with workspace(login) as box:
        box.execute("git", "init", "-q", "--bare", "/workspace/demo.git")
        assert login.run(box, "echo", "out") == "out\n"
        argv = ["ssh", *login.options(), "-p", str(box.ssh_port)]
        script = "echo $- >&2; echo from a script\n"
        # A shell without a terminal, and what Remote-SSH runs.
        for shell in ((), ("bash",), ("bash", "--login", "-s")):
            done = subprocess.run(
                [*argv, "-T", "dev8@127.0.0.1", *shell], input=script, check=True,
                capture_output=True, text=True, timeout=120,
            )  # fmt: skip
            assert done.stdout == "from a script\n"
            assert "setting up" not in done.stderr
        file = tmp_path / "file"
        file.write_text("content")
        for program in ("scp", "sftp"):
            options = (*login.options(), "-P", str(box.ssh_port))
            scp = (str(file), "dev8@127.0.0.1:/workspace/scp")
            words = scp if program == "scp" else ("-b", "-", "dev8@127.0.0.1")
            subprocess.run(
                [program, *options, *words], input=f"put {file} /workspace/sftp\n",
                check=True, capture_output=True, text=True, timeout=120,
            )  # fmt: skip
            assert box.execute("cat", f"/workspace/{program}") == "content"
        listed = subprocess.run(
            ["git", "ls-remote", f"ssh://dev8@127.0.0.1:{box.ssh_port}/workspace/demo.git"],
            check=True, capture_output=True, text=True, timeout=120,
            env={**os.environ, "GIT_SSH_COMMAND": " ".join(["ssh", *login.options()])},
        )  # fmt: skip
        assert (listed.stdout, listed.stderr) == ("", "")
        environ = ("SSH_CONNECTION=a b", "SHLVL=0")  # a terminal of an editor that ssh started
        argv_inside = ("env", *environ, "script", "-qec", "bash -lic 'echo in'", "/dev/null")
        assert "setting up" not in box.execute(*argv_inside)


def test_a_command_in_a_terminal_does_not_wait(login: Login) -> None:
    with workspace(login) as box:
        terminal = Terminal()
        argv = ["ssh", *login.options(), "-tt", "-p", str(box.ssh_port), "dev8@127.0.0.1"]
        client = subprocess.Popen(
            ["setsid", "--ctty", *argv, "tty >/dev/null && echo ended"], stdin=terminal.theirs,
            stdout=terminal.theirs, stderr=terminal.theirs,
        )  # fmt: skip
        os.close(terminal.theirs)
        try:
            seen = terminal.read_rest()
            assert client.wait(timeout=120) == 0
        finally:
            terminal.close()
        assert seen.split() == [b"ended"]


@pytest.mark.parametrize("value", ["hook", "yes"])
def test_another_word_ends_with_2(value: str) -> None:
    done = subprocess.run(
        [DOCKER, "run", "--rm", "--network", "none", "-e", f"DEV8_SSH_WAIT={value}", BASE],
        check=False, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 2
    assert "DEV8_SSH_WAIT" in done.stderr
