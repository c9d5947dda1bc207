"""Services come back when they crash, and everything ends in order when it is asked to."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.bench import connections
from tests.e2e.conftest import Login, write_secret
from tests.worlds.containers import (
    BASE,
    DOCKER,
    MVP,
    Container,
    Recipe,
    answers_http,
    answers_ssh,
    running,
)
from tests.worlds.waiting import wait_until


def pid_of(box: Container, service: str) -> int:
    """Return the process id that status tells for a service."""
    return int(next(row["pid"] for row in box.status()["services"] if row["name"] == service))


def test_killed_services_come_back() -> None:
    with running(Recipe(MVP)) as box:
        box.wait_ready()
        for service in ("sshd", "code-server"):
            kill_and_wait(box, service)
            assert box.is_running()


def kill_and_wait(box: Container, service: str) -> None:
    """Kill a service and wait until another process of it answers."""
    first = pid_of(box, service)
    box.execute("kill", "-KILL", str(first))
    wait_until(lambda: box.call("devcopilot", "health").returncode == 0
               and pid_of(box, service) != first, f"the return of {service}")  # fmt: skip


def test_health_fails_when_a_service_hangs() -> None:
    with running(Recipe(BASE)) as box:
        box.wait_ready()
        pid = pid_of(box, "sshd")
        box.execute("kill", "-STOP", str(pid))
        done = box.call("devcopilot", "health")
        assert done.returncode == 1
        assert "sshd" in done.stdout + done.stderr
        box.execute("kill", "-CONT", str(pid))
        wait_until(lambda: box.call("devcopilot", "health").returncode == 0, "recovery")


def test_stop_with_ide_and_ssh_open_is_clean(login: Login) -> None:
    options = ("-e", f"SSH_PUBLIC_KEY={login.public}", "-e", "CODE_SERVER_AUTH=none")
    key = connections.Key(login.private, login.public)
    with running(Recipe(MVP, options)) as box:
        for _ in range(3):
            box.wait_ready()
            with connections.ide_tab(box.ide_port), connections.ssh_session(box.ssh_port, key):
                assert box.stop()[1] == 0
            box.start()


def test_users_service_gets_its_environment_and_is_told_in_status(tmp_path: Path) -> None:
    odd = "100%s \"double\" 'single'; $HOME\nsecond line"
    text = (
        'command = ["sh", "-c", "printenv ODD >/workspace/odd; pwd >/workspace/pwd; '
        'echo prefixed words; exec sleep infinity"]\n'
        f'directory = "/tmp"\nenvironment = {{ ODD = {json.dumps(odd)} }}\n'
    )
    (tmp_path / "mine.toml").write_text(text)
    (tmp_path / "mine.toml").chmod(0o644)
    tmp_path.chmod(0o755)
    with running(Recipe(BASE, ("-v", f"{tmp_path}:/etc/devcopilot/services.d:ro"))) as box:
        box.wait_ready()
        wait_until(lambda: box.call("test", "-s", "/workspace/pwd").returncode == 0, "the service")
        assert box.execute("cat", "/workspace/odd") == odd
        assert box.execute("cat", "/workspace/pwd") == "/tmp"
        wait_until(lambda: any(event["source"] == "mine" and event["message"] == "prefixed words"
                               for event in box.events()), "its words in the log")  # fmt: skip
        assert pid_of(box, "mine") > 1


def test_the_log_hides_what_a_service_tells_of_secrets(tmp_path: Path) -> None:
    """However they came: as a value, as a file, or made by the agent."""
    key = write_secret(tmp_path / "key", "sk-ant-of-a-file-0001\n")
    (tmp_path / "leak.toml").write_text(
        'command = ["sh", "-c", "until cat ~/.local/state/devcopilot/code-server/password; '
        "do sleep 0.1; done; cat /run/key $DEV8_RUNTIME_DIR/secrets/*; echo all told; "
        'exec sleep infinity"]\n'
    )
    (tmp_path / "leak.toml").chmod(0o644)
    tmp_path.chmod(0o755)
    options = (
        *("-v", f"{tmp_path}/leak.toml:/etc/devcopilot/services.d/leak.toml:ro"),
        *("-v", f"{key}:/run/key:ro", "-e", "ANTHROPIC_API_KEY_FILE=/run/key"),
        *("-e", "OPENAI_API_KEY=sk-of-a-value-0002"),
    )
    with running(Recipe(MVP, options)) as box:
        wait_until(lambda: "all told" in box.logs(), "the service's last line")
        told = [event["message"] for event in box.events() if event["source"] == "leak"]
        assert told == ["***", "***", "***all told"]


def test_an_essential_service_that_cannot_run_ends_the_container(tmp_path: Path) -> None:
    (tmp_path / "broken.toml").write_text('command = ["false"]\nessential = true\n')
    (tmp_path / "broken.toml").chmod(0o644)
    tmp_path.chmod(0o755)
    with running(Recipe(BASE, ("-v", f"{tmp_path}:/etc/devcopilot/services.d:ro"))) as box:
        assert box.wait_exit() == 70
        assert any("broken" in event["message"] for event in box.events()
                   if event["level"] == "error")  # fmt: skip


def test_a_command_gets_the_output_and_its_exit_code_counts() -> None:
    with running(Recipe(BASE, (), ("sh", "-c", "echo out; echo err >&2; exit 7"))) as box:
        assert box.wait_exit() == 7
        done = subprocess.run([DOCKER, "logs", box.name], check=True, capture_output=True)
        assert done.stdout == b"out\n"
        assert b"err\n" in done.stderr


@pytest.mark.parametrize(("command", "code"), [("/no/such", 127), ("/etc/passwd", 126)])
def test_a_command_that_cannot_run(command: str, code: int) -> None:
    with running(Recipe(BASE, (), (command,))) as box:
        assert box.wait_exit() == code
        assert sum(command in line for line in box.logs().splitlines()) == 1


def test_init_alone_is_a_small_init() -> None:
    options = ("--entrypoint", "devcopilot")
    with running(Recipe(BASE, options, ("init", "--", "sh", "-c", "exit 5"))) as box:
        assert box.wait_exit() == 5
        assert box.logs() == ""


def test_services_run_beside_a_command() -> None:
    with running(Recipe(MVP, (), ("sleep", "infinity"))) as box:
        box.wait_ready()
        assert answers_http(box.ide_port)
        assert answers_ssh(box.ssh_port)
        _, code = box.stop()
        assert code == 143
