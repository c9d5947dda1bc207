"""The hardening matrix: every way to run dev8-mvp x everything that a person does in it."""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.e2e.conftest import Login
from tests.worlds.containers import MVP, Container, Recipe, answers_http, log_in, running
from tests.worlds.hardening import REMAPPED_ROWS, ROWS
from tests.worlds.remapped import (
    FIRST_UID,
    REMAPPED,
    need_remapping,
    started_engine,
    talking_to,
)

PASSWORD = "correct horse # battery: staple"

ALL_ROWS = {**ROWS, **REMAPPED_ROWS}
"""Those of the other engine last: it stays until the end."""

CLONE = """
set -e
git init -q /workspace/origin
git -C /workspace/origin -c user.name=A -c user.email=a@b.c commit -q --allow-empty -m "from here"
export GIT_SSH_COMMAND="ssh -o StrictHostKeyChecking=accept-new"
git clone -q ssh://dev8@127.0.0.1:2222/workspace/origin /workspace/clone
git -C /workspace/clone log --format=%s
"""


@pytest.fixture(scope="module")
def user_namespace(archive: Callable[[str], Path]) -> Iterator[str]:
    """The socket of an engine whose containers have a user namespace of their own.

    It stays until the end of the module, and a worker may try rows of the other engine after it.
    """
    need_remapping()
    with started_engine(archive(MVP)) as socket:
        yield socket


def group(row: str) -> pytest.MarkDecorator:
    """Let a worker try each row, but one those of the other engine, of which there is one."""
    return pytest.mark.xdist_group(REMAPPED if row in REMAPPED_ROWS else f"hardening-{row}")


@pytest.fixture(scope="module", params=[pytest.param(row, marks=group(row)) for row in ALL_ROWS])
def row(request: pytest.FixtureRequest) -> str:
    """A way to run the image."""
    return str(request.param)


@pytest.fixture(scope="module")
def box(row: str, login: Login, request: pytest.FixtureRequest) -> Iterator[Container]:
    """A workspace that runs this way."""
    options = (
        *("-e", f"SSH_PUBLIC_KEY={login.public}", "-e", f"CODE_SERVER_PASSWORD={PASSWORD}"),
        *("-e", f"SSH_PRIVATE_KEY={login.private.read_text()}"),
    )
    with ExitStack() as stack:
        if row in REMAPPED_ROWS:
            stack.enter_context(talking_to(request.getfixturevalue("user_namespace")))
        container = stack.enter_context(running(Recipe(MVP, (*ALL_ROWS[row], *options))))
        container.wait_ready()
        yield container


def test_row_is_what_it_says(box: Container, row: str) -> None:
    """Otherwise everything below could pass in the wrong kind of container."""
    status = box.execute("cat", "/proc/1/status")
    fields = dict(line.split(":\t", 1) for line in status.splitlines())
    hardened = row.endswith("hardened")
    assert fields["Uid"].split()[0] == ("12345" if row.startswith("any-uid") else "1000")
    assert fields["NoNewPrivs"] == str(int(hardened or row == "no-privileges"))
    assert (int(fields["CapBnd"], 16) == 0) == (hardened or row == "no-privileges")
    assert (box.call("touch", "/var/tmp/x").returncode != 0) == (hardened or row == "read-only")
    first = int(box.execute("cat", "/proc/self/uid_map").split()[1])
    assert (first == FIRST_UID) == (row in REMAPPED_ROWS)


def test_all_is_well(box: Container) -> None:
    assert [event for event in box.events() if event["level"] in ("warning", "error")] == []
    assert box.status()["phase"] == "ready"


def test_ide_answers_and_lets_in_with_the_password_alone(box: Container) -> None:
    assert answers_http(box.ide_port)
    assert answers_http(box.ide_port, "/login")
    assert log_in(box.ide_port, "wrong") == 200, "the form again"
    assert log_in(box.ide_port, PASSWORD) == 302


def test_ssh_login_runs_a_command_at_home(box: Container, login: Login) -> None:
    assert login.run(box, "whoami; echo $HOME; pwd").split() == ["dev8", "/home/dev8", "/home/dev8"]
    assert login.run(box, "bash -lc 'node --version'").startswith("v20.")


@pytest.mark.parametrize("protocol", ["-s", "-O"], ids=["sftp", "scp"])
def test_files_are_carried(box: Container, login: Login, tmp_path: Path, protocol: str) -> None:
    source, back = tmp_path / "source", tmp_path / "back"
    source.write_bytes(bytes(range(256)) * 1000)
    there = "dev8@127.0.0.1:/workspace/file"
    for pair in ((source, there), (there, back)):
        argv = ["scp", protocol, "-q", *login.options(), "-P", str(box.ssh_port), *pair]
        subprocess.run(argv, check=True, timeout=120)
    assert back.read_bytes() == source.read_bytes()


def test_git_clones_over_ssh(box: Container, login: Login) -> None:
    assert login.run(box, CLONE).strip() == "from here"


def test_nothing_runs_as_root_and_nothing_is_setuid(box: Container) -> None:
    uids = box.execute("sh", "-c", "grep -h ^Uid: /proc/[0-9]*/status | sort -u").splitlines()
    assert len(uids) == 1
    assert "\t0" not in uids[0]
    found = box.call("sh", "-c", "find / -xdev -type f -perm /6000 2>/dev/null").stdout
    assert found == ""


def test_stop_is_in_order(box: Container) -> None:
    _, code = box.stop()
    assert code == 0, "or the engine would have ended it by KILL"
