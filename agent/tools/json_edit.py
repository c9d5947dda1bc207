"""Edits of the JSON files in which the tools keep what their users set."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from agent.machine.errors import Problem
from agent.machine.formats import jsonc
from agent.machine.formats.parsing import parse_json
from agent.machine.planning.resources import Edit

Document = dict[str, Any]
Reader = Callable[[str], Any]
"""Raises ValueError for what the tool could not read."""


def read_json(text: str) -> Any:
    """Return what a text holds for Claude Code: no comments, but a byte order mark does no harm.

    Raises ValueError.
    """
    return parse_json(text.removeprefix("\ufeff"))


def edit_json(
    path: Path, wanted: bool, change: Callable[[Document], Document], read: Reader = read_json
) -> Edit:
    """Return an edit of a JSON object in a user's file; an empty object means no file.

    `read` reads as the tool does. A file that the tool cannot read is a problem only if something
    is wanted in it: otherwise it is not ours.
    """

    def edit(present: bytes | None) -> bytes | Problem | None:
        try:
            text = (present or b"").decode()
            document = read(text) if text.strip() else {}
        except ValueError:
            document = None
        if not isinstance(document, dict):
            problem = Problem(f"left {path} alone: it is not a JSON object",
                              f"fix or remove {path}")  # fmt: skip
            return problem if wanted else present
        changed = change(document)
        if changed == document:
            return present
        if not changed:
            return None if jsonc.blank_comments(text) == text else present
        return _encode(text, changed, read)

    return Edit(path, edit)


def _encode(text: str, document: Document, read: Reader) -> bytes:
    """Return the document; the text that is there stays as it stands if that only lacks something.

    Of a text with comments nothing is ever taken away.
    """
    if text.strip():
        longer = jsonc.add_missing(text, document)
        if read(longer) == document:
            return longer.encode()
    return json.dumps(document, indent=2, ensure_ascii=False).encode() + b"\n"


def set_default(wanted: bool, path: tuple[str, ...], value: object, document: Document) -> Document:
    """Return the document with this value where the user has none.

    If it is not wanted, a document that holds nothing else is emptied; any other stays as it is,
    since the user has worked with it.
    """
    alone: Any = value
    for name in reversed(path):
        alone = {name: alone}
    if not wanted:
        return {} if document == alone else document
    return _merge_missing(document, alone)


def _merge_missing(document: Document, defaults: Mapping[str, Any]) -> Document:
    merged = dict(document)
    for name, value in defaults.items():
        if isinstance(value, dict) and isinstance(merged.get(name, {}), dict):
            merged[name] = _merge_missing(merged.get(name, {}), value)
        else:
            merged.setdefault(name, value)
    return merged
