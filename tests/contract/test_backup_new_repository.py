"""Repositories that two containers make at the same moment, with the real restic."""

import errno
import shutil
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from agent import catalogue
from agent.backup.create import comparison, new_repository
from agent.backup.create.snapshot import BackupMaker, Contents
from agent.backup.repository_keys import Key, list_keys
from agent.backup.restic.client import Code, Restic, ResticError
from agent.backup.target import find_targets
from agent.machine.errors import AgentError, Problem
from agent.machine.programs.follow import Finished
from agent.settings.everything import Settings
from tests.contract.vault import Vault
from tests.worlds.backup_servers import Server
from tests.worlds.machine import make_facts
from tests.worlds.quick_key import make_quick, place_repository


def connect(server: Server, root: Path) -> Restic:
    """Return restic as one of several containers has it."""
    root.mkdir()
    facts = make_facts(root)
    trust = {name: path for name, path in server.variables.items() if name == "SSL_CERT_FILE"}
    facts = replace(facts, environ={**facts.environ, **trust, "DEV8_BACKUP_PASSWORD": "x"})
    (root / "password").write_text("the same for all\n")
    settings = Settings.from_environ(
        {**server.variables, "DEV8_BACKUP_PASSWORD_FILE": str(root / "password")}
    )
    (target,) = find_targets(catalogue.TARGETS, settings, facts).ready
    return Restic(target, facts)


def make_at_once(places: list[Restic]) -> list[Exception]:
    """Make the repository from all of these at the same moment; return what went wrong."""
    gate = threading.Barrier(len(places))
    failures: list[Exception] = []

    def make(restic: Restic) -> None:
        gate.wait()
        try:
            new_repository.make_repository(restic)
        except (ResticError, AgentError, OSError) as error:
            failures.append(error)

    threads = [threading.Thread(target=make, args=(restic,)) for restic in places]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return failures


def is_good(restic: Restic) -> bool:
    """Tell whether the repository opens, with one key, and takes a backup."""
    keys = len(list_keys(restic))
    if restic.target.folder:
        make_quick(restic.target.folder, Path(restic.environment["RESTIC_PASSWORD_FILE"]))
    restic.check("back up", "backup", "--json", str(restic.facts.home))
    restic.check("check", "check", "--read-data")
    return keys == 1


@pytest.mark.parametrize("there", ["nothing", "an empty folder", "the rest of a killed one"])
def test_four_at_once_make_one_in_a_folder(tmp_path: Path, there: str) -> None:
    vault = Vault(tmp_path, there=False)
    if there != "nothing":
        vault.repository.mkdir()
    if there == "the rest of a killed one":
        (vault.repository / "keys").mkdir()
        (vault.repository / "keys/garbage").write_text("x")
    places = [Restic(vault.target, vault.facts) for _ in range(4)]
    assert make_at_once(places) == []
    assert is_good(vault.restic)
    assert not list(tmp_path.glob(".repository*")), "nothing is left beside"


def test_the_folder_is_never_replaced(tmp_path: Path) -> None:
    """Another container may have mounted it: the kernel would take that mount away."""
    vault = Vault(tmp_path, there=False)
    vault.repository.mkdir()
    before = vault.repository.stat().st_ino
    new_repository.make_repository(vault.restic)
    assert vault.repository.stat().st_ino == before
    assert is_good(vault.restic)


def test_a_folder_that_cannot_be_made_is_told_with_its_cause(tmp_path: Path) -> None:
    vault = Vault(tmp_path, there=False)
    blocked = tmp_path / "link"
    blocked.symlink_to(tmp_path / "gone")
    inside = replace(vault.target, repository=str(blocked), folder=blocked)
    made = BackupMaker("workspace", Contents((vault.workspace,))).make(Restic(inside, vault.facts))
    assert str(made.problem) == (
        f"cannot make a repository on {inside.name}: {blocked}: File exists"
    )


