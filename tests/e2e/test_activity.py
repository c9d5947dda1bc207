"""Why a workspace counts as in use, with real terminals, tmux, a browser; and how an idle one ends.

No test waits for a timeout of minutes: what is remembered is made older instead.
"""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import NO_EDITOR, Login
from tests.e2e.test_backup import find_files, volumes
from tests.worlds.browsers import browsing
from tests.worlds.containers import DOCKER, HARDENED, MVP, Container, Recipe, docker, running
from tests.worlds.terminals import Terminal
from tests.worlds.waiting import wait_until

PROJECT = "?folder=/workspace"
RUNTIME = "/dev/shm/devcopilot-1000"
AGE = f"""
import fcntl, json, os, pathlib, sys
seconds, *touched = sys.argv[1:]
folder = pathlib.Path("{RUNTIME}/activity")
lock = (folder / "lock").open()
fcntl.flock(lock, fcntl.LOCK_EX)
file = folder / "memory.json"
kept = json.loads(file.read_text())
kept["begin"] -= float(seconds)
kept["window"] -= float(seconds)
for seen in kept["seen"].values(): seen[0] -= float(seconds)
for stamp in kept["stamps"].values(): stamp[1] -= float(seconds)
file.write_text(json.dumps(kept))
for name in touched: (folder / name).touch()
os.remove("{RUNTIME}/activity.json")
"""
"""Makes all that was seen so much older, as if that time had passed with the samples in it.

It holds the sampler's lock: init takes a sample each 30 s, and may do so at any moment. It leaves
nothing fresh, so who asks next has a sample taken.
"""
GROW_OLD = 'devcopilot activity --json >/dev/null; python3 -c "$@"'
SAMPLER = ("/opt/devcopilot/bin/python", "-I", "-m", "agent.observe.activity.job")
SHORT = 300
"""Seconds without use that end a workspace here: the machine itself may have been up for minutes
only, and nothing was last used before its start."""


def look(box: Container) -> dict[str, Any]:
    """Return what `devcopilot activity --json` says."""
    found: dict[str, Any] = json.loads(box.execute("devcopilot", "activity", "--json"))
    return found


def find(box: Container, signal: str) -> dict[str, Any]:
    (row,) = [row for row in look(box)["signals"] if row["name"] == signal]
    assert isinstance(row, dict)
    return row


def grow_old(box: Container, seconds: float, *touched: str) -> None:
    """Let so much time pass; then these files of the activity are touched, before anybody looks."""
    box.execute("sh", "-ec", GROW_OLD, "sh", AGE, str(seconds), *touched)


def find_left(box: Container) -> float:
    """Return the seconds until the workspace stops if nobody uses it."""
    stops = datetime.fromisoformat(look(box)["stops"])
    return (stops - datetime.now(UTC)).total_seconds()


def take_sample(box: Container) -> None:
    """Take the next sample now, and act on it: init runs the same program each 30 s."""
    box.execute(*SAMPLER)


def wait_for(box: Container, signal: str, detail: str) -> dict[str, Any]:
    """Wait until a signal has seen this now, and say that the workspace is in use for it."""
    found: dict[str, Any] = {}

    def is_seen() -> bool:
        found.update(look(box))
        return str(found["reason"]).startswith(f"Active: {detail}")

    try:
        wait_until(is_seen, f"{signal}: {detail}")
    except TimeoutError as error:
        raise TimeoutError(f"{error}: {found}") from None
    assert found["active"] and found["has_activity"]
    return found


@pytest.fixture(scope="module")
def box(login: Login) -> Iterator[Container]:
    options = ("-e", f"SSH_PUBLIC_KEY={login.public}", "-e", "CODE_SERVER_AUTH=none",
               "-e", "DEV8_TRUST=trusted", "-e", "DEV8_ACTIVITY_JOB_MAX=1000h")  # fmt: skip
    with running(Recipe(MVP, (*HARDENED, *options))) as container:
        container.wait_ready()
        container.execute("devcopilot", "wait", "--for", "all", "--timeout", "2m")
        yield container


