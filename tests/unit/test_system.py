import os
import stat
import sys
from pathlib import Path

import pytest

from agent.machine.errors import Problem
from agent.machine.programs import external_commands
from agent.machine.secret import Secret, SecretInput
from agent.machine.system import Facts, System


@pytest.fixture
def facts(tmp_path: Path) -> Facts:
    return Facts(
        home=tmp_path,
        uid=os.getuid(),
        runtime=tmp_path / "run",
        state=tmp_path / "state",
        environ={"PATH": os.defpath, "MARK": "clean"},
    )


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def read_secret(facts: Facts, content: bytes) -> Secret | Problem | None:
    path = facts.home / "secret"
    path.write_bytes(content)
    return facts.secret(SecretInput("X", file=path))


def test_a_secret_by_value(facts: Facts) -> None:
    assert facts.secret(None) is None
    assert facts.secret(SecretInput("X", value=Secret("v"))) == Secret("v")


@pytest.mark.parametrize(
    ("content", "value"),
    [
        (b"v", "v"),
        (b"v\n", "v"),
        (b"v\r\n", "v"),
        (b"v\n\n", "v\n"),
        (b" v ", " v "),
        (b"$HOME #\xc3\xbc\n", "$HOME #ü"),
        (b"\xef\xbb\xbfv\r\n", "v"),
    ],
)
def test_one_newline_and_a_byte_order_mark_of_a_file_are_dropped(
    facts: Facts, content: bytes, value: str
) -> None:
    assert read_secret(facts, content) == Secret(value)


@pytest.mark.parametrize(
    ("content", "cause"), [(b"", "is empty"), (b" \n", "is empty"), (b"\xff\xfe", "not UTF-8")]
)
def test_a_file_without_a_secret_is_a_problem(facts: Facts, content: bytes, cause: str) -> None:
    found = read_secret(facts, content)
    assert isinstance(found, Problem)
    assert f"X_FILE={facts.home}/secret" in found.message
    assert cause in found.message


def test_a_missing_file_and_a_folder_are_problems(facts: Facts) -> None:
    missing = facts.secret(SecretInput("X", file=facts.home / "none"))
    folder = facts.secret(SecretInput("X", file=facts.home))
    assert isinstance(missing, Problem)
    assert missing.message.endswith("no such file")
    assert isinstance(folder, Problem)
    assert folder.message.endswith("it is a directory")
    assert "docker creates a directory" in folder.hint


@pytest.mark.parametrize("kind", ["fifo", "device"])
def test_what_is_no_regular_file_is_not_waited_for(facts: Facts, kind: str) -> None:
    path = Path("/dev/zero")
    if kind == "fifo":
        path = facts.home / "fifo"
        os.mkfifo(path)
    found = facts.secret(SecretInput("X", file=path))
    assert isinstance(found, Problem)
    assert found.message == f"cannot read X_FILE={path}: it is not a regular file"
    with pytest.raises(OSError, match="it is not a regular file"):
        facts.read(path)


def test_reading_what_is_not_there(facts: Facts) -> None:
    (facts.home / "file").write_bytes(b"x")
    assert facts.read(facts.home / "none") is None
    assert facts.read(facts.home / "file" / "below") is None
    assert facts.mode(facts.home / "none") is None
    with pytest.raises(IsADirectoryError):
        facts.read(facts.home)


def test_planned_files_are_seen_as_if_they_were_there(facts: Facts) -> None:
    path = facts.home / "planned"
    later = facts.with_pending({path: b"one"}).with_pending({facts.home / "other": b"two"})
    assert later.read(path) == b"one"
    assert facts.read(path) is None


def test_commands_get_the_clean_environment_and_never_hang(
    facts: Facts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOKEN", "hunter2")
    done = facts.run([sys.executable, "-c", "import os; print(sorted(os.environ))"])
    assert b"MARK" in done.stdout
    assert b"TOKEN" not in done.stdout
    assert facts.run(["/no/such/program"]).returncode == 127
    assert external_commands.run(["sleep", "60"], facts.environ, timeout=0.05).returncode == 124


def test_a_program_is_looked_for_on_the_childrens_path(facts: Facts, tmp_path: Path) -> None:
    assert facts.which("sh") is not None
    assert facts.which("no-such-program") is None
    empty = Facts(tmp_path, 1, tmp_path, tmp_path, {"PATH": str(tmp_path)})
    assert empty.which("sh") is None


def test_folders_are_as_private_as_their_file(tmp_path: Path) -> None:
    System({}).write_file(tmp_path / "a" / "b" / "key", b"x", 0o600)
    System({}).write_file(tmp_path / "c" / "d" / "file", b"x", 0o644)
    assert mode_of(tmp_path / "a") == mode_of(tmp_path / "a" / "b") == 0o700
    assert mode_of(tmp_path / "c" / "d") == 0o755
    assert mode_of(tmp_path / "a" / "b" / "key") == 0o600


def test_a_folder_that_exists_keeps_its_mode(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a").chmod(0o711)
    System({}).write_file(tmp_path / "a" / "key", b"x", 0o600)
    System({}).make_directory(tmp_path / "a", 0o700)
    assert mode_of(tmp_path / "a") == 0o711


def test_a_users_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "dotfiles").mkdir()
    (tmp_path / "dotfiles" / "real").write_bytes(b"old")
    (tmp_path / "link").symlink_to("dotfiles/real")
    System({}).write_file(tmp_path / "link", b"new", 0o600)
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "dotfiles" / "real").read_bytes() == b"new"


def test_removing_what_is_gone_is_no_error(tmp_path: Path) -> None:
    System({}).remove_file(tmp_path / "none")


def test_a_command_that_fails_says_its_last_words() -> None:
    with pytest.raises(OSError, match="sh failed: the end") as caught:
        System({}).run(["/bin/sh", "-c", "echo first >&2; echo the end >&2; exit 3"])
    assert caught.value.errno is None  # EPERM is 1, and so is the code of most failures
