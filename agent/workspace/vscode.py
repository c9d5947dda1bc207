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

from agent.machine import jsonc
from agent.machine.errors import Problem
from agent.machine.files import SETTINGS
from agent.machine.places import find_xdg
from agent.machine.resources import Edit, File, Resource
from agent.machine.system import Facts
from agent.services.extension_list import change_registry, make_entry
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


STEP = Step("vscode", resources)
