"""VS Code's own list of the extensions in a folder: extensions.json."""

import json
from pathlib import Path
from typing import Any

from agent.machine.errors import Problem


def make_entry(identifier: str, version: str, folder: Path) -> dict[str, Any]:
    """Return the extension's entry in VS Code's list.

    Pinned, so that VS Code never looks in a marketplace for something newer of this name. The
    shape is that of IStoredProfileExtension in VS Code's extensionsProfileScannerService.ts.
    """
    return {
        "identifier": {"id": identifier},
        "version": version,
        "location": {"$mid": 1, "path": str(folder), "scheme": "file"},
        "relativeLocation": folder.name,
        "metadata": {"pinned": True, "source": "resource"},
    }


def change_registry(
    path: Path, identifier: str, entry: dict[str, Any] | None, present: bytes | None
) -> bytes | Problem | None:
    """Return VS Code's list of extensions with our entry, or without it if that is None."""
    try:
        listed = json.loads(present) if present and present.strip() else []
        names = [item["identifier"]["id"] for item in listed]
    except (ValueError, TypeError, KeyError, RecursionError):
        listed, names = None, []
    if not isinstance(listed, list):
        message = f"left {path} alone: it is not VS Code's list of extensions"
        return Problem(message, f"remove {path}; VS Code creates it again")
    ours = [item for item, name in zip(listed, names, strict=True) if name == identifier]
    others = [item for item, name in zip(listed, names, strict=True) if name != identifier]
    if entry is None:
        return (_encode(others) if others else None) if ours else present
    same = len(ours) == 1 and all(
        ours[0].get(key) == entry[key] for key in ("version", "relativeLocation")
    )
    return present if same else _encode([*others, entry])


def read_entries(content: bytes | None) -> dict[str, dict[str, Any]]:
    """Return identifier, in lower case -> its entry; none where the list is damaged."""
    try:
        return {str(row["identifier"]["id"]).lower(): row for row in json.loads(content or b"[]")}
    except (ValueError, TypeError, KeyError, RecursionError):
        return {}


def _encode(listed: list[Any]) -> bytes:
    return json.dumps(listed, separators=(",", ":"), ensure_ascii=False).encode()
