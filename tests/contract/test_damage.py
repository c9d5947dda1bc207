"""Every file that the agent makes and later reads may be empty, cut or garbage at the next start.

A power cut, a full disk or a copy that broke off leaves such files. The start succeeds, and then
the file is good again, or it is named.
"""

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import pytest

from agent.backup import record, undo
from agent.backup.create import mapped_files
from agent.backup.restic import lock_sightings, locks
from agent.github.sources import user
from agent.machine.errors import AgentError
from agent.machine.secret import Secret
from agent.machine.system import Facts
from agent.settings.everything import Settings
from tests.contract.homes import NOBODY, OPEN, SECRETS, Workspace, make_private_key
from tests.worlds.machine import make_facts
from tests.worlds.needs import need

STATE = ".local/state/devcopilot"


def cut(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


def put_folder(path: Path) -> None:
    path.unlink()
    (path / "inside").mkdir(parents=True)


DAMAGES: dict[str, Callable[[Path], object]] = {
    "empty": lambda path: path.write_bytes(b""),
    "half": cut,
    "garbage": lambda path: path.write_bytes(bytes(range(128, 256)) * 2),
    "zeros": lambda path: path.write_bytes(bytes(4096)),
    "folder": put_folder,
    "not-readable": lambda path: path.chmod(0),
}

MADE_AT_THE_START = (
    *(".ssh/id_ed25519", ".ssh/id_ed25519.pub", ".config/gh/hosts.yml", ".config/gh/config.yml"),
    *(".claude/settings.json", ".claude.json", ".claude/.credentials.json", ".codex/auth.json"),
    *(".gemini/.env", ".gemini/settings.json", ".config/code-server/config.yaml"),
    ".vscode-server/extensions/extensions.json",
    ".vscode-server/extensions/devcopilot.workspace-defaults-1.0.0/package.json",
    *(".codex/config.toml", ".copilot/mcp-config.json", f"{STATE}/mcp.json"),
    *(
        f".vscode-server/extensions/devcopilot.workspace-1.0.0/{name}"
        for name in ("package.json", "extension.js", "page.js", "units.js", "use.js")
    ),
    *(f"{STATE}/{name}" for name in ("owned.json", "gitconfig", "gitconfig-signing")),
    *(f"{STATE}/{name}" for name in ("allowed_signers", "gh-tokens.json", "backup/password")),
    f"{STATE}/code-server/password",
    *(f"{STATE}/ssh/{name}" for name in ("known_hosts", "authorized_keys")),
    *(f"{STATE}/ssh/ssh_host_{kind}_key" for kind in ("ed25519", "ecdsa")),
    *(f"{STATE}/ssh/ssh_host_{kind}_key.pub" for kind in ("ed25519", "ecdsa")),
)

STAYS_AS_IT_IS = {
    (f"{STATE}/code-server/password", "half"): "a shorter password is one",
    (f"{STATE}/backup/password", "half"): "somebody may have written another one there",
    (f"{STATE}/gh-tokens.json", "empty"): "it may be empty",
    (f"{STATE}/mcp.json", "*"): "what it names is in place, and counts as the user's from then on",
    (".config/code-server/config.yaml", "*"): "without the agent's first line it is the user's",
    (".vscode-server/extensions/extensions.json", "not-readable"): "told by VS Code itself",
}
"""(file, damage) -> why the start need not say a word of it."""


@dataclass(frozen=True)
class Started:
    """A workspace that was started before, of an unprivileged user."""

    workspace: Workspace
    problems: list[str]
    """What was wrong then."""


@pytest.fixture(scope="module")
def started() -> Iterator[Started]:
    """Make one, whose environment says everything that can be said."""
    need(os.getuid() == 0 and shutil.which("ssh-keygen"), "needs root and ssh-keygen")
    with tempfile.TemporaryDirectory(prefix="damage-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        given = {name: text for name, text in SECRETS.items() if name != "CODE_SERVER_PASSWORD"}
        key = make_private_key(folder)
        more = {"SSH_PRIVATE_KEY": key, "DEV8_GIT_SIGNING": "ssh", "BACKUP_DIR": f"{name}/backups"}
        made = Workspace(folder, {**OPEN, **given, **more}).prepare()
        (folder / "backups").mkdir()
        for path in (folder, *folder.rglob("*")):
            os.chown(path, NOBODY, NOBODY)
        problems = start(made)
        shutil.copytree(made.home, folder / "snapshot")
        yield Started(made, problems)


@pytest.fixture
def workspace(started: Started) -> Workspace:
    """The same, as it was after that start."""
    home = started.workspace.home
    shutil.rmtree(home)
    shutil.copytree(home.parent / "snapshot", home)
    for path in (home, *home.rglob("*")):
        os.chown(path, NOBODY, NOBODY)
    return started.workspace


def start(workspace: Workspace) -> list[str]:
    """Configure as in a new container, as the workspace's user; return what was wrong."""
    shutil.rmtree(workspace.runtime, ignore_errors=True)
    child = os.fork()
    if child == 0:
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
        problems = workspace.configure()
        (workspace.folder / "problems").write_text(json.dumps(problems))
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    found: list[str] = json.loads((workspace.folder / "problems").read_text())
    return found


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("name", MADE_AT_THE_START)
def test_a_damaged_file_is_made_anew_or_named(
    started: Started, workspace: Workspace, name: str, damage: str
) -> None:
    path = workspace.home / name
    whole = path.read_bytes()
    DAMAGES[damage](path)
    os.chown(path, NOBODY, NOBODY)
    before = path.read_bytes() if path.is_file() else None
    problems = [text for text in start(workspace) if text not in started.problems]
    assert "internal error" not in "".join(problems)
    assert (workspace.runtime / "boot.json").exists()
    named = any(str(path) in text for text in problems)
    good = path.is_file() and (path.read_bytes() == whole) != (damage == "not-readable")
    anew = path.is_file() and path.read_bytes() != before
    told = {(name, damage), (name, "*")} & STAYS_AS_IT_IS.keys()
    assert named or good or anew or told, problems
    assert len([text for text in problems if "cannot read" in text]) <= 1, "one line a cause"


def test_all_that_is_made_is_tried(workspace: Workspace) -> None:
    made = {str(path.relative_to(workspace.home)) for path in workspace.files()}
    assert made == set(MADE_AT_THE_START)


# --- the backups' password: without it nobody opens them ----------------------------------------


@pytest.mark.parametrize("damage", ["empty", "garbage", "zeros"])
@pytest.mark.parametrize("used", [True, False])
def test_a_password_of_backups_is_made_anew_only_if_nothing_was_encrypted_by_it(
    workspace: Workspace, used: bool, damage: str
) -> None:
    path = workspace.home / STATE / "backup/password"
    DAMAGES[damage](path)
    damaged = path.read_bytes()
    if used:
        repository = workspace.folder / "backups/here"
        repository.mkdir()
        (repository / "config").write_bytes(b"encrypted")  # restic makes it first
    problems = [text for text in start(workspace) if str(path) in text]
    shutil.rmtree(workspace.folder / "backups/here", ignore_errors=True)
    if used:
        (problem,) = problems
        assert "cannot use" in problem
        assert "DEV8_BACKUP_PASSWORD_FILE" in problem
        assert path.read_bytes() == damaged, "somebody may still make sense of it"
    else:
        assert problems == []
        assert len(path.read_text().strip()) == 32


# --- what jobs and commands read ----------------------------------------------------------------


def read_refresh_token(facts: Facts) -> object:
    account = Settings.from_environ({}).github
    return user._read_kept(account, facts, Secret("ghr_seed"))


WRITTEN_LATER: dict[str, tuple[bytes, Callable[[Facts], object]]] = {
    record.FILE.name: (json.dumps({"local": asdict(record.Record())}).encode(), record.FILE.read),
    undo.FILE.name: (b'{"safety": "a", "target": "b", "paths": ["c"], "source": "d", "time": "e"}',
                undo.FILE.read),
    locks.HOSTNAMES.name: (b"one\ntwo\n", locks.HOSTNAMES.read),
    lock_sightings.FILE.name: (b'{"local": {"ab": "2026-12-01T12:00:00Z"}}',
                               lock_sightings.FILE.read),
    mapped_files.KNOWN.name: (b'["/workspace/file"]', mapped_files.KNOWN.read),
    "github-refresh/github.com": (b'{"seed": "x", "token": "y"}', read_refresh_token),
}  # fmt: skip
"""In the state folder: what may lie there, and who reads it."""


@pytest.mark.parametrize("damage", [name for name in DAMAGES if name != "not-readable"])
@pytest.mark.parametrize("name", WRITTEN_LATER)
def test_who_reads_a_damaged_file_later_goes_on_or_names_it(
    tmp_path: Path, name: str, damage: str
) -> None:
    facts = make_facts(tmp_path)
    content, read = WRITTEN_LATER[name]
    path = facts.state / name
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    read(facts)
    DAMAGES[damage](path)
    try:
        read(facts)
    except AgentError as error:
        assert str(path) in str(error)
    except OSError as error:  # which its callers turn into a problem
        assert name.startswith("github-refresh/")
        assert error.filename == str(path)
