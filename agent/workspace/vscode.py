"""VS Code: defaults for the browser IDE and for VS Code over SSH, below all settings of the user.

The defaults are an extension that has no code, only `contributes.configurationDefaults`
(https://code.visualstudio.com/api/references/contribution-points), so no settings file is ever
written. The image links it among code-server's built-in extensions; this step installs it for the
server that VS Code starts over SSH. Settings files are only looked at, to say when one is broken.
"""

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from agent.machine import jsonc
from agent.machine.errors import Problem
from agent.machine.files import SETTINGS
from agent.machine.places import find_xdg
from agent.machine.resources import Edit, File, Resource
from agent.machine.system import Facts
from agent.settings.context import Context
from agent.settings.step import Step

EXTENSION = Path(__file__).parent / "editor-defaults"
"""The folder of the extension; also the target of the link in the image."""

SETTINGS_FILES = (
    ".local/share/code-server/User/settings.json",
    ".local/share/code-server/Machine/settings.json",
    ".vscode-server/data/Machine/settings.json",
)
"""The user's settings files, below the home folder. XDG_DATA_HOME moves those of code-server."""

_REMOTE_EXTENSIONS = ".vscode-server/extensions"


def resources(context: Context) -> Iterator[Resource | Problem]:
    """Yield the extension's file and its entry in the list that VS Code keeps of extensions."""
    settings, facts = context.settings, context.facts
    data = find_xdg(facts, "XDG_DATA_HOME", ".local/share")
    for name in SETTINGS_FILES:
        inner = name.removeprefix(".local/share/")
        path = facts.home / name if inner == name else data / inner
        if problem := check_settings_file(facts, path):
            yield problem
    manifest = (EXTENSION / "package.json").read_bytes()
    described = json.loads(manifest)
    identifier = f"{described['publisher']}.{described['name']}"
    extensions = facts.home / _REMOTE_EXTENSIONS
    folder = extensions / f"{identifier}-{described['version']}"
    registry = extensions / "extensions.json"
    entry = make_entry(identifier, described["version"], folder) if settings.ssh.enabled else None
    if entry:
        yield File(folder / "package.json", manifest)
    yield Edit(registry, partial(change_registry, registry, identifier, entry), mode=0o644)


def check_settings_file(facts: Facts, path: Path) -> Problem | None:
    """Return a problem when the file is there and VS Code cannot read it as a whole."""
    try:
        content = facts.read(path, SETTINGS)
        if content is not None and content.strip():
            jsonc.parse_lenient(content.decode("utf-8-sig"))
    except ValueError as error:
        return Problem(f"left {path} alone: it is not JSON: {error}", f"fix or remove {path}")
    except OSError as error:
        return Problem(f"cannot read {path}: {error.strerror}")
    return None


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


def _encode(listed: list[Any]) -> bytes:
    return json.dumps(listed, separators=(",", ":"), ensure_ascii=False).encode()


STEP = Step("vscode", resources)
