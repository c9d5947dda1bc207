"""`make up` and its companions, as a person types them."""

import os
import re
import shlex
import shutil
import socket
import subprocess
import urllib.request
import uuid
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e.conftest import Login
from tests.worlds.authority import Authority
from tests.worlds.containers import BASE, DOCKER, QUIET, TAG, docker, find_free_port
from tests.worlds.programs import Awaited
from tests.worlds.waiting import wait_until

TOP = Path(__file__).resolve().parents[2]
TOKEN = "ghp_makeup000000000000000000000000000002"


@dataclass(frozen=True)
class Workspace:
    """A workspace that `make up` started, and what it printed."""

    name: str
    output: str

    def field(self, title: str) -> str:
        """Return what the summary says under this title."""
        lines = [line.split(maxsplit=1) for line in self.output.splitlines()]
        return next(words[1] for words in lines if len(words) == 2 and words[0] == title)


def make(target: str, name: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    """Run one target; stdout and stderr together, as a terminal shows them."""
    return make_in(TOP, target, name, variables)


def make_in(
    clone: Path, target: str, name: str, variables: Mapping[str, str]
) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        ["make", "--no-print-directory", target, "IMAGE=base", f"CONTAINER={name}"],
        cwd=clone,
        env={**os.environ, **QUIET, **variables},
        check=False,
        text=True,
        timeout=300,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


def test_certificates_are_passed_on(tmp_path: Path) -> None:
    authority = Authority("Of make up").own.certificate
    path = tmp_path / "proxy.pem"
    path.write_bytes(b"text around\n" + authority)
    name = f"dev8-test-{uuid.uuid4().hex[:8]}"
    try:
        done = make("up", name, DEV8_CA_FILE=str(path))
        assert done.returncode == 0, done.stdout
        assert "passing on certificates of DEV8_CA_FILE" in done.stdout
        script = "cat /dev/shm/devcopilot-1000/certificates/more.pem"
        assert docker("exec", name, "sh", "-c", script) == authority.decode().strip()
    finally:
        make("clean", name)
    path.write_text("nothing")
    done = make("up", name, DEV8_CA_FILE=str(path))
    assert done.returncode != 0
    assert "holds no certificate in PEM" in done.stdout


def test_a_repository_is_cloned_with_the_token_of_ones_own_gh(tmp_path: Path) -> None:
    """No GitHub is there: what counts is what the workspace is asked to do, and why it cannot."""
    name = f"dev8-test-{uuid.uuid4().hex[:8]}"
    gh = tmp_path / "gh"
    gh.write_text(f"#!/bin/sh\n[ \"$*\" = 'auth token' ] && echo {TOKEN}\n")
    gh.chmod(0o755)
    path = f"{tmp_path}:{os.environ['PATH']}"
    try:
        done = make("up", name, REPO="octo/demo dir=.", PATH=path, GH_HOST="127.0.0.1")
        assert done.returncode == 0, done.stdout
        assert "passing on the token of your gh" in done.stdout
        assert TOKEN not in done.stdout
        environment = docker("inspect", "--format", "{{.Config.Env}}", name)
        assert "DEV8_REPOSITORIES=octo/demo dir=." in environment
        assert TOKEN not in environment
        assert re.search(r"unit      clone:demo: (waiting; 127\.0\.0\.1|running)", done.stdout)
        again = make("up", name, REPO="octo/x b=c", PATH=path)
        assert "b=c is not one of its options" in again.stdout
    finally:
        make("clean", name)
    both = make("up", name, REPO="octo/demo", DEV8_REPOSITORIES="octo/other")
    assert (both.returncode != 0, "are both set" in both.stdout) == (True, True)


@pytest.fixture(scope="module")
def workspace() -> Iterator[Workspace]:
    name = f"dev8-test-{uuid.uuid4().hex[:8]}"
    with ExitStack() as stack:
        stack.callback(make, "clean", name)
        listener = stack.enter_context(socket.socket())
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with suppress(OSError):  # taken by something else: just as good
            listener.bind(("127.0.0.1", 2222))
            listener.listen()
        done = make("up", name, GITHUB_TOKEN=TOKEN)
        assert done.returncode == 0, done.stdout
        yield Workspace(name, done.stdout)


def test_printed_ssh_command_logs_in(workspace: Workspace) -> None:
    command = [*shlex.split(workspace.field("SSH")), "-o", "BatchMode=yes", "--"]
    done = subprocess.run(
        [*command, "id", "-un"], check=False, capture_output=True, text=True, timeout=120, cwd=TOP
    )
    assert (done.returncode, done.stdout.strip()) == (0, "dev8"), done.stderr


def test_one_line_in_ones_own_configuration_is_enough(workspace: Workspace, tmp_path: Path) -> None:
    """VS Code and JetBrains read ~/.ssh/config alone."""
    (line,) = [line.strip() for line in workspace.output.splitlines() if "Include" in line]
    own = tmp_path / "config"
    own.write_text(f"{line}\nHost *\n\tForwardAgent no\n")
    done = subprocess.run(
        ["ssh", "-F", own, "-o", "BatchMode=yes", workspace.name, "id", "-un"],
        check=False, capture_output=True, text=True, timeout=120, cwd=tmp_path,
    )  # fmt: skip
    assert (done.returncode, done.stdout.strip()) == (0, "dev8"), done.stderr


def test_taken_port_is_left_to_its_owner(workspace: Workspace) -> None:
    assert "port 2222 is taken: using" in workspace.output
    assert "Port 2222\n" not in (TOP / f".dev8/{workspace.name}.ssh_config").read_text()


def test_token_arrives_as_a_file_that_only_the_user_can_read(workspace: Workspace) -> None:
    environment = docker("inspect", "--format", "{{.Config.Env}}", workspace.name)
    assert "GITHUB_TOKEN_FILE=/run/secrets/GITHUB_TOKEN" in environment
    assert TOKEN not in environment
    assert TOKEN not in workspace.output
    seen = docker("exec", workspace.name, "cat", "/run/secrets/GITHUB_TOKEN")
    mode = docker("exec", workspace.name, "stat", "-c", "%a %u", "/run/secrets/GITHUB_TOKEN")
    assert (seen, mode) == (TOKEN, "600 1000")


def test_the_summary_names_what_works_for_this_workspace(workspace: Workspace) -> None:
    assert workspace.field("shell") == f"CONTAINER={workspace.name} make shell"
    assert workspace.field("stop") == f"CONTAINER={workspace.name} make down"


def test_the_page_is_there_over_ssh(workspace: Workspace) -> None:
    """Without an editor: by the words of the summary, but for a port of this machine."""
    words = workspace.field("page").removesuffix(", then").replace("-L 8079:", "-N -L PORT:")
    assert words.endswith(f"-N -L PORT:127.0.0.1:8079 {workspace.name}")
    port = find_free_port()

    def read() -> str:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=120) as answer:
                return str(answer.read().decode())
        except OSError:
            return ""  # ssh is not there yet

    with Awaited[bytes](words.replace("PORT", str(port)).split(), cwd=TOP) as forward:
        try:
            assert "<h1>" in wait_until(read, "the page")
        finally:
            forward.terminate()