@pytest.fixture
def idle(box: Container) -> Container:
    """The workspace, which nobody has used for an hour."""
    grow_old(box, 3600)
    found = look(box)
    assert not found["active"], found
    return box


class Session:
    """A person who is logged in over ssh, at a terminal."""

    def __init__(self, box: Container, login: Login, *command: str) -> None:
        self.terminal = Terminal()
        argv = ["ssh", *login.options(), "-tt", "-p", str(box.ssh_port), "dev8@127.0.0.1", *command]
        self.client = subprocess.Popen(
            ["setsid", "--ctty", *argv], env={**os.environ, "TERM": "xterm-256color"},
            stdin=self.terminal.theirs, stdout=self.terminal.theirs, stderr=self.terminal.theirs,
        )  # fmt: skip
        os.close(self.terminal.theirs)

    def cut(self) -> None:
        """Let the connection break."""
        self.client.kill()
        self.client.wait()
        self.terminal.close()


def test_a_key_that_is_typed_is_seen_within_seconds(idle: Container, login: Login) -> None:
    session = Session(idle, login)
    try:
        session.terminal.read_until(rb"\$ ")
        wait_until(lambda: find(idle, "ssh")["last"], "the connection")
        assert find(idle, "ssh")["counts"] is False
        grow_old(idle, 3600)
        assert not look(idle)["active"], "an open connection alone"

        def is_seen() -> bool:
            session.terminal.type(b" ")  # Linux notes the time of a key each 8 s
            return bool(find(idle, "terminal-input")["detail"])

        wait_until(is_seen, "the key")
        assert wait_for(idle, "terminal-input", "you typed in terminal pts/")
    finally:
        session.cut()


def test_a_build_in_tmux_goes_on_when_ssh_is_cut(idle: Container, login: Login) -> None:
    idle.execute(
        "sh", "-c", "printf '#!/bin/sh\\nwhile :; do :; done\\n' >/tmp/build && chmod +x /tmp/build"
    )
    session = Session(idle, login, "tmux", "new-session", "-s", "work", "/tmp/build")
    try:
        wait_until(lambda: "work" in idle.call("tmux", "ls").stdout, "tmux")
    finally:
        session.cut()
    wait_until(lambda: find(idle, "ssh")["why"] == "no connection now", "the end of the connection")
    grow_old(idle, 3600)
    found = wait_for(idle, "terminal-job", "build works in terminal pts/")
    assert found["stops"] is None
    idle.execute("tmux", "kill-server")
    wait_until(lambda: find(idle, "terminal-job")["why"], "the end of the build")
    grow_old(idle, 3600)
    assert not look(idle)["active"]


TOOL = """#!/usr/bin/env node
// Stands in for an AI tool: it works when it is told to, and waits for the next word.
process.title = "claude";
process.stdin.setRawMode(true);
process.stdout.write("> ");
let work;
function draw() {
  for (const end = Date.now() + 40; Date.now() < end;);
  process.stdout.write(".");
}
process.stdin.on("data", () => { work ??= setInterval(draw, 100); });
"""


def test_an_ai_tool_counts_at_work_and_not_at_its_prompt(idle: Container, login: Login) -> None:
    idle.execute("sh", "-c", 'printf %s "$1" >/tmp/claude && chmod +x /tmp/claude', "sh", TOOL)
    session = Session(idle, login, "/tmp/claude")
    try:
        session.terminal.read_until(rb"> ")
        wait_until(lambda: find(idle, "ai")["why"] == "claude waits at its prompt", "the prompt")
        grow_old(idle, 3600)
        assert not look(idle)["active"]
        session.terminal.type(b"x")
        session.terminal.read_until(rb"\.\.\.")
        grow_old(idle, 3600)
        assert wait_for(idle, "ai", "claude is at work")
    finally:
        session.cut()


PROBE = "devcopilot health; devcopilot activity"


