"""The extensions that are asked for: how they are written, and who wins."""

import json
import zipfile
from pathlib import Path

import pytest

from agent.machine.errors import AgentError
from agent.settings.everything import Settings
from agent.settings.extensions import Entry, read_entries
from agent.units.extensions.installed import Folder
from agent.units.extensions.wanted import (
    UnusableError,
    Wanted,
    find_given,
    find_recommended,
    join,
    read_vsix,
)
from tests.worlds.machine import make_facts
from tests.worlds.vsix import make_vsix


def test_each_form_is_read() -> None:
    value = "Octo.Demo  octo.demo@1.2.3 /x/a.vsix https://host/b.vsix -octo.other octo.demo"
    assert list(map(str, read_entries(value))) == [
        "octo.demo", "octo.demo@1.2.3", "/x/a.vsix", "https://host/b.vsix", "-octo.other",
    ]  # fmt: skip
    assert read_entries("\n a.b \n/x/with blank.vsix\n") == (
        Entry("a.b"), Entry(file=Path("/x/with blank.vsix")),
    )  # fmt: skip


@pytest.mark.parametrize(
    "word",
    ["demo", "octo.", ".demo", "a.b.c", "a.b@", "a.b@latest", "-a.b@1.0.0", "--force",
     "relative.vsix/", "/x/a.zip", "ftp://host/a.vsix", "https://user:pass@host/a.vsix",
     "https://", "a.b;rm", "a.b@1\x1b"],
)  # fmt: skip
def test_what_is_none_is_named(word: str) -> None:
    with pytest.raises(AgentError) as error:
        Settings.from_environ({"DEV8_EXTENSIONS": f"a.b {word}"})
    assert error.value.exit_code == 2
    (problem,) = error.value.problems
    assert problem.message.startswith("DEV8_EXTENSIONS=")
    assert "pass" not in problem.message.replace("password", "")


@pytest.mark.parametrize(
    "value",
    ["{", "[]", "{}", '{"serviceUrl": "x"}', '{"serviceUrl": "https://h", "accessToken": "x"}',
     '{"serviceUrl": "https://user:hunter2@h/gallery"}', '{"serviceUrl": "https://hunter2@h"}',
     '{"serviceUrl": "https://h", "itemUrl": "https://user:hunter2@h/"}'],
)  # fmt: skip
def test_a_gallery_is_an_address_without_a_secret(value: str) -> None:
    with pytest.raises(AgentError) as error:
        Settings.from_environ({"DEV8_EXTENSIONS_GALLERY": value})
    assert "hunter2" not in str(error.value)


def test_the_owner_counts_before_the_repository_and_no_before_all(tmp_path: Path) -> None:
    (tmp_path / "b.vsix").write_bytes(b"")
    (tmp_path / "a.vsix").write_bytes(b"")
    (tmp_path / "note.txt").write_bytes(b"")
    given = find_given(read_entries("octo.one@1.0.0 -octo.two"), tmp_path)
    assert [each.name for each in given] == ["octo.one", "octo.two", "a.vsix", "b.vsix"]
    others = [Wanted(Entry(name), "file") for name in ("octo.one", "octo.two", "octo.three")]
    found = join(given, others)
    assert [str(each.entry) for each in found] == [
        "octo.one@1.0.0", str(tmp_path / "a.vsix"), str(tmp_path / "b.vsix"), "octo.three",
    ]  # fmt: skip
    assert find_given(None, tmp_path / "missing") == []


def test_recommendations_are_read_as_vs_code_does(tmp_path: Path) -> None:
    assert find_recommended(tmp_path) == []
    path = tmp_path / ".vscode/extensions.json"
    path.parent.mkdir()
    path.write_text('\ufeff{ // theirs\n "recommendations": ["Octo.One", "-octo.two",], }')
    assert [str(each.entry) for each in find_recommended(tmp_path)] == ["octo.one", "-octo.two"]


@pytest.mark.parametrize(
    "content", ["{", "[]", '{"recommendations": 3}', '{"recommendations": ["/etc/x.vsix"]}',
                '{"recommendations": ["https://host/x.vsix"]}', '{"recommendations": ["--force"]}'],
)  # fmt: skip
def test_a_repository_names_nothing_but_a_gallerys(tmp_path: Path, content: str) -> None:
    path = tmp_path / ".vscode/extensions.json"
    path.parent.mkdir()
    path.write_text(content)
    with pytest.raises(UnusableError):
        find_recommended(tmp_path)


def test_a_file_says_what_it_holds(tmp_path: Path) -> None:
    good, bad, empty = tmp_path / "a.vsix", tmp_path / "b.vsix", tmp_path / "c.vsix"
    good.write_bytes(make_vsix("Octo.Demo", "3.1.4"))
    assert read_vsix(good) == Entry("octo.demo", "3.1.4", file=good)
    bad.write_bytes(b"no archive")
    with zipfile.ZipFile(empty, "w") as archive:
        archive.writestr("extension/package.json", json.dumps({"publisher": "../x", "name": "y"}))
    for path in (bad, empty, tmp_path / "missing.vsix"):
        with pytest.raises(UnusableError, match=str(path)):
            read_vsix(path)


def test_another_editor_gets_the_same_once(tmp_path: Path) -> None:
    facts = make_facts(tmp_path)
    first, second = Folder(facts, tmp_path / "first"), Folder(facts, tmp_path / "second")
    place = first.path / "octo.demo-1.0.0-linux"
    place.mkdir(parents=True)
    (place / "package.json").write_text("{}")
    row = {"identifier": {"id": "Octo.Demo"}, "version": "1.0.0", "relativeLocation": place.name}
    (first.path / "extensions.json").write_text(json.dumps([row]))
    assert first.read() == {"octo.demo": "1.0.0"}
    for _ in range(2):
        assert second.take(first, "octo.demo") is None
        assert second.read() == {"octo.demo": "1.0.0"}
    assert (second.path / place.name / "package.json").read_text() == "{}"
    assert second.take(first, "octo.other") is None


@pytest.mark.parametrize("name", ["../home", "/etc", ".", "", None, 3])
def test_a_list_leads_nowhere_else(tmp_path: Path, name: object) -> None:
    facts = make_facts(tmp_path)
    folder = Folder(facts, tmp_path / "first")
    folder.path.mkdir()
    row = {"identifier": {"id": "a.b"}, "version": "1", "relativeLocation": name}
    (folder.path / "extensions.json").write_text(json.dumps([row]))
    assert folder.find("a.b") is None
