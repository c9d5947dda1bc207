"""Entries of the agent in files that belong to a tool and its user.

A file cannot say whose an entry is: when Copilot and Codex write theirs, they drop what they do
not know, comments too. So the digest of what the agent has written is kept in the state folder. An
entry that differs from it is the user's by then, and stays.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Generic, TypeVar

from agent.machine.errors import Problem
from agent.machine.formats import jsonc
from agent.machine.formats.parsing import parse_toml
from agent.machine.planning.ledger import digest
from agent.machine.planning.resources import Edit, File, Resource
from agent.machine.records.documents import STATE, Document
from agent.machine.system import Facts
from agent.machine.values import frozen
from agent.tools import toml_edit
from agent.tools.json_edit import read_json

T = TypeVar("T")
Keys = tuple[str, ...]
Entries = Mapping[Keys, Any]
"""Place of an entry in the document -> its value."""
Owned = dict[str, dict[str, str]]
"""File -> keys, as JSON -> digest of the value that the agent has written."""


def make_record(name: str, doc: str) -> Document[Owned]:
    """Return the document that remembers the entries of one kind."""
    return Document[Owned](
        STATE, name, doc,
        lambda files: {
            str(file): {json.dumps(_load(keys)): str(value) for keys, value in rows.items()}
            for file, rows in files.items()
        },
        dict,
    )  # fmt: skip


@frozen
class Format:
    """How a tool's file is read and changed."""

    name: str
    read: Callable[[str], Any]
    """Raises ValueError."""
    add: Callable[[str, Keys, Any], str]
    drop: Callable[[str, Keys], str]
    """Raises ValueError."""


def _read_toml(text: str) -> Any:
    return parse_toml(text.encode())


def _add_json(text: str, keys: Keys, value: Any) -> str:
    nested = value
    for name in reversed(keys):
        nested = {name: nested}
    if text.strip():
        return jsonc.add_missing(text, nested)
    return json.dumps(nested, indent=2, ensure_ascii=False) + "\n"


JSON = Format("a JSON object", read_json, _add_json, jsonc.drop_member)
JSON_WITH_COMMENTS = Format("a JSON object", jsonc.parse, _add_json, jsonc.drop_member)
TOML = Format("TOML", _read_toml, toml_edit.add_table, toml_edit.drop_table)


def guess_format(path: Path) -> Format:
    """Return the format of a file that a tool has used before."""
    return TOML if path.suffix == ".toml" else JSON_WITH_COMMENTS


@frozen
class Config(Generic[T]):
    """Where a tool keeps one kind of entries, and how it writes one."""

    find: Callable[[Facts], Path | Problem]
    format: Format
    make: Callable[[T], Entries]


def plan_configs(
    configs: Iterable[Config[T]], value: T | None, record: Document[Owned], facts: Facts
) -> Iterator[Resource | Problem]:
    """Yield what writes a value into the files of all tools, or for None takes it back."""
    wanted = {}
    for config in configs if value is not None else ():
        path = config.find(facts)
        if isinstance(path, Problem):
            yield path
        elif value is not None:
            wanted[path] = config.format, config.make(value)
    yield from plan_entries(wanted, record, facts)


def plan_entries(
    wanted: Mapping[Path, tuple[Format, Entries]], record: Document[Owned], facts: Facts
) -> Iterator[Resource | Problem]:
    """Yield the edits that leave these entries of ours in the files, and no others of ours."""
    before = record.read(facts)
    after: Owned = {}
    for name in sorted({*before, *map(str, wanted)}):
        path = Path(name)
        known = {_load(keys): value for keys, value in before.get(name, {}).items()}
        form, entries = wanted.get(path) or (guess_format(path), {})
        try:
            present = facts.read(path)
        except OSError:
            present = b""
        owned = {
            json.dumps(keys): _hash(value)
            for keys, value in entries.items()
            if _is_ours(_find(_read(form, present), keys), known.get(keys))
        }
        if owned:
            after[name] = owned
        yield Edit(path, partial(_change, path, form, entries, known))
    if after:
        yield File(record.path(facts), record.encode(after), 0o600, adopt=True)


def _change(
    path: Path, form: Format, wanted: Entries, known: Mapping[Keys, str], present: bytes | None
) -> bytes | Problem | None:
    text = (present or b"").decode(errors="replace")
    document = _read(form, present)
    if document is None:
        problem = Problem(f"left {path} alone: it is not {form.name}", f"fix or remove {path}")
        return problem if wanted else present
    changed = text
    try:
        for keys, value in known.items():
            found = _find(document, keys)
            if found is not None and _hash(found) == value and wanted.get(keys) != found:
                changed = _drop(form, changed, keys)
        for keys, value in wanted.items():
            found = _find(form.read(changed) if changed.strip() else {}, keys)
            if found is False:  # what a tool writes before it has asked
                changed = form.drop(changed, keys)
            if found is None or found is False:
                changed = form.add(changed, keys, value)
                if _find(form.read(changed), keys) != value:
                    raise ValueError
    except ValueError:
        return Problem(f"left {path} alone: cannot change it without rewriting it",
                       f"write {', '.join('.'.join(keys) for keys in wanted)} by hand")  # fmt: skip
    if changed == text:
        return present
    return changed.encode() if "".join(changed.split()) not in ("", "{}") else None


def _drop(form: Format, text: str, keys: Keys) -> str:
    """Return the text without an entry, and without what is empty then. Raises ValueError."""
    text = form.drop(text, keys)
    for end in range(len(keys) - 1, 0, -1):
        if _find(form.read(text), keys[:end]) != {}:
            break
        text = form.drop(text, keys[:end])
    return text


def _read(form: Format, present: bytes | None) -> dict[str, Any] | None:
    """Return what a file holds; None if its tool could not read it either."""
    try:
        text = (present or b"").decode()
        document = form.read(text) if text.strip() else {}
    except ValueError:
        return None
    return document if isinstance(document, dict) else None


def _find(document: Any, keys: Keys) -> Any:
    for name in keys:
        document = document.get(name) if isinstance(document, dict) else None
    return document


def _is_ours(present: Any, known: str | None) -> bool:
    return present is None or present is False or (known is not None and _hash(present) == known)


def _hash(value: Any) -> str:
    return digest(json.dumps(value, sort_keys=True).encode())


def _load(keys: str) -> Keys:
    return tuple(map(str, json.loads(keys)))