def test_probes_change_nothing(idle: Container) -> None:
    """Neither those of the engine and of platforms, nor what others leave in /tmp."""
    for _ in range(2):
        idle.execute("sh", "-c", "touch /tmp/devpod.activity /tmp/activity", user="0")
        idle.execute("sh", "-ec", f"for _ in 1 2 3 4 5; do {PROBE}; done")
    found = look(idle)
    assert not found["active"]
    assert not found["has_activity"]


def test_keep_holds_it_and_lets_it_go(idle: Container) -> None:
    (row,) = json.loads(idle.execute("devcopilot", "keep", "2h", "--why", "a demo", "--json"))
    assert row["why"] == "a demo"
    wait_for(idle, "lease", "`devcopilot keep` holds it: a demo")
    idle.execute("devcopilot", "keep", "end", row["name"])
    assert look(idle)["leases"] == []
    grow_old(idle, 3600)
    assert not look(idle)["active"]
    assert idle.call("devcopilot", "keep", "25h").returncode == 2, "DEV8_KEEP_MAX"


def test_keep_lasts_as_long_as_its_command(idle: Container) -> None:
    docker("exec", "--detach", idle.name, "devcopilot", "keep", "--", "sleep", "1234")
    wait_for(idle, "lease", "`devcopilot keep` holds it: sleep 1234")
    assert idle.call("devcopilot", "keep", "--", "sh", "-c", "exit 3").returncode == 3
    idle.execute("pkill", "-f", "sleep 1234")
    wait_until(lambda: look(idle)["leases"] == [], "the end of the lease")


def test_an_idle_workspace_warns_saves_and_ends_with_0(login: Login) -> None:
    """`restart: on-failure` leaves it alone then."""
    options = (*NO_EDITOR, "-e", f"SSH_PUBLIC_KEY={login.public}", "-e", "BACKUP_DIR=/backups",
               "-e", "DEV8_BACKUP_SCHEDULE=off", "-e", f"DEV8_IDLE_TIMEOUT={SHORT}s",
               "-e", "DEV8_IDLE_ACTION=exit", "--restart", "on-failure",
               "-e", "DEV8_GRACE_PERIOD=60s")  # fmt: skip
    with volumes("/backups", "/home/dev8", "/workspace") as mounts:
        with running(Recipe(MVP, (*HARDENED[:1], *options, *mounts, "-v", "/tmp"))) as box:
            box.wait_ready()
            wait_until(lambda: box.has_run("activity"), "the first sample")
            session = Session(box, login)
            session.terminal.read_until(rb"\$ ")
            box.execute("sh", "-c", "echo late >/workspace/late")
            grow_old(box, find_left(box) - 85)  # it warns 120 s before the end
            take_sample(box)
            session.terminal.read_until(rb"this workspace is idle and stops in \d+ s")
            assert "would stop" in look(box)["reason"].lower()
            grow_old(box, 200)
            assert box.wait_exit() == 0
            session.cut()
            assert box.inspect("{{.RestartCount}}") == "0"
            log = box.logs()
        assert re.search(r"idle for \d+ min \(DEV8_IDLE_TIMEOUT\)", log)
        # It was saved before the stop; the final backup is made only if something changed since.
        assert re.search("made the final backup|no final backup needed", log)
        with running(Recipe(MVP, (*options[:8], *mounts))) as box:
            box.wait_ready()
            assert "/workspace/late" in find_files(box)


def test_somebody_who_is_back_stops_the_stop(login: Login) -> None:
    options = (*NO_EDITOR, "-e", f"SSH_PUBLIC_KEY={login.public}",
               "-e", f"DEV8_IDLE_TIMEOUT={SHORT}s",
               "-e", "DEV8_IDLE_ACTION=touch /tmp/acted")  # fmt: skip
    with running(Recipe(MVP, (*HARDENED, *options))) as box:
        box.wait_ready()
        wait_until(lambda: box.has_run("activity"), "the first sample")
        grow_old(box, SHORT + 60, "editor")
        box.execute("touch", f"{RUNTIME}/activity/due")  # what the sampler says when it is time
        wait_until(lambda: box.has_run("idle"), "the job that acts")
        assert box.call("test", "-e", "/tmp/acted").returncode == 1
        grow_old(box, SHORT + 60)
        take_sample(box)
        wait_until(lambda: box.call("test", "-e", "/tmp/acted").returncode == 0, "the command")
        assert box.is_running()


