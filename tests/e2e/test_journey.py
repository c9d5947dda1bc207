"""A person opens a container and works: one workspace seen from all sides."""

import json
import subprocess
from pathlib import Path

from agent.machine.places import order_path
from tests.e2e.conftest import TOKEN, Login
from tests.worlds.containers import Container, answers_http, answers_ssh, log_in
from tests.worlds.waiting import wait_until

SECRETS = (TOKEN, "sk-ant-endtoend-0001")


def test_both_services_answer(box: Container) -> None:
    assert answers_http(box.ide_port)
    assert answers_ssh(box.ssh_port)


def test_ide_asks_for_its_password_and_takes_it(box: Container) -> None:
    password = box.execute("sh", "-c", "cat ~/.local/state/devcopilot/code-server/password")
    assert log_in(box.ide_port, "wrong") == 200, "a wrong password shows the form again"
    assert log_in(box.ide_port, password) == 302
    assert len(password) >= 16


def test_password_is_printed_and_not_in_the_log(box: Container) -> None:
    password = box.execute("sh", "-c", "cat ~/.local/state/devcopilot/code-server/password")
    assert box.execute("devcopilot", "password") == password
    assert password not in box.logs()


def test_ssh_session_sees_path_and_environment_of_the_image(box: Container, login: Login) -> None:
    path = order_path(box.execute("printenv", "PATH"), Path("/home/dev8"))
    assert login.run(box, "printenv PATH").strip() == path
    assert login.run(box, "bash -lc 'printenv PATH'").strip() == path
    assert login.run(box, "printenv GREETING").strip() == "hello world"
    assert login.run(box, "node --version").startswith("v20.")


def test_sftp_and_scp_carry_a_file(box: Container, login: Login, tmp_path: Path) -> None:
    source, back = tmp_path / "there", tmp_path / "back"
    source.write_bytes(bytes(range(256)) * 100)
    address = ("-P", str(box.ssh_port))
    there = "dev8@127.0.0.1:/workspace/f"
    for option in ("-s", "-O"):  # the sftp protocol, and the old one of scp
        subprocess.run(
            ["scp", option, "-q", *login.options(), *address, source, there],
            check=True)  # fmt: skip
        subprocess.run(
            ["scp", option, "-q", *login.options(), *address, there, back],
            check=True)  # fmt: skip
        assert back.read_bytes() == source.read_bytes()


def test_nobody_else_logs_in(box: Container) -> None:
    done = subprocess.run(
        ["ssh", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null",
         "-o", "IdentityFile=none", "-o", "IdentitiesOnly=yes", "-o", "NumberOfPasswordPrompts=0",
         "-o", "PreferredAuthentications=password,keyboard-interactive,publickey,none",
         "-p", str(box.ssh_port), "dev8@127.0.0.1", "true"],
        check=False, capture_output=True, text=True)  # fmt: skip
    assert done.returncode == 255
    assert "Permission denied (publickey)" in done.stderr


def test_git_and_gh_know_who_they_are(box: Container, login: Login) -> None:
    assert login.run(box, "git config user.name").strip() == "Octo Cat"
    assert login.run(box, "git config user.email").strip() == "octo@example.com"
    assert login.run(box, "gh auth token").strip() == TOKEN
    filled = login.run(box, "printf 'protocol=https\\nhost=github.com\\n\\n' | git credential fill")
    assert f"password={TOKEN}" in filled


def test_users_own_git_identity_wins(box: Container, login: Login) -> None:
    login.run(box, "git config --global user.name Mine")
    box.execute("devcopilot", "configure")
    assert login.run(box, "git config user.name").strip() == "Mine"
    login.run(box, "git config --global --unset user.name")


def test_private_key_lies_under_its_type(box: Container) -> None:
    listing = box.execute("sh", "-c", "stat -c '%a %n' ~/.ssh ~/.ssh/id_ecdsa ~/.ssh/id_ecdsa.pub")
    assert listing.split() == ["700", "/home/dev8/.ssh", "600", "/home/dev8/.ssh/id_ecdsa",
                               "644", "/home/dev8/.ssh/id_ecdsa.pub"]  # fmt: skip
    assert box.execute("ssh-keygen", "-F", "github.com", "-f",
                       "/home/dev8/.local/state/devcopilot/ssh/known_hosts")  # fmt: skip


def test_no_process_holds_a_secret(box: Container) -> None:
    # `docker exec` hands its own command the container's environment: that one is left out.
    script = """for p in /proc/[0-9]*; do
        grep -qz ^IS_THE_TEST= $p/environ 2>/dev/null && continue
        tr '\\0' '\\n' <$p/environ; tr '\\0' '\\n' <$p/cmdline; echo
    done 2>/dev/null"""
    seen = box.execute("env", "IS_THE_TEST=1", "sh", "-c", script)
    assert "code-server" in seen
    assert "HOME=/home/dev8" in seen
    assert not any(secret in seen for secret in SECRETS)


def test_no_secret_in_the_log_nor_wider_than_its_owner(box: Container) -> None:
    assert not any(secret in box.logs() for secret in SECRETS)
    wide = box.execute(
        "sh", "-c",
        "grep -rlE 'ghp_endtoend|sk-ant-endtoend' /home /workspace /dev/shm /tmp 2>/dev/null"
        " | xargs -r stat -c '%a %n' 2>/dev/null || true")  # fmt: skip
    assert wide, "the token must be somewhere"
    assert all(line.startswith(("600 ", "400 ")) for line in wide.splitlines())


def test_every_log_line_is_an_event(box: Container) -> None:
    for event in box.events():
        assert {"time", "level", "source", "message"} <= event.keys()


def test_a_second_configure_changes_nothing(box: Container) -> None:
    done = box.call("devcopilot", "configure")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stderr.splitlines()[-1])["changes"] == 0
    assert box.execute("devcopilot", "plan").splitlines()[-1].startswith("0 changes")


def test_status_tells_of_services_and_token(box: Container) -> None:
    status = box.status()
    text = json.dumps(status)
    assert status["phase"] == "ready"
    assert "code-server" in text
    assert "sshd" in text
    assert not any(secret in text for secret in SECRETS)


def list_processes(box: Container) -> list[str]:
    """Return /proc/PID/status of each that did not end meanwhile."""
    script = "cat /proc/[0-9]*/status 2>/dev/null || true"
    return box.execute("sh", "-c", script).split("Name:")[1:]


def test_everything_runs_as_the_user_without_zombies(box: Container) -> None:
    wait_until(lambda: not any("State:\tZ" in row for row in list_processes(box)), "the reaping")
    rows = list_processes(box)
    assert len(rows) > 4
    for row in rows:
        assert "Uid:\t1000\t1000\t1000\t1000" in row


def test_a_restart_keeps_host_key_and_password(box: Container) -> None:
    script = (
        "cat ~/.local/state/devcopilot/ssh/*.pub ~/.local/state/devcopilot/code-server/password"
    )
    before = box.execute("sh", "-c", script)
    _, code = box.stop()
    assert code == 0
    box.start()
    box.wait_ready()
    assert box.execute("sh", "-c", script) == before
