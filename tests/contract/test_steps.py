"""What every step and every service's files must hold to; a newcomer to the catalogue is tested."""

import json
import os
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from agent.machine.formats import private_keys
from agent.machine.planning.ledger import LEDGER
from agent.machine.secret import SecretInput
from agent.machine.storage.volumes import STATE_FOLDER
from agent.services import code_server, editor_login
from agent.settings import stored
from agent.settings.everything import Settings
from agent.workspace.vscode import SETTINGS_FILES
from tests.contract.homes import (
    CONFIGURE,
    NOBODY,
    OPEN,
    SECRETS,
    STAGES,
    Workspace,
    make_private_key,
    run_configure,
)
from tests.worlds.needs import need, need_other_users

SSH_CONFIG = Path(__file__).parents[2] / "docker/base/etc/ssh/ssh_config.d/10-devcopilot.conf"


@contextmanager
def make_workspace() -> Iterator[Workspace]:
    """Make a workspace whose environment says everything that can be said.

    Not in pytest's own folder, which other users may not enter.
    """
    need(shutil.which("ssh-keygen"), "needs ssh-keygen")
    with tempfile.TemporaryDirectory(prefix="contract-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        variables = {**OPEN, **SECRETS, "SSH_PRIVATE_KEY": make_private_key(folder)}
        yield Workspace(folder, variables).prepare()


@pytest.fixture
def workspace() -> Iterator[Workspace]:
    """A new one."""
    with make_workspace() as made:
        yield made


@pytest.fixture(scope="module")
def configured() -> Iterator[Workspace]:
    """One that is configured; nobody may change it."""
    with make_workspace() as made:
        made.configure()
        yield made


@pytest.fixture(scope="module")
def begun() -> Iterator[Workspace]:
    """One that is configured up to its tokens; nobody may change it."""
    with make_workspace() as made:
        made.configure(until="token")
        yield made


@pytest.mark.parametrize("stage", STAGES)
def test_a_second_run_yields_nothing(configured: Workspace, stage: str) -> None:
    assert [action.describe() for action in configured.plan_stage(stage).actions] == []


def test_a_second_run_leaves_every_file_as_it_is(workspace: Workspace) -> None:
    workspace.configure()
    again = workspace.files()
    workspace.configure()
    assert workspace.files() == again


@pytest.mark.parametrize("stage", STAGES)
def test_nothing_that_is_shown_holds_a_secret(begun: Workspace, stage: str) -> None:
    planned = begun.plan_stage(stage)
    shown = "".join(
        [action.describe() + repr(action) for action in planned.actions]
        + [f"{problem}{problem!r}" for problem in planned.problems]
    )
    key_lines = begun.variables["SSH_PRIVATE_KEY"].splitlines()[1:-1]
    for secret in (*SECRETS.values(), *key_lines):
        assert secret not in shown


def test_no_file_wider_than_0600_holds_a_secret(workspace: Workspace) -> None:
    old = os.umask(0)
    try:
        workspace.configure()
    finally:
        os.umask(old)
    secrets = [value.encode() for value in SECRETS.values()]
    secrets += [line.encode() for line in workspace.variables["SSH_PRIVATE_KEY"].splitlines()[1:-1]]
    holders = set()
    for path in workspace.folder.rglob("*"):
        if path.is_file() and path.parent != workspace.folder:
            content = path.read_bytes()
            if any(secret in content for secret in secrets):
                holders.add(path)
                assert stat.S_IMODE(path.stat().st_mode) & 0o177 == 0, path
    assert len(holders) >= len(SECRETS)


def test_what_the_user_changed_survives(workspace: Workspace) -> None:
    workspace.configure()
    changed = {}
    for path in workspace.files():
        if ".local/state/devcopilot" not in str(path):
            path.write_bytes(b"the user's own\n")
            changed[path] = b"the user's own\n"
    assert changed
    for variables in (workspace.variables, dict.fromkeys(workspace.variables, ""), OPEN):
        workspace.with_variables(variables).configure()
        found = workspace.files()
        assert {path: found.get(path) for path in changed} == changed


@pytest.mark.parametrize("moved", [True, False])
def test_git_and_ssh_read_what_the_agent_wrote_wherever_the_state_folder_is(
    workspace: Workspace, moved: bool
) -> None:
    """The home is another than that of /etc/passwd here, as a temporary home is."""
    more = {"DEV8_STATE_DIR": str(workspace.folder / "state")} if moved else {}
    there = workspace.with_variables({**workspace.variables, **more})
    there.configure()
    environ = dict(there.context().facts.environ)

    def ask(*argv: str | Path) -> list[str]:
        done = subprocess.run(
            argv, env=environ, cwd="/", check=True, capture_output=True, text=True, timeout=120
        )
        return done.stdout.splitlines()

    assert ask("git", "config", "user.name") == [OPEN["GIT_USER_NAME"]]
    assert len(ask("git", "config", "--get-all", "credential.https://github.com.helper")) == 2
    options = dict(line.split(" ", 1) for line in ask("ssh", "-F", SSH_CONFIG, "-G", "github.com"))
    hosts = options["userknownhostsfile"].split()
    assert hosts[0] == f"{there.home}/.ssh/known_hosts"
    assert ask("ssh-keygen", "-F", "github.com", "-f", hosts[-1])


def test_ssh_looks_for_every_key_that_the_agent_may_install_in_a_moved_home() -> None:
    text = SSH_CONFIG.read_text()
    for folder in ("${HOME}/.ssh", "/dev/shm/devcopilot-%i/ssh", "~/.ssh"):
        assert all(
            f"IdentityFile {folder}/{name}\n" in text for name in private_keys.KEY_NAMES.values()
        )


@pytest.mark.parametrize("name", [*SECRETS, "SSH_PRIVATE_KEY"])
def test_what_a_variable_brought_goes_with_it(workspace: Workspace, name: str) -> None:
    """As in a new container on the same volume: the runtime folder is gone, home is not."""
    workspace.configure()
    value = workspace.variables[name].strip().splitlines()[-2:][0].encode()
    assert any(value in content for content in _all_files(workspace))
    shutil.rmtree(workspace.runtime)
    rest = {other: text for other, text in workspace.variables.items() if other != name}
    later = workspace.with_variables(rest)
    later.configure()
    assert not any(value in content for content in _all_files(later))


def _all_files(workspace: Workspace) -> list[bytes]:
    run = [path.read_bytes() for path in workspace.runtime.rglob("*") if path.is_file()]
    return [*workspace.files().values(), *run]


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("kind", ["folder", "dangling", "circular"])
def test_whatever_lies_in_the_way_is_no_crash(workspace: Workspace, stage: str, kind: str) -> None:
    """Each thing that the stage would make in home is a folder, a dangling or a circular link."""
    workspace.configure(until="token")
    for action in workspace.plan_stage(stage).actions:
        path = getattr(action, "path", workspace.folder)
        if workspace.home not in path.parents or os.path.lexists(path.parent / path.name):
            continue
        if path.parent.is_symlink():
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        if kind == "folder":
            path.mkdir()
        else:
            path.symlink_to("/nonexistent/target" if kind == "dangling" else path.name)
    links = [path for path in workspace.home.rglob("*") if path.is_symlink()]
    workspace.configure()
    assert [path for path in links if not path.is_symlink()] == []


NESTED = b"[" * 100_000
"""What Python's parsers of JSON and YAML answer with a RecursionError."""
OFTEN_BROKEN = (
    *SETTINGS_FILES,
    *(".claude/settings.json", ".claude.json", ".gemini/settings.json"),
    *(".config/gh/hosts.yml", ".config/gh/config.yml"),
    *(".vscode-server/extensions/extensions.json", ".local/state/devcopilot/owned.json"),
)


@pytest.mark.parametrize("name", OFTEN_BROKEN)
def test_a_file_that_no_parser_can_take_is_one_problem(workspace: Workspace, name: str) -> None:
    path = workspace.home / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(NESTED)
    problems = workspace.configure()
    assert "internal error" not in "".join(problems)
    if "owned.json" not in name:
        assert sum(str(path) in problem for problem in problems) == 1
        assert path.read_bytes() == NESTED
    assert (workspace.runtime / "boot.json").exists()


# --- trouble with the machine: as an unprivileged user -------------------------------------------


@pytest.fixture
def theirs(workspace: Workspace) -> Workspace:
    """The same workspace, owned by an unprivileged user."""
    need(os.getuid() == 0, "needs root")
    need_other_users()
    for path in (workspace.folder, *workspace.folder.rglob("*")):
        os.chown(path, NOBODY, NOBODY)
    return workspace


def find_warnings(done: "subprocess.CompletedProcess[str]") -> list[str]:
    """Return the warnings that a run wrote; each line is an event, and the run went on."""
    assert "Traceback" not in done.stderr
    events = [json.loads(line) for line in done.stderr.splitlines()]
    assert done.returncode == 0, done.stderr
    assert events[-1]["message"] == "configured"
    return [event["message"] for event in events if event["level"] == "warning"]


def test_all_is_well_for_an_unprivileged_user(theirs: Workspace) -> None:
    expected = theirs.context()
    warnings = find_warnings(run_configure(theirs.environ))
    of_a_disk = "the secrets of this container are written to a disk"  # the tests' own folder may
    assert not [text for text in warnings
                if str(theirs.folder) in text and not text.startswith(of_a_disk)]  # fmt: skip
    assert (expected.facts.runtime / "boot.json").exists()


def test_a_runtime_folder_that_outlives_the_state_brings_no_stale_secret(
    theirs: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    find_warnings(run_configure(theirs.environ))
    shutil.rmtree(theirs.home / ".local")
    token = theirs.folder / "token"
    token.write_text("ghp_another0123456789")
    rest = {name: text for name, text in theirs.variables.items() if name != "GITHUB_TOKEN"}
    later = theirs.with_variables({**rest, "GITHUB_TOKEN_FILE": str(token)})
    find_warnings(run_configure(later.environ))
    monkeypatch.setattr(os, "getuid", lambda: theirs.runtime.stat().st_uid)  # as its user reads it
    variables, _ = stored.load(theirs.runtime)
    assert Settings.from_environ(variables).github.token == SecretInput("GITHUB_TOKEN", file=token)
    assert str(theirs.runtime) not in (theirs.home / STATE_FOLDER / LEDGER.name).read_text()


@pytest.mark.parametrize("usable", [True, False])
def test_a_made_password_is_told_of_once_at_any_level_and_is_the_one_in_use(
    theirs: Workspace, usable: bool
) -> None:
    """Also where it cannot be kept: the running code-server must not lose it to a second run."""
    if not usable:
        (theirs.home / ".local/state/devcopilot/code-server").mkdir(mode=0o755, parents=True)
        os.chown(theirs.home / ".local", NOBODY, -1)
        os.chown(theirs.home / ".local/state", NOBODY, -1)
        os.chown(theirs.home / ".local/state/devcopilot", NOBODY, -1)
    rest = {name: text for name, text in theirs.variables.items() if "PASSWORD" not in name}
    environ = {**theirs.with_variables({**rest, "DEV8_LOG_LEVEL": "error"}).environ}

    def find_hash() -> str:
        """Return the hash that code-server was given."""
        text = (theirs.runtime / code_server.CONFIG).read_text()
        config = dict(line.split(": ", 1) for line in text.splitlines())
        return str(json.loads(config["hashed-password"]))

    first = run_configure(environ)
    folder = theirs.home / STATE_FOLDER if usable else theirs.runtime
    password = (folder / editor_login.PASSWORD).read_text().strip()
    assert len(first.stderr.splitlines()) == 1
    assert "devcopilot password" in first.stderr
    assert password not in first.stderr
    hashed = find_hash()
    again = run_configure(environ, boot=False)
    assert (again.returncode, again.stderr) == (0, "")
    assert find_hash() == hashed
    told = subprocess.run([sys.executable, "-I", "-m", "agent", "password"], env=environ,
                          check=True, capture_output=True, text=True, user=NOBODY)  # fmt: skip
    assert told.stdout == f"{password}\n"


def test_a_home_of_somebody_else_is_one_problem(theirs: Workspace) -> None:
    usual = find_warnings(run_configure(theirs.environ))
    shutil.rmtree(theirs.runtime)
    os.chown(theirs.home, 1234, 1234)
    theirs.home.chmod(0o755)
    found = find_warnings(run_configure(theirs.environ))
    (problem,) = [text for text in found if text not in usual]
    assert f"cannot write the home folder {theirs.home}" in problem
    assert f"chown -R {NOBODY}:{NOBODY} {theirs.home}" in problem


def test_a_read_only_home_is_one_problem(theirs: Workspace) -> None:
    usual = find_warnings(run_configure(theirs.environ))
    shutil.rmtree(theirs.runtime)
    script = f"mount --bind {theirs.home} {theirs.home} && mount -o remount,ro,bind {theirs.home}"
    found = find_warnings(_run_in_mounts(theirs, script))
    (problem,) = [text for text in found if text not in usual]
    assert f"cannot write the home folder {theirs.home}: it is read-only" in problem


@pytest.mark.parametrize("name", ["HOME", "WORKSPACE_DIR", "DEV8_STATE_DIR"])
@pytest.mark.parametrize("place", ["missing/folder", "locked/folder", "file"])
def test_a_folder_that_is_no_use_is_a_problem(theirs: Workspace, name: str, place: str) -> None:
    (theirs.folder / "locked" / "folder").mkdir(parents=True)
    (theirs.folder / "locked").chmod(0o700)
    (theirs.folder / "file").touch()
    path = theirs.folder / place
    environ = {**theirs.environ, name: str(path)}
    found = [text for text in find_warnings(run_configure(environ)) if str(path) in text]
    can_be_made = (name, place) == ("DEV8_STATE_DIR", "missing/folder")
    assert bool(found) != can_be_made
    assert "chown -R 65534:65534 / " not in "".join(found)


@pytest.mark.parametrize(
    ("foreign", "mode", "named"),
    [
        (".claude", 0o755, ".claude"),
        (".ssh", 0o700, ".ssh"),
        (".config", 0o755, ".config/gh"),
        (".config/gh/hosts.yml", 0o600, ".config/gh/hosts.yml"),
    ],
)
def test_what_belongs_to_somebody_else_is_named_with_the_command_that_mends_it(
    theirs: Workspace, foreign: str, mode: int, named: str
) -> None:
    path = theirs.home / foreign
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix:
        path.write_bytes(b"")
    else:
        path.mkdir()
    for part in (path, *(part for part in path.parents if theirs.home in part.parents)):
        os.chown(part, 1234 if part == path else NOBODY, -1)
    path.chmod(mode)
    found = [text for text in find_warnings(run_configure(theirs.environ)) if "denied" in text]
    assert found
    commands = {text.rpartition("(as root: ")[2].removesuffix(")") for text in found}
    (command,) = commands
    assert command.endswith(f" {theirs.home / named}")
    subprocess.run(["sh", "-c", command], check=True, timeout=120)
    again = find_warnings(run_configure(theirs.environ))
    assert not [text for text in again if "denied" in text]


def test_a_full_disk_is_a_problem_a_stage_and_loses_nothing(theirs: Workspace) -> None:
    mine = theirs.home / "mine"
    script = (
        f"mount -t tmpfs -o size=64k,uid={NOBODY},gid={NOBODY},mode=700 tiny {theirs.home}"
        f" && echo kept >{mine} && cat /dev/zero >{theirs.home}/filler 2>/dev/null;"
        f' "$@"; code=$?; test "$(cat {mine})" = kept || exit 99; exit $code'
    )
    found = find_warnings(_run_in_mounts(theirs, script, follow=False))
    full = [text for text in found if "No space left on device" in text]
    assert full
    assert len(full) <= len(STAGES) + 2
    assert all("free some space" in text for text in full)
    assert (theirs.runtime / "boot.json").exists()


def _run_in_mounts(
    workspace: Workspace, script: str, *, follow: bool = True
) -> "subprocess.CompletedProcess[str]":
    """Run `configure` behind mounts that only it sees."""
    inner = f'{script} && exec "$@"' if follow else script
    return subprocess.run(
        ["unshare", "-m", "sh", "-c", inner, "sh", *CONFIGURE], env=workspace.environ,
        check=False, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
