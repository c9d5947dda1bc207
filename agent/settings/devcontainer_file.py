"""Where devcontainer.json lies, and what is in it. Its author may be anybody.

https://containers.dev/implementors/spec/#devcontainerjson
"""

import json
import os
from collections.abc import Mapping
from dataclasses import field
from itertools import islice
from pathlib import Path
from typing import Any

from agent.machine.errors import AgentError, Problem
from agent.machine.formats import jsonc
from agent.machine.light.files import SETTINGS, read_file
from agent.machine.values import frozen
from agent.settings.hooks import OFF

NAME = "devcontainer.json"
USUAL = (f".devcontainer/{NAME}", f".{NAME}")
MOST = 100
"""Folders of .devcontainer in which one is looked for."""


@frozen
class Devcontainer:
    """A devcontainer.json."""

    folder: Path
    """The repository, without links."""
    name: str
    """The file, below the folder."""
    given: Mapping[str, Any] = field(default_factory=dict)
    """Its properties, as they are written."""

    def take_table(self, name: str) -> Mapping[str, Any]:
        """Return a property that is an object; anything else counts as none."""
        value = self.given.get(name)
        return value if isinstance(value, dict) else {}


def find(folder: Path, chosen: str | None = None) -> Devcontainer | None:
    """Return what a repository has, None if it has none. Reads at most 1 MiB.

    `chosen`: the file to take, below the folder, or `off`. Raises AgentError.
    """
    if chosen == OFF:
        return None
    folder = Path(os.path.realpath(folder))
    name = chosen or find_name(folder)
    return Devcontainer(folder, name, read(folder, name)) if name else None


def find_name(folder: Path) -> str | None:
    """Return which file counts, None if there is none. Raises AgentError if several could."""
    for name in USUAL:
        if os.path.lexists(folder / name):
            return name
    try:
        with os.scandir(folder / ".devcontainer") as entries:
            inner = sorted(entry.name for entry in islice(entries, MOST))
    except OSError:
        return None
    found = [f".devcontainer/{name}/{NAME}" for name in inner]
    found = [name for name in found if os.path.lexists(folder / name)]
    if len(found) > 1:
        raise AgentError(
            Problem(
                f"cannot choose between {' and '.join(found[:5])}",
                f"set DEV8_DEVCONTAINER={found[0]}",
            )
        )
    return found[0] if found else None


def read(folder: Path, name: str) -> Mapping[str, Any]:
    """Return the properties in a file below a real folder. Raises AgentError."""
    real = Path(os.path.realpath(folder / name))
    if folder not in real.parents:
        raise AgentError(
            Problem(
                f"cannot read {name}: it is a link that leads out of {folder}",
                "replace it by a file",
            )
        )
    try:
        given = jsonc.parse_lenient(read_file(real, SETTINGS).decode("utf-8-sig"))
        check_texts(given)
    except OSError as error:
        raise AgentError(Problem(f"cannot read {name}: {error.strerror}")) from error
    except json.JSONDecodeError as error:
        where = f"{name}:{error.lineno}:{error.colno}"
        raise AgentError(Problem(f"cannot read {where}: {error.msg}", f"fix {name}")) from error
    except UnicodeDecodeError as error:
        raise AgentError(Problem(f"cannot read {name}: it is not UTF-8 text")) from error
    except ValueError as error:
        raise AgentError(Problem(f"cannot read {name}: {error}", f"fix {name}")) from error
    if not isinstance(given, dict):
        raise AgentError(Problem(f"cannot read {name}: it is not an object", f"fix {name}"))
    return given


def check_texts(document: Any) -> None:
    """Raise ValueError for a text that no command and no variable can hold."""
    waiting = [document]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            waiting += (*value, *value.values())
        elif isinstance(value, list):
            waiting += value
        elif isinstance(value, str) and not value.isprintable():
            if "\0" in value:
                raise ValueError("a text in it contains a NUL character")
            if any("\ud800" <= character <= "\udfff" for character in value):
                raise ValueError("a text in it is not Unicode")