def test_the_log_is_for_people_who_read_it(workspace: Workspace) -> None:
    """As text; `DEV8_LOG_FORMAT=json make up` is for programs."""
    lines = docker("logs", workspace.name).splitlines()
    assert [line for line in lines if re.fullmatch(r"\d\d:\d\d:\d\d init: READY in\b.*", line)]
    assert not [line for line in lines if line.startswith("{")]


def test_container_is_hardened(workspace: Workspace) -> None:
    host = docker(
        "inspect",
        "--format",
        "{{.HostConfig.ReadonlyRootfs}} {{.HostConfig.CapDrop}} {{.HostConfig.SecurityOpt}}",
        workspace.name,
    )
    assert host == "true [ALL] [no-new-privileges]"


def test_ports_are_open_on_loopback_only(workspace: Workspace) -> None:
    published = docker("port", workspace.name).splitlines()
    assert published
    assert all("-> 127.0.0.1:" in line for line in published)


REACH = "import socket, sys; socket.create_connection((sys.argv[1], 2222), float(sys.argv[2]))"


def reaches_ssh(workspace: Workspace, network: str, seconds: int) -> bool:
    """Tell whether a container of that network can connect to the workspace's ssh port in time."""
    address = docker(
        "inspect", "--format", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}",
        workspace.name,
    )  # fmt: skip
    return subprocess.run(
        [DOCKER, "run", "--rm", "--network", network, "--entrypoint", "/opt/devcopilot/bin/python",
         BASE, "-I", "-c", REACH, address, str(seconds)],
        check=False, capture_output=True, timeout=120,
    ).returncode == 0  # fmt: skip


