"""JSON and TOML of somebody else: a value or a ValueError, and nothing that breaks its reader."""

import json
from dataclasses import fields
from pathlib import Path

import pytest

from agent.backup import record, undo
from agent.github import hosts
from agent.github.token import Failure, read_answer
from agent.machine.errors import AgentError, Problem
from agent.machine.formats.parsing import DEEPEST, parse_json, parse_toml
from agent.services.user import read_service
from tests.worlds.machine import make_facts

DEEP = 100_000


@pytest.mark.parametrize("text", ['{"a": [1, 2.5, "x", null, true]}', "[]", '"x"', f"{2**63}"])
def test_json_is_read(text: str) -> None:
    assert parse_json(text) == parse_json(text.encode()) == json.loads(text)


def test_toml_is_read() -> None:
    table = {"a": {"b": [1, 2.5, "x"]}}
    assert parse_toml(b'a.b = [1, 2.5, "x"]') == table
    assert parse_toml(b'\xef\xbb\xbfa.b = [1, 2.5, "x"]\r\n') == table, "Windows' editors"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[" * DEEP,
        '{"a":' * DEEP,
        "[" * (DEEPEST + 1) + "]" * (DEEPEST + 1),
        "9" * 5000,
        f"{2**64}",
        "NaN",
        "[-Infinity]",
        '{"a": 1e999}',
    ],
    ids=lambda text: text[:20] or "empty",
)
def test_json_that_breaks_its_reader_is_a_fault_of_it(text: str) -> None:
    with pytest.raises(ValueError):
        parse_json(text)


BOMBS = {
    "digits": "= " + "9" * 5000,
    "hexadecimal": "= 0x" + "f" * DEEP,
    "lists": "= " + "[" * DEEP,
    "tables": "= " + "{a=" * DEEP,
    "dots": ".a" * 3000 + " = 1",  # deeper than Python follows; tomllib takes n² for n
    "infinite": "= 1e999",
    "bytes": "= '\udcff'",
}


@pytest.mark.parametrize("name", BOMBS)
def test_toml_that_breaks_its_reader_is_one_line(name: str, tmp_path: Path) -> None:
    for key, read in (
        ("app_id", hosts.read_file),
        ("app_permissions", hosts.read_file),
        ("environment", read_service),
    ):
        path = tmp_path / "host.example.toml" if read is hosts.read_file else tmp_path / "a.toml"
        path.write_bytes(f"{key}{BOMBS[name]}\n".encode(errors="surrogateescape"))
        found = read(path)
        assert isinstance(found, Problem)
        assert "it is not TOML" in found.message
        assert len(found.message) < 500


def test_an_answer_that_is_nested_too_deeply_is_no_token() -> None:
    found = read_answer('{"token": ' + "[" * DEEP, "github.com", "the URL")
    assert isinstance(found, Failure)


def test_records_that_are_nested_too_deeply_are_damaged(tmp_path: Path) -> None:
    facts = make_facts(tmp_path)
    for path in (record.FILE.path(facts), undo.FILE.path(facts)):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("[" * DEEP)
    assert record.FILE.read(facts) == {}
    with pytest.raises(AgentError, match="it is damaged"):
        undo.FILE.read(facts)


def test_a_record_of_other_kinds_counts_for_nothing(tmp_path: Path) -> None:
    facts = make_facts(tmp_path)
    path = record.FILE.path(facts)
    path.parent.mkdir(parents=True, exist_ok=True)
    wrong: dict[str, object] = {item.name: {} for item in fields(record.Record)}
    for row in (wrong, {**wrong, "tried": 5, "usual_files": "x", "missing": [1]}):
        path.write_text(json.dumps({"local": {**row, "snapshot": "abc", "seconds": 3}}))
        assert record.read(facts, "local") == record.Record(snapshot="abc", seconds=3.0)


def test_a_time_without_a_zone_is_one_of_utc() -> None:
    assert record.parse_time("2026-11-24T18:00:00") == record.parse_time("2026-11-24T18:00:00Z")
    assert record.parse_time("2026-11-24") == record.parse_time("2026-11-24T00:00:00Z")