def test_without_locks_and_links_there_is_one_as_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a share, or NFS without a lock service."""

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOTSUP, "Operation not supported")

    vault = Vault(tmp_path, there=False)
    monkeypatch.setattr("fcntl.flock", refuse)
    monkeypatch.setattr(Path, "hardlink_to", refuse)
    assert make_at_once([Restic(vault.target, vault.facts) for _ in range(3)]) == []
    monkeypatch.undo()
    assert is_good(vault.restic)


def test_what_holds_backups_without_a_config_is_left_alone(tmp_path: Path) -> None:
    vault = Vault(tmp_path)
    vault.put("a", 1000)
    vault.back_up()
    (vault.repository / "config").rename(tmp_path / "config")
    with pytest.raises(ResticError, match="holds backups, but the file config is gone"):
        new_repository.make_repository(vault.restic)
    (tmp_path / "config").rename(vault.repository / "config")
    vault.judge()


def test_two_at_once_make_one_on_a_server(server: Server, tmp_path: Path) -> None:
    places = [connect(server, tmp_path / name) for name in ("one", "two")]
    assert make_at_once(places) == []
    assert is_good(places[0])
    assert comparison.look(places[1], "w") is not None


def mix(vault: Vault) -> None:
    """Leave what two that were made at once left: a key that does not belong to the config."""
    place_repository(vault.root / "other", vault.root / "password", number=1)
    for key in (vault.root / "other/keys").iterdir():
        shutil.copy(key, vault.repository / "keys")
    shutil.copy(vault.root / "other/config", vault.root / "config-of-other")


@pytest.mark.parametrize("round_", range(3))
def test_one_that_was_made_twice_is_set_right(tmp_path: Path, round_: int) -> None:
    """Whichever of the keys restic happens to take first."""
    vault = Vault(tmp_path)
    mix(vault)
    vault.put("a", 1000)
    snapshot = vault.back_up()
    assert vault.ids() == {snapshot.id}
    assert new_repository.drop_wrong_keys(vault.restic) is None
    assert is_good(vault.restic)


def test_one_that_opens_by_chance_is_set_right(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """restic may take the right key when it opens it, and the wrong one when it lists the keys."""
    vault = Vault(tmp_path)
    damaged = Finished(Code.FAILED, words=f"Fatal: config or key {'ab' * 32} is damaged")
    answers: list[Exception] = [ResticError(Problem("damaged"), damaged)]

    def list_them(restic: Restic) -> list[Key]:
        if answers and restic is vault.restic:
            raise answers.pop()
        return list_keys(restic)

    monkeypatch.setattr(new_repository, "SETTLE", 0.0)
    monkeypatch.setattr(new_repository, "list_keys", list_them)
    new_repository._make_remote(vault.restic)
    assert not answers
    assert is_good(vault.restic)


def test_one_that_holds_backups_of_both_is_left_as_it_is(tmp_path: Path) -> None:
    vault = Vault(tmp_path)
    vault.put("a", 1000)
    vault.back_up()
    (vault.repository / "config").chmod(0o600)
    place_repository(tmp_path / "other", tmp_path / "password", number=1)
    for key in (tmp_path / "other/keys").iterdir():
        shutil.copy(key, vault.repository / "keys")
    shutil.copy(tmp_path / "other/config", vault.repository / "config")
    keys = set(vault.files("keys"))
    problem = new_repository.drop_wrong_keys(vault.restic)
    assert problem
    assert "holds backups of both" in problem.message
    assert set(vault.files("keys")) == keys


def test_a_config_that_no_key_opens_is_told(tmp_path: Path) -> None:
    vault = Vault(tmp_path)
    place_repository(tmp_path / "other", tmp_path / "password", number=1)
    (vault.repository / "config").chmod(0o600)
    shutil.copy(tmp_path / "other/config", vault.repository / "config")
    vault.put("a", 1000)
    problem = vault.make().problem
    assert problem
    assert "none of its keys belongs to its config" in problem.message
    assert str(vault.repository) in problem.message
    shutil.rmtree(vault.repository)  # as the hint says
    assert vault.back_up()


def test_a_good_key_that_begins_like_a_wrong_one_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vault = Vault(tmp_path, there=False)
    wrong, good = "ab" + "1" * 62, "ac" + "2" * 62

    def run(self: Restic, *_: str, **__: object) -> Finished:
        hint = self._extra[-1]
        if [key for key in (wrong, good) if key.startswith(hint)] == [good]:
            return Finished(Code.OK)
        return Finished(Code.FAILED, words=f"Fatal: config or key {wrong} is damaged")

    monkeypatch.setattr(Restic, "run", run)
    assert new_repository._find_good(vault.restic) == "ac"
