"""Which home folder is used."""

import os
import pwd
from pathlib import Path

import pytest

from agent.machine.errors import UsageError
from agent.machine.light.exits import Exit
from agent.machine.storage import homes, owners
from agent.machine.storage.volumes import STATE_FOLDER


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The home that passwd tells of this user."""
    entry = pwd.struct_passwd(("dev8", "x", os.getuid(), 0, "", str(tmp_path), "/bin/bash"))
    monkeypatch.setattr(pwd, "getpwuid", lambda _: entry)
    return tmp_path


@pytest.mark.parametrize("environ", [{}, {"HOME": ""}, {"HOME": "/"}])
def test_what_an_engine_gives_to_a_uid_it_does_not_know_is_no_home(
    home: Path, environ: dict[str, str]
) -> None:
    assert homes.find_home(environ, Path("/run/x"), os.getuid()) == (home, [])


def test_another_home_is_taken(home: Path) -> None:
    other = home / "other"
    other.mkdir()
    assert homes.find_home({"HOME": str(other)}, Path("/run/x"), os.getuid()) == (other, [])


@pytest.mark.parametrize("name", ["/proc", "/sys/fs", "/dev", "/usr/", "/etc", "//proc/self/.."])
def test_roots_home_is_no_folder_of_the_system(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As WORKSPACE_DIR. Nobody else can write there, and has a temporary home as ever."""
    monkeypatch.setattr(os, "access", lambda *_: True)
    with pytest.raises(UsageError, match=r"HOME=.* is not a folder for data") as refused:
        homes.find_home({"HOME": name}, Path("/run/x"), 0)
    assert refused.value.exit_code == Exit.USAGE
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert homes.find_home({"HOME": name}, Path("/run/x"), 1000)[0] == Path("/run/x/home")


def test_a_root_without_a_home_has_a_temporary_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def lack(_: int) -> pwd.struct_passwd:
        raise KeyError

    monkeypatch.setattr(pwd, "getpwuid", lack)
    monkeypatch.setattr(os, "access", lambda *_: True)
    home, (problem,) = homes.find_home({"HOME": "/"}, Path("/run/x"), 0)
    assert home == Path("/run/x/home")
    assert "the system has its own files there" in problem.message


def test_a_home_in_which_another_uid_was_at_work_is_one_problem(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = home / STATE_FOLDER
    state.mkdir(parents=True)
    usual = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: path != state and usual(path, mode))
    folder, (problem,) = homes.find_home({}, Path("/run/x"), os.getuid())
    assert folder == Path("/run/x/home")
    assert str(home) in problem.message
    assert f"chown -R {os.getuid()}:{os.getgid()} {home}" in problem.hint


def test_a_folder_of_group_0_is_mended_by_that_group(tmp_path: Path) -> None:
    tmp_path.chmod(0o775)
    if tmp_path.stat().st_gid != 0:
        pytest.skip("only a member of group 0 can give it a folder")
    cause, mend = owners.explain_access(tmp_path, 12345)
    assert "runs as uid 12345" in cause
    assert "--user 12345:0" in mend
    assert f"chown -R 12345:{os.getgid()} {tmp_path}" in mend


def test_a_program_is_no_folder_even_for_root(tmp_path: Path) -> None:
    place = tmp_path / "program"
    place.touch(0o755)
    (problem,) = homes.check_workspace(place, os.getuid())
    assert problem.message == f"cannot write the workspace {place}: it is not a folder"
    assert problem.hint == f"move {place} away, or choose another folder"
    home, (problem,) = homes.find_home({"HOME": str(place)}, Path("/run/x"), os.getuid())
    assert home == Path("/run/x/home")
    assert problem.message.startswith(f"cannot write the home folder {place}: it is not a folder")
    assert homes.check_workspace(tmp_path / "new", os.getuid()) == []
