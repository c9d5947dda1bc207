"""The folder of the project: what the editor opens, and where ssh logins start."""

import os
import subprocess
from pathlib import Path

import pytest

from agent.machine.light import runtime
from agent.services import login_folder
from agent.settings.certificates import JAVA, write_profile
from agent.settings.context import Context
from agent.settings.everything import Settings
from agent.settings.project import find_editor_path, find_folder
from tests.worlds.machine import make_facts

SESSION = Path(__file__).resolve().parents[2] / "docker/base/etc/profile.d/session.sh"


def make_context(root: Path, **variables: str) -> Context:
    variables = {"WORKSPACE_DIR": str(root / "workspace"), **variables}
    return Context(variables, Settings.from_environ(variables), make_facts(root))


def test_the_clone_is_the_project_once_it_is_there(tmp_path: Path) -> None:
    context = make_context(tmp_path, DEV8_REPOSITORIES="octo/demo")
    (tmp_path / "workspace").mkdir()
    assert find_folder(context) == tmp_path / "workspace"
    (tmp_path / "workspace/demo/.git").mkdir(parents=True)
    assert find_folder(context) == tmp_path / "workspace/demo"


def test_of_a_file_that_names_several_folders_its_folder_is_the_project(tmp_path: Path) -> None:
    context = make_context(tmp_path, DEV8_EDITOR_FOLDER="all.code-workspace")
    (tmp_path / "workspace").mkdir()
    (tmp_path / "workspace/all.code-workspace").write_text("{}")
    assert find_editor_path(context) == tmp_path / "workspace/all.code-workspace"
    assert find_folder(context) == tmp_path / "workspace"


def log_in(context: Context, *words: str, **environ: str) -> str:
    """Return the folder in which bash of an ssh login is, as the image starts it."""
    done = subprocess.run(
        ["bash", "--norc", "--noprofile", *words, "-c", '. "$0"; pwd', str(SESSION)],
        cwd=context.facts.home, check=True, capture_output=True, text=True, timeout=120,
        stdin=subprocess.DEVNULL,
        env={"PATH": os.environ["PATH"], "HOME": str(context.facts.home), "TERM": "dumb",
             "DEV8_RUNTIME_DIR": str(context.facts.runtime), **environ},
    )  # fmt: skip
    return done.stdout.strip()


@pytest.mark.parametrize(
    ("words", "environ", "starts"),
    [
        (["-i"], {"SSH_CONNECTION": "a b"}, True),
        ([], {"SSH_CONNECTION": "a b"}, False),  # scp, rsync, an editor
        (["-i"], {}, False),  # docker exec has its own folder
        (["-i"], {"SSH_CONNECTION": "a b", "SHLVL": "1"}, False),  # a shell in a shell
    ],
    ids=["a login", "a program", "no ssh", "a second shell"],
)
def test_people_who_log_in_start_in_the_project(
    tmp_path: Path, words: list[str], environ: dict[str, str], starts: bool
) -> None:
    context = make_context(tmp_path, DEV8_REPOSITORIES="octo/demo")
    (tmp_path / "workspace/demo/.git").mkdir(parents=True)
    login_folder.note(context)
    folder = tmp_path / "workspace/demo" if starts else context.facts.home
    assert log_in(context, *words, **environ) == str(folder)


def test_without_a_project_logins_start_at_home(tmp_path: Path) -> None:
    context = make_context(tmp_path)
    login_folder.note(context)
    assert not (context.facts.runtime / runtime.PROJECT).exists()
    assert log_in(context, "-i", SSH_CONNECTION="a b") == str(context.facts.home)


PROFILES = sorted(SESSION.parent.glob("*.sh"))


@pytest.mark.parametrize("shell", [("dash",), ("bash",), ("bash", "--posix")], ids=" ".join)
@pytest.mark.parametrize("profile", PROFILES, ids=lambda path: path.name)
def test_whatever_the_login_shell_is_it_reads_the_images_files(
    tmp_path: Path, shell: tuple[str, ...], profile: Path
) -> None:
    """One that cannot parse a line ends there, and with it the login. Each file is there."""
    (tmp_path / "ssh").mkdir()
    (tmp_path / "units").mkdir()
    for name in ("ssh/wait", "ssh/session.sh", "units/attach.wanted", "project"):
        (tmp_path / name).touch()
    done = subprocess.run(
        [*shell, "-c", f'. "{profile}"; echo "read $PATH"'], capture_output=True, text=True,
        check=True, timeout=120, stdin=subprocess.DEVNULL,
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "DEV8_RUNTIME_DIR": str(tmp_path),
             "SSH_CONNECTION": "a b", "SSH_TTY": "/dev/pts/0", "SHLVL": "1", "TERM": "xterm"},
    )  # fmt: skip
    assert done.stdout == f"read {os.environ['PATH']}\n"
    assert done.stderr == ""


@pytest.mark.parametrize("shell", ["dash", "bash"])
@pytest.mark.parametrize("terminal", [False, True], ids=["script", "ssh"])
def test_a_shell_that_ends_at_any_mistake_reads_the_images_files(
    tmp_path: Path, shell: str, terminal: bool
) -> None:
    """`bash -leu`, as build servers and scripts run it: a variable that is not set ends it."""
    (tmp_path / "ssh").mkdir()
    (tmp_path / "ssh/session.sh").touch()
    (tmp_path / "certificates").mkdir()
    (tmp_path / "certificates/profile.sh").write_text(write_profile({JAVA: "-Dx"}))
    (tmp_path / "units/attach.seen").mkdir(parents=True)
    (tmp_path / "units/attach.wanted").touch()
    files = "".join(f'. "{profile}"; ' for profile in PROFILES)
    ssh = {"SSH_CONNECTION": "a b", "DEV8_RUNTIME_DIR": str(tmp_path)} if terminal else {}
    done = subprocess.run(
        [shell, "-euc", f"{files}echo read ${{{JAVA}-}}"], capture_output=True, text=True,
        check=True, timeout=120, stdin=subprocess.DEVNULL, env={"PATH": os.environ["PATH"], **ssh},
    )  # fmt: skip
    assert done.stdout.startswith("read -Dx\n" if terminal else "read")
    assert done.stderr == ""
