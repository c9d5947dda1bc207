"""The extensions that are asked for: by variables, by a folder, and by a trusted repository."""

import json
import zipfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from agent.machine.formats import jsonc
from agent.machine.light.files import SETTINGS, read_file
from agent.machine.values import frozen
from agent.settings.extensions import IDENTIFIER, SUFFIX, Entry, read_entry

RECOMMENDATIONS = ".vscode/extensions.json"
MANIFEST = "extension/package.json"
"""In a .vsix: https://code.visualstudio.com/api/working-with-extensions/publishing-extension."""
LONGEST_MANIFEST = 1024 * 1024


class UnusableError(Exception):
    """A file or a list cannot be used; the message says why."""


@frozen
class Wanted:
    """One extension that is to be there."""

    entry: Entry
    source: str
    """What asks for it: a variable, a folder, or a file of the repository."""

    @property
    def name(self) -> str:
        """Return how people call it."""
        if self.entry.identifier:
            return self.entry.identifier
        return Path(self.entry.url or str(self.entry.file)).name


def find_given(entries: Iterable[Entry] | None, folder: Path) -> list[Wanted]:
    """Return what the container's owner asks for. Raises UnusableError."""
    found = [Wanted(entry, "DEV8_EXTENSIONS") for entry in entries or ()]
    try:
        files = sorted(path for path in folder.iterdir() if path.name.endswith(SUFFIX))
    except FileNotFoundError:
        files = []
    except OSError as error:
        raise UnusableError(f"cannot read {folder}: {error.strerror}") from error
    return [*found, *(Wanted(Entry(file=path), str(folder)) for path in files)]


def find_recommended(project: Path) -> list[Wanted]:
    """Return what the repository recommends. Raises UnusableError."""
    path = project / RECOMMENDATIONS
    try:
        content = read_file(path, SETTINGS)
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise UnusableError(f"cannot read {path}: {error.strerror or error}") from error
    try:
        found = jsonc.parse_lenient(content.decode("utf-8-sig"))
        words = [str(word) for word in found.get("recommendations") or ()]
    except (ValueError, AttributeError, TypeError) as error:
        raise UnusableError(f"cannot read {path}: {error}") from error
    return read_words(words, RECOMMENDATIONS)


def read_words(words: Iterable[str], source: str) -> list[Wanted]:
    """Return what a file of the repository names: only a gallery's, and what it takes away.

    Raises UnusableError for a word that is neither.
    """
    found = []
    for word in words:
        with suppress(ValueError):
            entry = read_entry(word)
            if entry.identifier:
                found.append(Wanted(entry, source))
                continue
        raise UnusableError(f"{source} names {word!r}, which is not publisher.name")
    return found


def join(given: Iterable[Wanted], others: Iterable[Wanted]) -> list[Wanted]:
    """Return each once: the owner's word counts before the repository's, and `-name` before all."""
    everything = [*given, *others]
    removed = {each.entry.identifier for each in everything if each.entry.removed}
    chosen: dict[str, Wanted] = {}
    for each in everything:
        if each.entry.identifier not in removed - {""}:
            chosen.setdefault(each.entry.identifier or str(each.entry), each)
    return list(chosen.values())


def read_vsix(path: Path) -> Entry:
    """Return what a .vsix file holds. Raises UnusableError."""
    try:
        with zipfile.ZipFile(path) as archive, archive.open(MANIFEST) as file:
            manifest = json.loads(file.read(LONGEST_MANIFEST))
        identifier = f"{manifest['publisher']}.{manifest['name']}"
        version = str(manifest["version"])
    except OSError as error:
        raise UnusableError(f"cannot read {path}: {error.strerror or error}") from error
    except (zipfile.BadZipFile, KeyError, ValueError, TypeError, RuntimeError) as error:
        raise UnusableError(f"{path} is not an extension: it is damaged") from error
    if not IDENTIFIER.fullmatch(identifier):
        raise UnusableError(f"{path} is not an extension: {identifier!r} is not a name of one")
    return Entry(identifier.lower(), version, file=path)
