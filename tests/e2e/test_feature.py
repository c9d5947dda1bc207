"""The devcontainer Feature: the real client puts the agent into somebody else's image."""

import json
import shutil
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.worlds.builds import find_base_image
from tests.worlds.containers import DOCKER, docker
from tests.worlds.devcontainers import CONTENT, Devcontainer, bring_up, need_client
from tests.worlds.strangers import BUILD_TIMEOUT, FEATURE, build_feature, built_stranger

BACKUPS = {
    "containerEnv": {
        "DEV8_AI_TOOLS": "off",
        "BACKUP_DIR": "/home/coder/backups",
        "DEV8_BACKUP_SCHEDULE": "off",
        "DEV8_STOP_TIMEOUT": "50s",
    },
    "runArgs": ["--stop-timeout=60"],
}
"""What a final backup needs, as docs/devcontainer.md says it."""


@pytest.fixture(scope="module")
def feature(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that is published."""
    return build_feature(tmp_path_factory.mktemp("feature"))


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Somebody else's image."""
    with built_stranger(tmp_path_factory.mktemp("context")) as name:
        yield name


def bring_up_with(
    parent: Path, feature: Path, image: str, properties: dict[str, Any], **options: object
) -> Any:
    """Bring up a project in that image, with the Feature."""
    need_client()
    document = {
        "image": image,
        "remoteUser": "coder",
        "features": {f"./{FEATURE}": options},
        "containerEnv": {"DEV8_AI_TOOLS": "off", "DEV8_GITHUB_API_URL": "http://127.0.0.1:1"},
        "postStartCommand": "devcopilot status --json >status.json",
        **properties,
    }
    return bring_up(parent, document, feature)


# --- PID 1 --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def project(
    feature: Path, stranger: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Devcontainer]:
    """A project that says no more than image, user and Feature."""
    folder = tmp_path_factory.mktemp("project")
    with bring_up_with(folder, feature, stranger, BACKUPS) as project:
        yield project


def test_the_agent_is_pid_1_as_the_user_and_works_in_the_project(project: Devcontainer) -> None:
    assert "agent.init" in project.call("exec", "cat", "/proc/1/cmdline")
    assert project.call("exec", "stat", "--format", "%U", "/proc/1").strip() == "coder"
    status = project.status()
    assert status["phase"] == "ready"
    assert status["workspace"] == project.inside == f"/workspaces/{project.folder.name}"
    assert [row["name"] for row in status["services"]] == ["sshd"]


def test_the_client_leaves_nothing_behind_of_what_it_handed_to_the_engine(
    project: Devcontainer,
) -> None:
    assert docker("image", "ls", "--quiet", f"vsc-{project.folder.name}-*")
    assert docker("image", "ls", "--quiet", CONTENT) == ""


def test_the_projects_own_hooks_see_a_workspace_that_is_ready(project: Devcontainer) -> None:
    assert json.loads((project.folder / "status.json").read_text())["phase"] == "ready"


def test_git_gh_and_restic_are_those_of_the_agent(project: Devcontainer) -> None:
    assert "devcopilot" in project.call("exec", "git", "config", "--list", "--show-origin")
    link = project.call("exec", "readlink", "-f", "/usr/local/bin/gh")
    assert link.strip().endswith("agent/github/helpers/gh")
    assert project.call("exec", "gh", "--version").startswith("gh version 2.")
    assert project.call("exec", "restic", "version").startswith("restic 0.18")


def test_the_final_backup_is_made_when_it_stops(project: Devcontainer) -> None:
    """The last test of this container: what was written a moment ago is in the backup."""
    project.call("exec", "sh", "-c", "echo work >work")
    assert project.stop() == 0
    assert "made the final backup" in project.logs()


# --- other ways ---------------------------------------------------------------------------------


def test_the_images_own_command_runs_below_the_agent(
    feature: Path, stranger: str, tmp_path: Path
) -> None:
    with bring_up_with(tmp_path, feature, stranger, {"overrideCommand": False}) as project:
        assert "agent.init" in project.call("exec", "cat", "/proc/1/cmdline")
        assert project.call("exec", "cat", "/tmp/own") == "own\n"
        assert project.status()["cmd"]
        assert project.stop() == 128 + signal.SIGTERM, "the command's own end, and no KILL"


def test_in_the_background_it_stops_in_order_as_well(
    feature: Path, stranger: str, tmp_path: Path
) -> None:
    with bring_up_with(tmp_path, feature, stranger, BACKUPS, pid1=False) as project:
        assert "agent.init" not in project.call("exec", "cat", "/proc/1/cmdline")
        assert project.status()["phase"] == "ready"
        assert project.stop() == 0
        assert "made the final backup" in project.logs()


# --- whoever unpacks and installs it --------------------------------------------------------------

