"""`devcopilot health`, `explain` and `configure` by hand, on what really runs."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.machine.light import runtime
from agent.services.registered import ROSTER, Roster
from agent.services.service import CommandProbe, HttpProbe, LoginProbe, PortProbe, Service
from tests.contract.homes import Workspace
from tests.worlds.machine import make_facts
from tests.worlds.programs import Awaited
from tests.worlds.waiting import wait_until

SECRET = "not-for-a-probe"


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    """A configured workspace without services of the agent's own, and an init that lives."""
    off = {"DEV8_SSH": "false", "DEV8_CODE_SERVER": "false"}
    made = Workspace(tmp_path, off).prepare()
    made.configure()
    alive = subprocess.Popen(["sleep", "1000"])
    write_state(made, alive.pid)
    yield made
    alive.kill()
    alive.wait()


def write_state(workspace: Workspace, pid: int) -> None:
    (workspace.runtime / runtime.STATE).write_text(json.dumps({"pid": pid, "phase": "ready"}))


def call(workspace: Workspace, *words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-I", "-m", "agent", *words], check=False, timeout=120, text=True,
        capture_output=True, env={**workspace.environ, "GITHUB_TOKEN": SECRET},
    )  # fmt: skip


def put_service(workspace: Workspace, name: str, text: str) -> None:
    folder = workspace.home / ".config/devcopilot/services.d"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.toml").write_text(text)


def set_roster(workspace: Workspace, *services: Service, **refused: str) -> None:
    content = ROSTER.encode(Roster(services, refused))
    (workspace.runtime / runtime.SERVICES).write_bytes(content)


def test_nothing_wanted_is_healthy(workspace: Workspace) -> None:
    done = call(workspace, "health")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_without_a_living_init_nothing_is_healthy(workspace: Workspace) -> None:
    gone = subprocess.Popen(["true"])
    gone.wait()
    write_state(workspace, gone.pid)
    assert call(workspace, "health").returncode == 1
    (workspace.runtime / runtime.STATE).unlink()
    done = call(workspace, "health", "--wait", "0.2")
    assert done.returncode == 1
    assert "not running" in done.stdout


@pytest.mark.parametrize("late", [runtime.STATE, ""], ids=["init", "configure"])
def test_before_the_agent_runs_it_is_waited_for(workspace: Workspace, late: str) -> None:
    """Who asks in the first moment of a container finds less than that, or no folder at all."""
    hidden = workspace.runtime / late
    hidden.rename(workspace.folder / "aside")
    words = [sys.executable, "-I", "-m", "agent", "health", "--wait", "60"]
    with Awaited[bytes](words, env=workspace.environ, stdout=subprocess.PIPE) as asked:
        wait_until(lambda: is_pausing(asked) or asked.poll() is not None, "it waits")
        (workspace.folder / "aside").rename(hidden)
        assert (asked.wait(timeout=60), asked.stdout and asked.stdout.read()) == (0, b"")


def is_pausing(process: "subprocess.Popen[bytes]") -> bool:
    """Tell whether it sleeps for a time: kernels call the function differently."""
    return "nanosleep" in Path(f"/proc/{process.pid}/wchan").read_text()


@pytest.mark.parametrize("words", [(), ("--wait", "0.2")])
def test_where_no_agent_ever_runs_it_says_what_is_missing(
    workspace: Workspace, words: tuple[str, ...]
) -> None:
    workspace.runtime.rename(workspace.folder / "aside")
    done = call(workspace, "health", *words)
    assert done.returncode == 1
    assert "cannot read the settings" in done.stderr


def test_a_command_probe_gets_no_secret(workspace: Workspace) -> None:
    probe = CommandProbe(("sh", "-c", f"! env | grep -q {SECRET}"))
    set_roster(workspace, Service("mine", ("x",), probe=probe))
    assert call(workspace, "health").returncode == 0


def test_until_it_is_ready_a_workspace_is_asked_more(workspace: Workspace) -> None:
    service = Service("mine", ("x",), probe=CommandProbe(("true",)), first=CommandProbe(("false",)))
    set_roster(workspace, service)
    assert call(workspace, "health").returncode == 0
    path = workspace.runtime / runtime.STATE
    path.write_text(json.dumps({**json.loads(path.read_bytes()), "phase": "starting"}))
    done = call(workspace, "health")
    assert (done.returncode, done.stdout) == (1, "mine: false ends with 1\n")


def test_a_service_without_a_probe_must_run(workspace: Workspace) -> None:
    set_roster(workspace, Service("mine", ("x",)), Service("other", ("x",), essential=False))
    done = call(workspace, "health", "--json")
    assert done.returncode == 1
    assert list(json.loads(done.stdout)["failures"]) == ["mine"]


def test_what_is_switched_on_and_cannot_run_is_not_healthy(workspace: Workspace) -> None:
    set_roster(workspace, sshd="cannot run sshd: this is root")
    done = call(workspace, "health", "--wait", "60")
    assert done.returncode == 1
    assert done.stdout == "sshd: cannot run sshd: this is root\n"


@pytest.mark.skipif(os.getuid() != 0, reason="only root is refused")
def test_a_refused_service_reaches_the_roster(workspace: Workspace) -> None:
    workspace.with_variables({"DEV8_CODE_SERVER": "false"}).configure()
    roster = ROSTER.read(workspace.context().facts)
    assert roster.services == ()
    assert "root" in roster.refused["sshd"]


def test_a_service_that_comes_later_takes_effect_at_the_next_start(workspace: Workspace) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    text = f'command = ["x"]\nessential = true\nprobe = {{ port = {port} }}\n'
    put_service(workspace, "late", text)
    assert call(workspace, "health").returncode == 0
    done = call(workspace, "configure")
    assert (done.returncode, done.stdout) == (0, "")
    assert "restart the container" in done.stderr
    assert call(workspace, "health").returncode == 0, "it does not run"
    assert "restart the container" in call(workspace, "plan").stdout
    workspace.configure()
    assert call(workspace, "health").returncode == 1


def test_configure_by_hand_leaves_the_files_of_the_services(workspace: Workspace) -> None:
    put_service(workspace, "mine", 'command = ["x"]\n')
    workspace.configure()
    before = {path: path.read_bytes() for path in workspace.runtime.rglob("*") if path.is_file()}
    assert workspace.runtime / "services/mine" in before
    (workspace.home / ".config/devcopilot/services.d/mine.toml").unlink()
    assert call(workspace, "configure").returncode == 0
    assert {path: path.read_bytes() for path in before} == before


def test_a_roster_is_read_as_it_was_written(tmp_path: Path) -> None:
    services = (
        Service("a", ("x", "y"), False, PortProbe(7), {"A": "ä"}, Path("/srv")),
        Service("b", ("x",), probe=CommandProbe(("p", "q"))),
        Service("c", ("x",), probe=HttpProbe(1, "/", expected=(2, 3)), first=PortProbe(8)),
        Service(
            "d",
            ("x",),
            probe=LoginProbe(7, "SSH", busy=("z",), login=("p", "q"), key="k"),
            without=("PORT",),
        ),
    )
    written = Roster(services, {"c": "why"})
    facts = make_facts(tmp_path)
    ROSTER.write(facts, written)
    assert ROSTER.read(facts) == written
