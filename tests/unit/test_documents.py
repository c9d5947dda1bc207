"""Files of state: whatever lies there, a run goes on or names the file."""

import importlib
import pkgutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pytest

import agent
from agent import catalogue
from agent.machine.errors import AgentError
from agent.machine.records import documents
from agent.machine.records.documents import HOST, RUNTIME, STATE, Document, fill
from agent.machine.system import Facts
from tests.worlds.machine import make_facts


@dataclass(frozen=True)
class Note:
    """One field of each kind that the documents have."""

    name: str
    count: int = 0
    seconds: float = 0.0
    done: bool = False
    login: str | None = None
    paths: tuple[str, ...] = ()
    said: Sequence[str] | None = None
    problems: Mapping[str, str] = field(default_factory=dict)


FULL = Note("a", 1, 1.5, True, "octo", ("x", "y"), ("z",), {"p": "q"})
NOTE = Document(STATE, "notes/note.json", "a note", partial(fill, Note), lambda: Note(""))


@pytest.fixture
def facts(tmp_path: Path) -> Facts:
    return make_facts(tmp_path)


def test_what_is_written_is_read_again_and_private(facts: Facts) -> None:
    assert NOTE.read(facts) == Note("")
    NOTE.write(facts, FULL)
    assert NOTE.read(facts) == FULL
    path = facts.state / "notes/note.json"
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff", b"null", b"[" * 9999, b"{}"])
def test_a_damaged_file_counts_as_a_missing_one(facts: Facts, content: bytes) -> None:
    NOTE.write(facts, FULL)
    NOTE.path(facts).write_bytes(content)
    assert NOTE.read(facts) == Note("")
    assert NOTE.decode(content) == Note("")


def test_what_is_of_another_kind_or_version_counts_for_nothing() -> None:
    odd = (b'{"name": "a", "count": true, "seconds": 3, "done": 1, "login": 5, "paths": [1],'
           b' "said": "x y", "problems": {"p": 1}, "later": 1}')  # fmt: skip
    assert NOTE.decode(odd) == Note("a", seconds=3.0, said="x y")


def strict(empty: Callable[[], Note] | None) -> "Document[Note]":
    return Document(RUNTIME, "note.json", "a note", partial(fill, Note), empty, strict=True,
                    hint="write it anew")  # fmt: skip


def test_a_strict_one_names_the_file_and_what_fixes_it(facts: Facts) -> None:
    note = strict(lambda: Note(""))
    assert note.read(facts) == Note("")
    note.path(facts).write_text("{")
    with pytest.raises(AgentError, match=r"note.json: it is damaged \(write it anew\)"):
        note.read(facts)
    note.path(facts).unlink()
    note.path(facts).mkdir()
    with pytest.raises(AgentError, match=r"note.json: Is a directory \(write it anew\)"):
        note.read(facts)


def test_one_that_must_be_there_is_missed(facts: Facts) -> None:
    with pytest.raises(AgentError, match=r"note.json: there is no such file \(write it anew\)"):
        strict(None).read(facts)


def test_there_is_one_for_each_host(facts: Facts) -> None:
    note = Document(RUNTIME, f"notes/{HOST}.json", "a note", partial(fill, Note), lambda: Note(""))
    note.write(facts, FULL, "github.com")
    assert note.path(facts, "github.com") == facts.runtime / "notes/github.com.json"
    assert note.read(facts, "github.com") == FULL
    assert note.read(facts, "ghe.example.com") == Note("")


def test_the_runtime_folder_keeps_what_the_state_folder_does_not_take(facts: Facts) -> None:
    note = Document(STATE, "note.json", "a note", partial(fill, Note), lambda: Note(""), spare=True)
    facts.state.parent.mkdir(parents=True)
    facts.state.write_text("no folder")
    note.write(facts, FULL)
    assert note.read(facts) == FULL


def test_the_reference_lists_every_document() -> None:
    found = set()
    for module in pkgutil.walk_packages(agent.__path__, "agent."):
        if not module.name.endswith("__main__") and ".init" not in module.name:
            values = vars(importlib.import_module(module.name)).values()
            found |= {id(value) for value in values if isinstance(value, documents.Document)}
    assert found == {id(each) for each in catalogue.DOCUMENTS}
    names = [(each.folder, each.name) for each in catalogue.DOCUMENTS]
    assert len(names) == len(set(names))