def test_a_command_that_fails_is_one_line_and_stops_nothing() -> None:
    command = "sh -c 'echo again >>/tmp/acted; exit 3' hunter2"
    options = (*NO_EDITOR, "-e", "DEV8_IDLE_TIMEOUT=1h", "-e", f"DEV8_IDLE_ACTION={command}")
    with running(Recipe(MVP, (*HARDENED, *options))) as box:
        box.wait_ready()
        wait_until(lambda: box.has_run("activity"), "the first sample")
        grow_old(box, 3600 + 60)
        take_sample(box)
        wait_until(lambda: box.has_run("idle"), "the command")
        due = ("stat", "-c", "%i", f"{RUNTIME}/activity/due")
        before = box.execute(*due)
        take_sample(box)
        assert box.execute(*due) == before, "nothing is due again"
        assert box.execute("cat", "/tmp/acted") == "again", "once in a pause"
        assert box.status()["jobs"]["idle"]["last_exit"] == 1
        told = [line for line in box.warnings() if "DEV8_IDLE_ACTION" in line]
        assert [line.partition(" (")[0] for line in told] == [
            "cannot run sh of DEV8_IDLE_ACTION: it failed with code 3"
        ]
        assert "hunter2" not in box.logs()
        assert box.call("devcopilot", "health").returncode == 0


def test_two_people_are_told_apart(idle: Container, login: Login) -> None:
    """One waits at a prompt, the other builds in tmux; who goes takes nothing along."""
    first, second = Session(idle, login), Session(idle, login, "tmux", "new-session", "-s", "two")
    try:
        first.terminal.read_until(rb"\$ ")
        wait_until(lambda: find(idle, "ssh")["detail"] == "2 SSH connections", "both connections")
        wait_until(lambda: "two" in idle.call("tmux", "ls").stdout, "tmux")
        second.terminal.read_until(rb"\$ ")
        grow_old(idle, 3600)
        assert not look(idle)["active"], "two prompts"
        second.terminal.type(b"sh -c 'while :; do :; done'\r")
        (pane,) = idle.execute("tmux", "list-panes", "-a", "-F", "#{pane_tty}").split()
        name = pane.removeprefix("/dev/")
        assert wait_for(idle, "terminal-job", f"sh works in terminal {name}")
        first.cut()
        wait_until(lambda: find(idle, "ssh")["detail"] == "1 SSH connection", "one connection")
        grow_old(idle, 3600)
        assert wait_for(idle, "terminal-job", f"sh works in terminal {name}")
        idle.execute("tmux", "kill-server")
        wait_until(lambda: find(idle, "ssh")["why"] == "no connection now", "no connection")
        grow_old(idle, 3600)
        assert not look(idle)["active"]
    finally:
        for session in (first, second):
            if session.client.poll() is None:
                session.cut()


QUESTIONS = (("activity",), ("status",), ("ports",), ("health",), ("metrics",))


def ask_everything(box: Container) -> None:
    """Ask all that looks at processes; none may fail, nor take longer than a probe waits."""
    for words in QUESTIONS:
        done = box.call("timeout", "30", "devcopilot", *words)
        assert done.returncode == 0, (words, done)
    code = ("-o", "/dev/null", "-w", "%{http_code}", "--max-time", "30")
    assert box.execute("curl", "-s", *code, "http://127.0.0.1:8079/") == "200"
    assert not [line for line in box.warnings() if "internal error" in line]


def hide_processes(box: Container) -> None:
    """Let each user see its own processes alone: hidepid of proc(5)."""
    mount = ("--mount", "mount", "-o", "remount,hidepid=2", "/proc")
    if os.getuid() == 0:
        argv = ["nsenter", "--target", box.inspect("{{.State.Pid}}"), *mount]
        subprocess.run(argv, check=True, timeout=60)
    else:
        docker("run", "--rm", "--privileged", "--user", "0", "--pid", f"container:{box.name}",
               "--entrypoint", "nsenter", MVP, "--target", "1", *mount)  # fmt: skip