INSTALL = """
touch /tmp/before
umask {umask}
sh /feature/install.sh
find / -xdev \\( -path /tmp -o -path /var/log \\) -prune -o ! -type l -cnewer /tmp/before \\
    \\( -perm /022 -o ! -perm -004 -o -type d ! -perm -005 \\) -print
exec setpriv --reuid coder --regid coder --clear-groups env HOME=/home/coder \\
    bash -lc 'devcopilot version >/dev/null && gh --version >/dev/null && restic version >/dev/null'
"""
"""What was made or changed, and is closed to others or writable for them; then whether it works."""
MODES = {"000": "a+rwX", "022": "go=u-w", "077": "go="}
"""Of the Feature, as a client unpacks it at its user's umask."""
WARNING = "warning: the agent will run as root, and its sshd cannot"


@dataclass(frozen=True)
class Users:
    """Who works in an image and who runs it, and what is advised where it must not be root."""

    remote: str
    container: str
    advice: str = ""


INSTALLS = {
    "000": Users("coder", "root"),
    "022": Users("root", "coder"),
    "077": Users("root", "root", 'set "remoteUser": "coder" in devcontainer.json'),
}
"""Umask -> users. They have nothing to do with each other, but to install takes ten seconds."""


@dataclass(frozen=True)
class Installed:
    """What an installation printed, and for whom it was."""

    users: Users
    done: "subprocess.CompletedProcess[str]"


def install(feature: Path, image: str, users: Users, script: str) -> Installed:
    """Run a script that installs /feature in a container of the image."""
    variables = (f"_REMOTE_USER={users.remote}", f"_CONTAINER_USER={users.container}")
    done = subprocess.run(
        [DOCKER, "run", "--rm", "--network", "none", "--volume", f"{feature}:/feature:ro",
         *(word for variable in variables for word in ("--env", variable)),
         "--entrypoint", "sh", image, "-euc", script],
        check=False, capture_output=True, text=True, timeout=BUILD_TIMEOUT,
    )  # fmt: skip
    return Installed(users, done)


@pytest.fixture(scope="module", params=INSTALLS)
def installed(
    request: pytest.FixtureRequest,
    feature: Path,
    stranger: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Installed:
    """The Feature, unpacked and installed at a umask; an engine may start a build with any."""
    umask = request.param
    unpacked = tmp_path_factory.mktemp("unpacked") / "feature"
    shutil.copytree(feature, unpacked)
    subprocess.run(["chmod", "-R", MODES[umask], unpacked], check=True)
    return install(unpacked, stranger, INSTALLS[umask], INSTALL.format(umask=umask))


def test_what_it_installs_is_open_to_all_and_writable_for_root_alone(installed: Installed) -> None:
    done = installed.done
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


# --- root, as whom sshd does not run --------------------------------------------------------------


def assert_warned(installed: Installed) -> None:
    """Whoever would have the agent run as root is warned and told what to do, and nobody else."""
    said, advice = installed.done.stderr, installed.users.advice
    assert (WARNING in said) == bool(advice), said
    assert advice in said
    assert ('"DEV8_SSH": "off"' in said) == bool(advice)


def test_who_would_have_it_run_as_root_is_warned_and_told_what_to_do(installed: Installed) -> None:
    assert_warned(installed)


def test_where_no_user_is_it_is_told_how_to_add_one(feature: Path, stranger: str) -> None:
    users = Users("root", "root", "RUN useradd --create-home --shell /bin/bash dev")
    installed = install(feature, stranger, users, "userdel coder; sh /feature/install.sh")
    assert installed.done.returncode == 0, installed.done.stderr
    assert_warned(installed)


# --- images that cannot have it -------------------------------------------------------------------

OLD = "printf 'ID=debian\\nPRETTY_NAME=\"Debian GNU/Linux 11 (bullseye)\"\\n' >/etc/os-release"
NO_APT = "rm /usr/bin/apt-get"
FAILING_APT = "printf '#!/bin/sh\\necho E: no network >&2; exit 100' >/usr/bin/apt-get"


@pytest.mark.parametrize(
    ("prepare", "said"),
    [
        (NO_APT, "there is no Python 3.11 to 3.13 in "),
        (f"{NO_APT}; {OLD}", "there is no Python 3.11 to 3.13 in Debian GNU/Linux 11 (bullseye)"),
        (FAILING_APT, "E: no network"),
        ("mkdir /opt/devcopilot", "the image has the agent already"),
    ],
    ids=["no-apt", "old", "no-network", "ours"],
)
def test_what_cannot_be_installed_is_said(feature: Path, prepare: str, said: str) -> None:
    done = subprocess.run(
        [DOCKER, "run", "--rm", "--network", "none", "--volume", f"{feature}:/feature:ro",
         "--entrypoint", "sh", find_base_image(), "-c", f"{prepare}; sh /feature/install.sh"],
        check=False, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 1
    assert said in done.stderr
    assert "error: cannot install the DevCopilot agent: " in done.stderr
