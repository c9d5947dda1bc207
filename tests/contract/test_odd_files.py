"""Whatever lies where the agent reads a file: the start goes on, with one clear line."""

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from agent.__main__ import main
from agent.commands import status
from agent.machine.light import runtime
from tests.contract.homes import OPEN, SECRETS, Workspace, make_private_key

_STATE = ".local/state/devcopilot"
TOLD = (
    ".config/devcopilot/hosts.d/ghe.example.com.toml",
    ".config/devcopilot/services.d/web.toml",
    ".config/gh/hosts.yml",
    ".local/share/code-server/User/settings.json",
    ".vscode-server/extensions/extensions.json",
    ".bashrc",
    ".zshenv",
    ".claude/settings.json",
    ".claude.json",
    ".codex/auth.json",
    ".ssh/id_ed25519",
    "authorized",
)
"""Below the home: what people write, and programs of theirs."""
KEPT = (
    f"{_STATE}/owned.json",
    f"{_STATE}/gh-tokens.json",
    f"{_STATE}/backups.json",
    f"{_STATE}/code-server/password",
    f"{_STATE}/ssh/authorized_keys",
    f"{_STATE}/ssh/known_hosts",
    ".config/gh/config.yml",
)
"""And: what the agent made itself."""


def make_pipe(path: Path) -> None:
    os.mkfifo(path)


def make_endless(path: Path) -> None:
    """Link to a device; for root to one of the test's own, which nobody misses."""
    device = path.parent / "zero"
    try:
        if not device.exists():
            os.mknod(device, stat.S_IFCHR | 0o600, os.makedev(1, 5))
    except PermissionError:
        device = Path("/dev/zero")
    path.symlink_to(device)


def make_sparse(path: Path) -> None:
    path.touch()
    os.truncate(path, 4 << 30)


def make_folder(path: Path) -> None:
    path.mkdir()


CAUSES: dict[Callable[[Path], None], str] = {
    make_pipe: "not a regular file",
    make_endless: "not a regular file",
    make_sparse: "it is larger than",
    make_folder: "irectory",
}


@pytest.mark.parametrize("spoil", CAUSES, ids=lambda spoil: spoil.__name__)
def test_the_start_goes_on_whatever_lies_there(
    tmp_path: Path, spoil: Callable[[Path], None]
) -> None:
    desk = Workspace(tmp_path).prepare()
    more = {"SSH_AUTHORIZED_KEYS_FILE": str(desk.home / "authorized"),
            "SSH_PRIVATE_KEY": make_private_key(tmp_path)}  # fmt: skip
    desk = desk.with_variables({**OPEN, **SECRETS, **more})
    for path in (desk.home / name for name in TOLD):
        path.parent.mkdir(parents=True, exist_ok=True)
        spoil(path)
    problems = desk.configure()
    assert not [line for line in problems if "internal" in line or "longer than 10" in line]
    assert (desk.runtime / "boot.json").exists()
    for name in TOLD:
        about = [line for line in problems if str(desk.home / name) in line]
        assert about, f"nothing is said of {name}: {problems}"
        assert CAUSES[spoil] in about[0], about


@pytest.mark.parametrize("spoil", CAUSES, ids=lambda spoil: spoil.__name__)
@pytest.mark.parametrize("name", KEPT)
def test_the_start_goes_on_whatever_the_agents_own_file_is(
    tmp_path: Path, spoil: Callable[[Path], None], name: str
) -> None:
    desk = Workspace(tmp_path, {**OPEN, **SECRETS}).prepare()
    path = desk.home / name
    path.parent.mkdir(parents=True)
    spoil(path)
    before = path.stat()
    problems = desk.configure()
    assert not [line for line in problems if "internal" in line or "longer than 10" in line]
    assert (desk.runtime / "boot.json").exists()
    assert stat.S_IFMT(path.stat().st_mode) == stat.S_IFMT(before.st_mode), "nothing is replaced"


def test_a_file_of_each_kind_is_judged_when_a_secret_comes_from_it(tmp_path: Path) -> None:
    desk = Workspace(tmp_path).prepare()
    for spoil, cause in CAUSES.items():
        path = tmp_path / spoil.__name__
        spoil(path)
        given = {"GITHUB_TOKEN_FILE": str(path), "OPENAI_API_KEY_FILE": str(path)}
        problems = desk.with_variables(given).configure()
        for name in given:
            (line,) = [line for line in problems if name in line and "cannot" in line]
            assert cause in line


def test_the_status_waits_for_no_file_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A pipe without a writer stands for a file system whose server is gone."""
    desk = Workspace(tmp_path, {**OPEN, **SECRETS}).prepare()
    desk.configure()
    reader, writer = os.pipe()
    monkeypatch.setenv(runtime.VARIABLE, str(desk.runtime))
    monkeypatch.setattr(status, "DEADLINE", 0.2)
    monkeypatch.setattr(status, "collect", lambda _: os.read(reader, 1))
    code = main(["status"])
    os.close(reader)
    os.close(writer)
    assert code == 1
    assert "cannot show the status: it took longer than 0.2 s" in capsys.readouterr().err
