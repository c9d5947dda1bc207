"""No verb ends with an internal error where nothing can be written: one line says what to free."""

import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from agent.__main__ import VERBS
from agent.commands import backup
from agent.commands.backup import key
from agent.machine import runtime
from agent.machine.exits import Exit
from tests.contract.box import open_box
from tests.contract.homes import Workspace
from tests.worlds.copies import run_verb
from tests.worlds.full_disk import refuse_below, refuse_writing

PLACES = ("home", "run", "tmp", "write")

ENDLESS = ("run", "init", "login", "broker")
"""They are init, wait for a person in a browser, or serve a socket of init's."""
WORDS = {
    "exec": [["exec", "true"]],
    "configure": [["configure"], ["configure", "--boot"]],
    "done": [["done", "mine"]],
    "explain": [["explain", "sshd"]],
    "log": [["log", "clone"]],
    "wait": [["wait", "--timeout", "1s"]],
    "tools": [["tools", "--json"]],
    "support-bundle": [["support-bundle", "--out", "{folder}/workspace/it.tar.gz"]],
    "backup create": [["backup", "create", "--force"], ["backup", "create", "--final", "8"]],
    "backup restore": [
        ["backup", "restore"],
        ["backup", "restore", "--to", "{folder}/workspace/there"],
        ["backup", "restore", "--dry-run"],
        ["backup", "restore", "{folder}/archive.tar"],
    ],
    "backup restic": [["backup", "restic", "--", "snapshots"]],
    "backup key remove": [["backup", "key", "remove", "abc"]],
}
"""What a verb needs behind it; all others are called alone."""


def find_calls() -> list[list[str]]:
    """Return the words of every verb, by the tables in which they are."""
    names = [name for name in VERBS if name not in (*ENDLESS, "backup")]
    names += [f"backup {name}" for name in backup.COMMANDS if name != "key"]
    names += [f"backup key {name}" for name in key.COMMANDS]
    return [words for name in names for words in WORDS.get(name, [name.split()])]


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    folder = tmp_path_factory.mktemp("full")
    with open_box(folder) as made:
        (folder / "tmp").mkdir()
        shutil.make_archive(str(folder / "archive"), "tar", folder / "workspace")
        yield made


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("words", find_calls(), ids=" ".join)
def test_a_full_disk_is_one_line_with_its_cause(
    box: Workspace, words: list[str], place: str
) -> None:
    folder = box.folder
    # Something to back up, and to restore over.
    (folder / "workspace/a").write_text(" ".join([place, *words]))
    refuse = refuse_writing if place == "write" else partial(refuse_below, str(folder / place))
    argv = [word.format(folder=folder) for word in words]
    environ = {**box.environ, "TMPDIR": str(folder / "tmp")}
    done = run_verb(argv, environ, prepare=refuse, timeout=120)
    said = done.stdout + done.stderr
    assert done.returncode != Exit.INTERNAL, said
    for words_of_a_fault in ("internal error", "Traceback", "None", "[Errno"):
        assert words_of_a_fault not in done.stderr, said
    if done.returncode:
        assert said.strip(), "it failed in silence"


def test_the_setup_is_repeated_until_the_runtime_folder_has_room(tmp_path: Path) -> None:
    """Nobody would know what became of its units, and no token or room would start it again."""
    ran = tmp_path / "ran"
    box = Workspace(tmp_path, {
        "DEV8_SSH": "false", "DEV8_CODE_SERVER": "false", "DEV8_ON_START": f"sh -c 'echo >>{ran}'",
    }).prepare()  # fmt: skip
    box.configure()
    is_settled = box.runtime / runtime.JOBS / "setup.done"
    full = partial(refuse_writing, str(box.runtime))
    for _ in range(2):
        done = run_verb(["--log", "setup"], box.environ, prepare=full)
        assert done.returncode == Exit.FAILED
        assert f"cannot write to {box.runtime} how these stand: attach, hooks" in done.stderr
        assert not is_settled.exists()
    assert not ran.exists(), "it could not be noted that it ran"
    done = run_verb(["--log", "setup"], box.environ)
    assert done.returncode == 0, done.stderr
    assert is_settled.exists()
    assert ran.read_text() == "\n"
