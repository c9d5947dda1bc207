"""docs/json.md says what each command prints with --json."""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from agent.__main__ import VERBS
from agent.backup import status as backup
from agent.backup.create.snapshot import BackupResult
from agent.backup.repository_keys import Key
from agent.backup.restic.client import Snapshot
from agent.commands.backup import create, outcome
from agent.commands.backup import list as listing
from agent.commands.backup.key import shown
from agent.commands.dispatch import Verb, find, load, make_parser
from agent.github import status as github
from agent.github.record import Record
from agent.machine.records import unit_record
from agent.observe import status
from agent.services import status as services
from agent.settings import reference
from agent.tools.rows import Row as ToolRow
from agent.workspace.configure import Outcome, make_document

DOCUMENT = Path(__file__).parents[2] / "docs/json.md"
COMMANDS, ROWS = DOCUMENT.read_text().split("\nRows of `status`:\n")
ROW = re.compile(r"^\| (`[^|]+`)(?:, by name)? \| (.+) \|$", re.MULTILINE)


def read_rows(text: str = COMMANDS) -> dict[str, str]:
    """Return command -> what the page says of its document."""
    rows = {}
    for names, words in ROW.findall(text):
        rows.update(dict.fromkeys(re.findall(r"`([^`]+)`", names), words))
    return rows


def find_verbs(table: Mapping[str, str], *path: str) -> Iterator[Verb]:
    """Yield each verb of a table and of its groups, but those of PID 1."""
    for name in table:
        if name in ("run", "init"):
            continue
        words = (*path, name)
        module = load(".".join(("agent.commands", *path)), name)
        commands = getattr(module, "COMMANDS", None)
        if commands:
            yield from find_verbs(commands, *words)
        else:
            yield find(words, VERBS)


def test_every_document_is_described() -> None:
    options = {verb: make_parser(verb).format_help() for verb in find_verbs(VERBS)}
    with_json = {" ".join(verb.path) for verb, text in options.items() if "--json" in text}
    assert read_rows().keys() == with_json


SNAPSHOT = Snapshot("a" * 64, datetime(2026, 1, 1, tzinfo=UTC), "h", ("/w",), (), 1, 2, 3)


CHANGED = make_document(Outcome((("ssh", "write a file"),), ()))


@pytest.mark.parametrize(
    ("command", "keys"),
    [
        ("backup create", create.describe(BackupResult("local")).keys() | {"notices"}),
        ("backup list", listing.describe(listing.Row("local", SNAPSHOT)).keys() | {"excludes"}),
        ("backup restore", outcome.describe_refusal(()).keys()),
        ("configure", CHANGED.keys() | CHANGED["changes"][0].keys()),
        ("settings", reference.document(()).keys()),
        ("tools", vars(ToolRow("x", "installed")).keys()),
    ],
)
def test_the_page_names_the_fields(command: str, keys: set[str]) -> None:
    text = read_rows()[command].replace("`--content`", "")
    assert set(re.findall(r"`(\w+)`", text)) == keys


@pytest.mark.parametrize(
    ("name", "row"),
    [
        ("services", services.Row),
        ("tokens", github.Row),
        ("units", unit_record.Record),
        ("backups", backup.Row),
        ("jobs", status.Job),
        ("problems", status.Trouble),
    ],
)
def test_the_page_names_the_fields_of_a_row_of_the_status(name: str, row: type) -> None:
    text = re.sub(r"\([^)]*\)", "", read_rows(ROWS)[name])
    assert set(re.findall(r"`(\w+)`", text)) == set(row.__annotations__)


def test_the_fields_of_a_token_that_are_named_are_there() -> None:
    named = set(re.findall(r"`(\w+)`", read_rows()["refresh"]))
    assert named <= vars(Record("github.com")).keys()


def test_the_fields_of_a_key_are_named() -> None:
    class Target:
        name = "local"

    key = Key("a", "b", "c", "d", current=True)
    named = set(re.findall(r"`(\w+)`", read_rows()["backup key list"]))
    assert shown.describe(Target(), key).keys() == named  # type: ignore[arg-type]
