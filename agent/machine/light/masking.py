"""Masking by value: no secret that the agent knows leaves it through the log."""

import itertools
import os
from collections.abc import Iterable, Iterator

from agent.machine.light import runtime
from agent.machine.light.expressions import regex
from agent.machine.light.files import STATE, read_file
from agent.machine.light.secret_forms import find_base64_forms, find_lines, find_text_forms

MASK = b"***"
SHORTEST = 8
"""Bytes: what is shorter is too likely to be an ordinary word."""
_WORD = regex(rb"[A-Za-z0-9+/=_.~%-]+")
"""What tokens, Base64 and encoded texts are made of."""
MOST = 512
"""Texts of secrets that are gone, which are hidden on, since a token that was replaced may be valid
a while longer; the oldest are dropped. Of those that are there none is."""


class Masker:
    """Hides the secrets of the runtime folder."""

    def __init__(self, folder: str) -> None:
        self._folders = tuple(os.path.join(folder, name) for name in runtime.SECRET_FOLDERS)
        self._tokens = os.path.join(folder, runtime.TOKENS)
        self._seen: list[tuple[str, int, int, int]] = []
        self._current: dict[bytes, None] = {}
        self._former: dict[bytes, None] = {}
        self._words: tuple[bytes, ...] = ()
        self._others: tuple[bytes, ...] = ()
        self.longest = 0
        """Bytes of the longest text to hide: as much of an unfinished line must be held back."""

    def refresh(self) -> None:
        """Read the secrets again if a file or a folder has changed. Never raises."""
        seen = [entry for folder in self._folders for entry in _list_files(folder)]
        if seen == self._seen:
            return
        self._seen = seen
        before = self._current
        self._current = {
            text: None
            for path, *_ in seen
            for text in _find_texts(path, is_token=os.path.dirname(path) == self._tokens)
            if len(text) >= SHORTEST
        }
        gone = [text for text in before if text not in self._current]
        self._former.update(dict.fromkeys(gone))
        for text in list(self._former)[:-MOST]:
            del self._former[text]
        texts = (*self._current, *self._former)
        words = (text for text in texts if _WORD.fullmatch(text))
        self._words = tuple(sorted(words, key=len))
        self._others = tuple(text for text in texts if not _WORD.fullmatch(text))
        self.longest = max(map(len, texts), default=0)

    @property
    def texts(self) -> "tuple[bytes, ...]":
        """Return every text to hide."""
        return (*self._words, *self._others)

    def mask(self, data: bytes) -> bytes:
        """Return the data with every secret replaced, overlapping ones as one."""
        return replace_all(self._find_candidates(data), data)[0]

    def _find_candidates(self, data: bytes) -> Iterator[bytes]:
        """Yield what can be in the data: hardly a line has a word as long as a token."""
        longest = max(map(len, _WORD.findall(data)), default=0) if self._words else 0
        yield from itertools.takewhile(lambda text: len(text) <= longest, self._words)
        yield from self._others

    def mask_text(self, text: str) -> str:
        """Return the text with every secret replaced."""
        return self.mask(text.encode(errors="replace")).decode(errors="replace")

    def mask_value(self, value: object) -> object:
        """Return a JSON value with every string in it masked, names included."""
        if isinstance(value, str):
            return self.mask_text(value)
        if isinstance(value, dict):
            return {self.mask_text(name): self.mask_value(item) for name, item in value.items()}
        if isinstance(value, list):
            return [self.mask_value(item) for item in value]
        return value


def mask_known(text: str, folder: "str | os.PathLike[str]") -> str:
    """Return what a program said without the secrets that this runtime folder holds now."""
    if not text:
        return text
    masker = Masker(os.fspath(folder))
    masker.refresh()
    return masker.mask_text(text)


def hide(text: str, secrets: Iterable[str]) -> str:
    """Return the text without these secrets, as they are and as they may be written."""
    forms = set()
    for secret in (each.encode(errors="replace") for each in secrets if each):
        written = (*find_text_forms(secret), *find_base64_forms(secret))
        forms |= {secret, *(form for form in written if len(form) >= SHORTEST)}
    masked, _ = replace_all(forms, text.encode(errors="replace"))
    return masked.decode(errors="replace")


def replace_all(texts: Iterable[bytes], data: bytes) -> tuple[bytes, int]:
    """Return the data without these texts, and how many were hidden: overlapping ones as one.

    The rest of the longer would show half of it.
    """
    found = sorted(
        (start, start + len(text))
        for text in texts
        if text in data
        for start in _find_all(text, data)
    )
    if not found:
        return data, 0
    parts, end = [], 0
    for start, stop in found:
        if start >= end:
            parts += [data[end:start], MASK]
        end = max(end, stop)
    return b"".join([*parts, data[end:]]), len(parts) // 2


def _list_files(folder: str) -> list[tuple[str, int, int, int]]:
    try:
        with os.scandir(folder) as entries:
            found = [(entry.path, entry.stat(follow_symlinks=False)) for entry in entries]
    except OSError:
        return []
    return sorted(
        (path, status.st_mtime_ns, status.st_size, status.st_ino)
        for path, status in found
        if not path.endswith(".json")
    )


def _find_texts(path: str, is_token: bool) -> Iterator[bytes]:
    """Yield what to hide of one file: its lines, as they are and as they may be written."""
    try:
        content = read_file(path, STATE)
    except OSError:
        return
    lines = [line.strip() for line in content.split(b"\n")]
    secrets = lines[:1] if is_token else list(find_lines(content))
    are_many = os.path.basename(path) == runtime.URL_PASSWORDS
    login = lines[2] if is_token and len(lines) > 2 else b""
    for line in secrets:
        if len(line) < SHORTEST:
            continue
        yield from find_text_forms(line)
        if are_many or len(secrets) == 1:  # of a key's many lines nobody makes a login
            yield from find_base64_forms(line, login)


def _find_all(text: bytes, data: bytes) -> list[int]:
    found, at = [], data.find(text)
    while at >= 0:
        found.append(at)
        at = data.find(text, at + 1)
    return found