def list_networks(workspace: Workspace) -> list[str]:
    return docker("network", "ls", "--quiet", "--filter", f"name=^{workspace.name}-").split()


def test_no_container_of_another_network_reaches_it(workspace: Workspace) -> None:
    """On docker's default network every container of the machine would."""
    assert reaches_ssh(workspace, f"{workspace.name}-network", 60)
    assert not reaches_ssh(workspace, "bridge", 3)


def test_second_up_says_where_the_workspace_is(workspace: Workspace) -> None:
    again = make("up", workspace.name)
    assert again.returncode == 0
    assert "is up already" in again.stdout
    assert Workspace(workspace.name, again.stdout).field("SSH") == workspace.field("SSH")


def test_the_workspace_of_another_clone_is_not_touched(
    workspace: Workspace, tmp_path: Path
) -> None:
    shutil.copytree(TOP / "scripts", tmp_path / "scripts")
    shutil.copytree(TOP / "docker/variants", tmp_path / "docker/variants")
    shutil.copy(TOP / "Makefile", tmp_path)
    for target in ("up", "down", "clean"):
        done = make_in(tmp_path, target, workspace.name, {})
        assert done.returncode != 0, target
        assert f"{workspace.name} is the workspace of another clone: {TOP}" in done.stdout
    assert make("status", workspace.name).returncode == 0


def test_two_ups_at_the_same_moment_make_one_workspace() -> None:
    name = f"dev8-test-{uuid.uuid4().hex[:8]}"
    try:
        with ThreadPoolExecutor(2) as pool:
            both = list(pool.map(lambda _: make("up", name), range(2)))
    finally:
        make("clean", name)
    assert [done.returncode for done in both] == [0, 0], both
    assert sum("is up already" in done.stdout for done in both) == 1


def test_status_speaks_of_the_running_container(workspace: Workspace) -> None:
    done = make("status", workspace.name)
    assert done.returncode == 0, done.stdout
    assert "sshd" in done.stdout


def list_volumes(workspace: Workspace) -> list[str]:
    return docker("volume", "ls", "--quiet", "--filter", f"name=^{workspace.name}").split()


def test_home_outlives_down_and_not_clean(workspace: Workspace) -> None:
    docker("exec", workspace.name, "touch", "/home/dev8/kept")
    assert f"{workspace.name}-secrets" in list_volumes(workspace)
    assert make("down", workspace.name).returncode == 0
    assert workspace.name not in docker("ps", "--all", "--format", "{{.Names}}").splitlines()
    assert f"{workspace.name}-secrets" not in list_volumes(workspace), "nothing needs them now"
    assert list_networks(workspace) == []
    assert make("up", workspace.name).returncode == 0
    assert docker("exec", workspace.name, "ls", "/home/dev8/kept") == "/home/dev8/kept"
    assert len(list_networks(workspace)) == 1
    assert make("clean", workspace.name).returncode == 0
    assert list_volumes(workspace) == list_networks(workspace) == []


