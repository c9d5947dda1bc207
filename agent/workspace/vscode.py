"""VS Code: defaults for the editor in the browser and over SSH, below all settings of the user.

The defaults are an extension that has no code, only `contributes.configurationDefaults`
(https://code.visualstudio.com/api/references/contribution-points), so no settings file is ever
written. A second one asks whether a repository is trusted and shows how far the workspace is. The
image links both among code-server's built-in extensions; this step installs them for the server
that VS Code starts over SSH. Settings files are only looked at, to say when one is broken.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path

from agent.machine.errors import Problem
from agent.machine.formats import jsonc
from agent.machine.light.files import SETTINGS
from agent.machine.places import find_xdg
from agent.machine.planning.resources import Edit, File, Resource
from agent.machine.system import Facts
from agent.services.extension_list import change_registry, make_entry
from agent.settings.context import Context
from agent.settings.step import Step

EXTENSION = Path(__file__).parent / "editor-defaults"
COMPANION = Path(__file__).parent / "editor-companion"
"""The folders of the extensions; also the targets of the links in the image."""

SETTINGS_FILES = (
    ".local/share/code-server/User/settings.json",
    ".local/share/code-server/Machine/settings.json",
    ".vscode-server/data/Machine/settings.json",
)
"""The user's settings files, below the home folder. XDG_DATA_HOME moves those of code-server."""

_REMOTE_EXTENSIONS = ".vscode-server/extensions"


def resources(context: Context) -> Iterator[Resource | Problem]:
    """Yield the extensions' files and their entries in the list that VS Code keeps."""
    settings, facts = context.settings, context.facts
    data = find_xdg(facts, "XDG_DATA_HOME", ".local/share")
    for file in SETTINGS_FILES:
        inner = file.removeprefix(".local/share/")
        path = facts.home / file if inner == file else data / inner
        if problem := check_settings_file(facts, path):
            yield problem
    registry = facts.home / _REMOTE_EXTENSIONS / "extensions.json"
    changes = []
    for extension in (EXTENSION, COMPANION):
        names = sorted(entry.name for entry in extension.iterdir())
        files = {name: (extension / name).read_bytes() for name in names}
        described = json.loads(files["package.json"])
        identifier, version = f"{described['publisher']}.{described['name']}", described["version"]
        folder = registry.parent / f"{identifier}-{version}"
        entry = make_entry(identifier, version, folder) if settings.ssh.enabled else None
        if entry:
            for name, content in files.items():
                yield File(folder / name, content)
        changes.append(partial(change_registry, registry, identifier, entry))
    yield Edit(registry, partial(change_in_turn, changes), mode=0o644)


def change_in_turn(
    changes: Iterable[Callable[[bytes | None], bytes | Problem | None]], present: bytes | None
) -> bytes | Problem | None:
    """Return what the changes make of a file, or the first problem."""
    for change in changes:
        changed = change(present)
        if isinstance(changed, Problem):
            return changed
        present = changed
    return present


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