def test_processes_that_are_hidden_are_no_trouble(login: Login) -> None:
    options = (*NO_EDITOR, "-e", f"SSH_PUBLIC_KEY={login.public}")
    with running(Recipe(MVP, (*HARDENED, *options))) as box:
        box.wait_ready()
        docker("exec", "--detach", "--user", "0", box.name, "sleep", "4321")
        wait_until(lambda: box.call("pgrep", "-f", "sleep 4321").returncode == 0, "root's process")
        hide_processes(box)
        assert box.call("pgrep", "-f", "sleep 4321").returncode == 1, "it is hidden"
        ask_everything(box)
        grow_old(box, 3600)
        assert not look(box)["active"]
        session = Session(box, login)
        try:
            session.terminal.read_until(rb"\$ ")
            wait_until(lambda: find(box, "ssh")["detail"] == "1 SSH connection", "the connection")
            session.terminal.type(b"sh -c 'while :; do :; done'\r")
            assert wait_for(box, "terminal-job", "sh works in terminal pts/")
        finally:
            session.cut()
        assert box.stop()[1] == 0


CROWD = """
mkfifo /tmp/crowd
exec 3<>/tmp/crowd
number=0
while [ "$number" -lt "$1" ]; do
    read -r _ <&3 &
    number=$((number + 1))
done
echo there
read -r _ <&3
"""
"""Starts so many processes, which wait. Those of a shell cost half of what those of Python do."""
MANY = 10_000


def test_ten_thousand_processes_are_looked_at(idle: Container) -> None:
    crowd = subprocess.Popen(
        [DOCKER, "exec", idle.name, "sh", "-ec", CROWD, "sh", str(MANY)],
        stdout=subprocess.PIPE,
    )
    assert crowd.stdout
    try:
        assert crowd.stdout.read(5) == b"there"
        assert idle.status()["usage"]["processes"] > MANY
        ask_everything(idle)
        grow_old(idle, 3600)
        assert not look(idle)["active"], "they only wait"
    finally:
        idle.execute("pkill", "-KILL", "-f", "/tmp/crowd")
        crowd.wait(timeout=60)
        crowd.stdout.close()


def test_who_asks_is_no_sign_of_use(idle: Container) -> None:
    """`docker exec -t … devcopilot why` has a terminal of its own."""
    terminal = Terminal()
    argv = [DOCKER, "exec", "--tty", idle.name, "devcopilot", "why"]
    try:
        for _ in range(3):
            done = subprocess.Popen(argv, stdin=terminal.theirs, stdout=terminal.theirs)
            assert done.wait(timeout=60) == 0
            assert b"Idle for" in terminal.read_until(rb"Idle for[^\n]*")
    finally:
        terminal.close()
    assert not look(idle)["active"]


def test_the_editor_counts_when_it_is_used_and_not_when_it_is_open(
    idle: Container, tmp_path: Path
) -> None:
    """The heartbeat of code-server goes on as long as the page is open.

    The last test: it does not have to wait any more until that of code-server's start is old.
    """
    idle.execute("sh", "-c", "echo one >/workspace/notes.txt")
    seen = f"{RUNTIME}/activity/editor"
    is_old = "find ~/.local/share/code-server/heartbeat -mmin +1 | grep -q ."  # not its start's
    idle.execute("timeout", "110", "sh", "-c", f"until {is_old}; do sleep 1; done")
    with browsing(idle, tmp_path, "editor") as browser:
        browser.visit(["editor"], ["companion"], ["look", "open"], path=PROJECT)
        assert idle.call("test", "-e", seen).returncode == 1, "nobody has touched anything"
        assert find(idle, "tab")["last"], "but the page is open"
        assert find(idle, "tab")["counts"] is False
        assert not look(idle)["active"]
        browser.go_on(["file", "notes.txt"], ["keys", "two"], ["look", "used"])
        wait_for(idle, "editor", "you used the editor")
