"""Which versions a workspace has: of what tells without being run."""

import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from agent import __version__
from agent.machine.formats.parsing import parse_json
from agent.machine.light.files import SECRET, SETTINGS, read_file
from agent.observe.languages import FOLDER, find_languages

EDITOR = Path("/opt/code-server/node_modules/code-server/package.json")
"""Of the image; see docker/mvp/Dockerfile."""
SYSTEM = Path("/etc/os-release")
"""https://www.freedesktop.org/software/systemd/man/latest/os-release.html"""


def find_versions(
    editor: Path = EDITOR, system: Path = SYSTEM, languages: str = FOLDER
) -> Iterator[tuple[str, str]]:
    """Yield the name and the version of each that is there."""
    yield "agent", __version__
    if found := read_manifest(editor):
        yield "code-server", found
    yield from find_languages(languages)
    if found := read_system(system):
        yield "system", found
    yield "agent's Python", ".".join(map(str, sys.version_info[:3]))
    yield "kernel", os.uname().release


def read_manifest(path: Path | None) -> str:
    """Return the version that a package.json names; empty: it cannot be read."""
    with suppress(OSError, ValueError, AttributeError):
        return str(parse_json(read_file(path, SETTINGS)).get("version", "")) if path else ""
    return ""


def read_system(path: Path = SYSTEM) -> str:
    """Return what the system calls itself; empty: it does not say."""
    try:
        content = read_file(path, SECRET).decode()
    except (OSError, ValueError):
        return ""
    names = (line.partition("=") for line in content.split("\n"))
    return next((value.strip("\"'") for key, _, value in names if key == "PRETTY_NAME"), "")