def test_a_network_that_others_use_is_left_to_them(workspace: Workspace) -> None:
    network = f"{workspace.name}-network"
    assert make("up", workspace.name).returncode == 0
    other = docker("run", "--detach", "--network", network, "--entrypoint", "sleep", BASE, "600")
    try:
        done = make("down", workspace.name)
        assert done.returncode == 0
        assert f"the network {network} stays: other containers use it" in done.stdout
    finally:
        docker("rm", "--force", other)
    assert make("down", workspace.name).returncode == 0
    assert list_networks(workspace) == []


@pytest.fixture(scope="module")
def with_files(login: Login, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """A workspace of one who keeps everything in files, and wants no sshd."""
    folder = tmp_path_factory.mktemp("files")
    (folder / "token").write_text(TOKEN + "\n")
    (folder / "token").chmod(0o600)  # and not of uid 1000
    (folder / "keys").write_text(f"# mine\n{login.public}\n")
    name = f"dev8-test-{uuid.uuid4().hex[:8]}"
    with ExitStack() as stack:
        stack.callback(make, "clean", name)
        done = make("up", name, GITHUB_TOKEN_FILE=str(folder / "token"), DEV8_SSH="false",
                    SSH_AUTHORIZED_KEYS_FILE=str(folder / "keys"), DEV8_STATE_DIR="/no/such",
                    DEV8_SSH_PORT="22")  # fmt: skip
        assert done.returncode == 0, done.stdout
        yield Workspace(name, done.stdout)


def test_a_secret_file_arrives_as_a_copy_and_that_is_told(with_files: Workspace) -> None:
    seen = docker("exec", with_files.name, "cat", "/run/secrets/GITHUB_TOKEN")
    assert seen == TOKEN
    assert (
        "passing on a copy of GITHUB_TOKEN_FILE; "
        f"after a change: CONTAINER={with_files.name} make down, and up again"
    ) in with_files.output


def test_keys_of_a_file_are_passed_on(with_files: Workspace, login: Login) -> None:
    keys = docker("exec", with_files.name, "printenv", "SSH_PUBLIC_KEY")
    assert login.public in keys.splitlines()


def test_what_is_not_passed_on_is_told(with_files: Workspace) -> None:
    assert "not passing on DEV8_SSH_PORT DEV8_STATE_DIR: true here" in with_files.output


def test_the_summary_has_no_service_that_is_switched_off(with_files: Workspace) -> None:
    titles = [line.split()[0] for line in with_files.output.splitlines() if line.startswith("  ")]
    assert "shell" in titles
    assert {"SSH", "editor", "problem"}.isdisjoint(titles)


@pytest.mark.parametrize("name", ["GITHUB_TOKEN_FILE", "SSH_AUTHORIZED_KEYS_FILE"])
def test_a_file_that_is_not_there_is_one_line(name: str) -> None:
    box = f"dev8-test-{uuid.uuid4().hex[:8]}"
    try:
        done = make("up", box, **{name: "/no/such"})
    finally:
        make("clean", box)
    assert done.returncode != 0
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("error:")]
    assert f"cannot pass {name}" in line


def test_without_a_workspace_the_hint_names_make_up() -> None:
    done = make("status", "dev8-test-nobody")
    assert done.returncode != 0
    assert "make up" in done.stdout


def test_sizes_are_those_of_the_image_that_is_asked_for() -> None:
    done = make("sizes", "dev8-test-nobody")
    assert done.returncode == 0, done.stdout
    assert f"dev8-base:{TAG}\n" in done.stdout
    assert "dev8-mvp" not in done.stdout


def test_sizes_of_no_image_are_one_line() -> None:
    done = make("sizes", "dev8-test-nobody", VERSION="no-such")
    assert done.returncode != 0
    assert "error: there is no image dev8-base:no-such (make build IMAGE=base)" in done.stdout
    assert "Traceback" not in done.stdout
