"""No verb ends with an internal error where nothing can be written: one line says what to free."""

import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from agent.__main__ import VERBS
from agent.commands import backup
from agent.commands.backup import key
from agent.machine.light import runtime
from agent.machine.light.exits import Exit
from agent.units.setup import Setup
from tests.contract.box import open_box
from tests.contract.homes import Workspace
from tests.worlds.copies import run_verb
from tests.worlds.full_disk import refuse_below, refuse_writing

PLACES = ("home", "run", "tmp", "write")

ENDLESS = ("run", "init", "login", "broker")
"""They are init, wait for a person in a browser, or serve a socket of init's."""
WAITING = ((["setup"], "run"), (["setup"], "write"))
"""It waits for room then."""
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


def find_calls() -> list[tuple[list[str], str]]:
    """Return the words of every verb, by the tables in which they are, with each full place."""
    names = [name for name in VERBS if name not in (*ENDLESS, "backup")]
    names += [f"backup {name}" for name in backup.COMMANDS if name != "key"]
    names += [f"backup key {name}" for name in key.COMMANDS]
    calls = [words for name in names for words in WORDS.get(name, [name.split()])]
    found = [(words, place) for words in calls for place in PLACES]
    return [each for each in found if each not in WAITING]


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    folder = tmp_path_factory.mktemp("full")
    with open_box(folder) as made:
        (folder / "tmp").mkdir()
        shutil.make_archive(str(folder / "archive"), "tar", folder / "workspace")
        yield made


@pytest.mark.parametrize(
    ("words", "place"),
    find_calls(),
    ids=lambda part: part if isinstance(part, str) else " ".join(part),
)
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


@pytest.mark.parametrize(
    ("variable", "ending", "before"),
    [("DEV8_ON_START", "true", ""), ("DEV8_ON_CREATE", "false", "\n")],
    ids=["what cannot be noted does not run", "what has run does not run again"],
)
def test_the_setup_goes_on_until_the_runtime_folder_has_room(
    tmp_path: Path, variable: str, ending: str, before: str
) -> None:
    """Nobody would know what became of its units, and no token or room would start it again."""
    ran, room = tmp_path / "ran", tmp_path / "room"
    ran.touch()
    box = Workspace(tmp_path, {
        "DEV8_SSH": "false", "DEV8_CODE_SERVER": "false",
        variable: f"sh -c 'echo >>{ran}; {ending}'",
    }).prepare()  # fmt: skip
    box.configure()
    jobs = box.runtime / runtime.JOBS

    def fill_until_it_waits() -> None:
        refuse_writing(str(box.runtime), room)
        wait = Setup.wait_for_room

        def wait_for_room(setup: Setup) -> None:
            room.touch()
            wait(setup)

        Setup.wait_for_room = wait_for_room  # type: ignore[assignment,method-assign]

    done = run_verb(["--log", "setup"], box.environ, prepare=fill_until_it_waits)
    assert done.returncode == 0, done.stderr
    assert f"cannot write the state of these units to {box.runtime}: attach, hooks" in done.stderr
    assert ((jobs / "setup.next").read_text(), (jobs / "setup.done").exists()) == ("0.0\n", False)
    assert ran.read_text() == before
    done = run_verb(["--log", "setup"], box.environ)
    assert done.returncode == 0, done.stderr
    assert (jobs / "setup.done").exists() == (ending == "true"), (
        "others wait for a hook that failed"
    )
    assert ran.read_text() == "\n"
