"""Bad input: one clear line each, nothing lost, no traceback; the editor starts where it can."""

import subprocess
from pathlib import Path

import pytest

from tests.worlds.containers import (
    BASE,
    DOCKER,
    MVP,
    Recipe,
    answers_http,
    created,
    docker,
    running,
)


def run_to_the_end(*options: str) -> tuple[int, list[str]]:
    """Run a container that must end by itself; return its code and the lines that it said."""
    done = subprocess.run(
        [DOCKER, "run", "--rm", *options, BASE], check=False, text=True, timeout=60,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT)  # fmt: skip
    return done.returncode, done.stdout.splitlines()


def test_all_wrong_variables_are_told_at_once() -> None:
    code, lines = run_to_the_end(
        "-e", "DEV8_SSH_PORT=many", "-e", "GITHUB_TOKEN=a", "-e", "GITHUB_TOKEN_FILE=/b",
        "-e", "CODE_SERVER_AUTH=maybe", "-e", "WORKSPACE_DIR=relative",
        "-e", "DEV8_SSH_ADDRESS=*", "-e", "DEV8_CODE_SERVER_ADDRESS=localhost")  # fmt: skip
    assert code == 2
    names = ("DEV8_SSH_PORT", "GITHUB_TOKEN_FILE", "CODE_SERVER_AUTH", "WORKSPACE_DIR",
             "DEV8_SSH_ADDRESS", "DEV8_CODE_SERVER_ADDRESS")  # fmt: skip
    assert len(lines) == len(names), lines
    for name in names:
        assert sum(name in line for line in lines) == 1, (name, lines)


def test_a_termination_message_says_what_ended_the_container(tmp_path: Path) -> None:
    """Where there is a file for it, as Kubernetes mounts one; also with a read-only root."""
    message = tmp_path / "termination-log"
    message.touch()
    message.chmod(0o666)
    mount = ("--read-only", "-v", f"{message}:/dev/termination-log")
    code, lines = run_to_the_end(*mount, "-e", "DEV8_SSH_PORT=many", "-e", "WORKSPACE_DIR=relative")
    assert code == 2
    assert [f"devcopilot: {line}" for line in message.read_text().splitlines()] == lines
    with created(Recipe(BASE, mount, ("no-such-command",))) as box:
        box.start()
        assert box.wait_exit() == 127
    assert "no-such-command" in message.read_text()


def test_wrong_variables_leave_no_trace(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    options = ("-e", "DEV8_SSH_PORT=99999", "-e", "DEV8_RUNTIME_DIR=/run/dev8/folder")
    with created(Recipe(BASE, (*options, "-v", f"{tmp_path}:/run/dev8"))) as box:
        box.start()
        assert box.wait_exit() == 2
        made = [line for line in docker("diff", box.name).splitlines() if "/run" not in line]
        assert made == []
        assert list(tmp_path.iterdir()) == []


TROUBLES = {
    "variables": (
        (("-e", "GITHUB_TOKEN_FILE=/run/none"), ("GITHUB_TOKEN_FILE", "no such file")),
        (("-e", "SSH_PRIVATE_KEY_FILE=/etc"), ("SSH_PRIVATE_KEY_FILE", "is a directory")),
        (("-e", "OPENAI_API_KEY_FILE=/dev/null"), ("OPENAI_API_KEY_FILE", "regular")),
        (("-e", "SSH_PUBLIC_KEY=no key"), ("SSH_PUBLIC_KEY", "line 1")),
        (("-e", "SSH_PASSWORD=secret123"), ("SSH_PASSWORD is ignored", "public keys only")),
        (("-e", "DEV8_SHH=false"), ("DEV8_SHH", "DEV8_SSH")),
    ),
    "home": (
        (("-e", "SSH_PRIVATE_KEY_FILE=/etc/shadow"), ("SSH_PRIVATE_KEY_FILE", "permission denied")),
        (("--tmpfs", "/home/dev8:uid=4242,mode=755"), ("/home/dev8", "chown")),
    ),
    "workspace": (
        (("-e", "SSH_PRIVATE_KEY=garbage"), ("SSH_PRIVATE_KEY", "not a private key")),
        (("--tmpfs", "/workspace:uid=4242,mode=755"), ("/workspace", "chown")),
    ),
}
"""What can be wrong in one container at once: options -> words of the line about it."""


@pytest.mark.parametrize("troubles", TROUBLES.values(), ids=TROUBLES)
def test_each_trouble_is_one_line_and_the_editor_starts(
    troubles: tuple[tuple[tuple[str, ...], tuple[str, str]], ...],
) -> None:
    options = tuple(word for given, _ in troubles for word in given)
    with running(Recipe(MVP, options)) as box:
        box.wait_ready()
        assert answers_http(box.ide_port)
        warnings = box.warnings()
        for _, words in troubles:
            hits = [line for line in warnings if words[0] in line and words[1] in line]
            assert len(hits) == 1, (words, warnings)
        assert "Traceback" not in box.logs()


def test_full_disk_still_starts_the_editor() -> None:
    fill = "head -c 2m /dev/zero >/home/dev8/full; exec /usr/local/bin/devcopilot run"
    options = ("--tmpfs", "/home/dev8:uid=1000,gid=1000,mode=700,size=1m", "--entrypoint", "sh")
    with running(Recipe(MVP, options, ("-c", fill))) as box:
        box.wait_ready()
        assert "No space left on device" in box.logs()
        assert "Traceback" not in box.logs()


def test_taken_port_ends_the_container_and_names_the_owner() -> None:
    script = "node -e 'require(\"net\").createServer().listen(8080)' & exec devcopilot run"
    with running(Recipe(MVP, ("--entrypoint", "sh"), ("-c", script))) as box:
        assert box.wait_exit() == 70
        assert "8080 is held by pid" in box.logs()
        assert "node" in box.logs()


def test_settings_that_are_not_json_are_left_alone() -> None:
    settings = "/home/dev8/.local/share/code-server/User/settings.json"
    with running(Recipe(MVP)) as box:
        box.wait_ready()
        box.execute("sh", "-c", f"mkdir -p $(dirname {settings}); echo '{{ not json' >{settings}")
        box.stop()
        box.start()
        box.wait_ready()
        assert box.execute("cat", settings) == "{ not json"
        (warning,) = box.warnings()
        assert f"left {settings} alone: it is not JSON" in warning
        assert f"fix or remove {settings}" in warning


def test_invalid_service_file_is_one_line_and_the_others_run(tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_text("command = 'not a list'\n")
    (tmp_path / "good.toml").write_text('command = ["sleep", "infinity"]\n')
    tmp_path.chmod(0o755)
    for file in tmp_path.iterdir():
        file.chmod(0o644)
    with running(Recipe(BASE, ("-v", f"{tmp_path}:/etc/devcopilot/services.d:ro"))) as box:
        box.wait_ready()
        assert sum("bad.toml" in event["message"] for event in box.events()) == 1
        assert "sleep infinity" in box.execute("sh", "-c", "cat /proc/*/cmdline | tr '\\0' ' '")
