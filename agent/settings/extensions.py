"""Extensions of the editor. To add a variable, add a field."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from urllib.parse import urlsplit

from agent.machine.errors import AgentError, Problem
from agent.machine.formats.parsing import parse_json
from agent.machine.light.expressions import regex
from agent.machine.values import frozen
from agent.settings.lists import read_each, words_or_off
from agent.settings.parsers import absolute_path
from agent.settings.variable import variable

IDENTIFIER = regex(r"[\w-]+\.[\w-]+", re.ASCII)
"""publisher.name: https://code.visualstudio.com/api/references/extension-manifest."""
_VERSION = regex(r"\d+(\.\d+){0,3}([.+-][\w.+-]*)?", re.ASCII)
_QUOTED = regex(r'"(\{.*\})(?:\\[rn])*"', re.DOTALL)
"""An object as an --env-file has it that puts quotes around each value."""
SUFFIX = ".vsix"
GALLERY = "DEV8_EXTENSIONS_GALLERY"
SOURCES = ("devcontainer", "recommendations")
FORMS = (
    f"publisher.name, publisher.name@1.2.3, -publisher.name, or a path or URL of a {SUFFIX} file"
)


@frozen
class Entry:
    """One extension that is asked for."""

    identifier: str = ""
    """publisher.name, in lower case; empty for a file."""
    version: str = ""
    file: Path | None = None
    url: str = ""
    removed: bool = False
    """Not to be installed, whoever else asks for it."""

    def __str__(self) -> str:
        """Return it as it is written."""
        name = self.identifier + (f"@{self.version}" if self.version else "")
        return ("-" if self.removed else "") + (name or self.url or str(self.file))


def read_entry(word: str) -> Entry:
    """Return what one word asks for. Raises ValueError."""
    if word.startswith("/") and word.endswith(SUFFIX) and word.isprintable():
        return Entry(file=Path(word))
    is_address = word.startswith(("https://", "http://")) and word.isprintable()
    if is_address and _find_host(word) and not _has_credentials(word):
        return Entry(url=word)
    removed = word.startswith("-")
    identifier, at, version = word.removeprefix("-").partition("@")
    good = IDENTIFIER.fullmatch(identifier) and not (removed and at)
    if good and (bool(_VERSION.fullmatch(version)) if at else True):
        return Entry(identifier.lower(), version, removed=removed)
    raise ValueError(FORMS)


def read_entries(value: str) -> tuple[Entry, ...]:
    """Read extensions, one a line or with blanks between them."""
    lines = [line.strip() for line in value.split("\n")]
    words = [line for line in lines if line] if len(lines) > 1 else value.split()
    return tuple(dict.fromkeys(read_each(words, "extensions", read_entry)))


def read_gallery(value: str) -> Mapping[str, object]:
    """Read the address of a gallery, in code-server's own format. Raises AgentError."""
    quoted = _QUOTED.fullmatch(value)
    try:
        found = parse_json(quoted[1] if quoted else value)
    except ValueError:
        found = None
    if not isinstance(found, dict) or not isinstance(found.get("serviceUrl"), str):
        raise ValueError(
            'a JSON object with a serviceUrl, such as {"serviceUrl": "https://HOST/vscode/gallery"}'
        )
    address = found["serviceUrl"]
    if not address.startswith(("https://", "http://")) or not _find_host(address):
        raise ValueError("an object whose serviceUrl begins with https://")
    if any("token" in name.lower() or "authorization" in name.lower() for name in found):
        # Not a ValueError: that would show the token.
        problem = f"{GALLERY} holds a token, which every program of the editor could read"
        raise AgentError(Problem(problem, "leave it out, and use a gallery that needs none"))
    if any(_has_credentials(text) for text in found.values() if isinstance(text, str)):
        raise ValueError("an object without a password: code-server sends it to the browser")
    return MappingProxyType(found)


def _find_host(address: str) -> str:
    """Return the host of a URL; nothing if it has none, or is no URL."""
    try:
        return urlsplit(address).hostname or ""
    except ValueError:
        return ""


def _has_credentials(address: str) -> bool:
    try:
        found = urlsplit(address)
    except ValueError:
        return False
    return "@" in found.netloc


def encode_gallery(gallery: Mapping[str, object]) -> str:
    """Return the text that code-server reads from its environment."""
    return json.dumps(dict(gallery))


@frozen
class Extensions:
    """Extensions of the editor."""

    wanted: tuple[Entry, ...] | None = variable(
        "DEV8_EXTENSIONS",
        read_entries,
        f"Extensions to install, for the browser and for VS Code over SSH: {FORMS}; separated by "
        "spaces, or one per line. -publisher.name keeps one away that the repository asks for.",
    )
    folder: Path = variable(
        "DEV8_EXTENSIONS_DIR",
        absolute_path,
        f"Folder of {SUFFIX} files to install, without network.",
        default="/etc/devcopilot/extensions",
    )
    sources: tuple[str, ...] = variable(
        "DEV8_EXTENSIONS_FROM",
        words_or_off(*SOURCES),
        "Which lists of a trusted repository count: devcontainer, recommendations "
        "(.vscode/extensions.json), both with a comma between them, or off.",
        default="devcontainer",
    )
    gallery: Mapping[str, object] | None = variable(
        GALLERY,
        read_gallery,
        "Gallery to install from, for the agent and the editor: a JSON object with serviceUrl, in "
        "the format of EXTENSIONS_GALLERY. By default Open VSX.",
    )
