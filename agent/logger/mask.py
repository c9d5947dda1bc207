"""Masking by value: no secret that the agent knows leaves it through the log."""

import json
import os
from binascii import b2a_base64

from agent import runtime
from agent.files import STATE, read_file

MASK = b"***"
SHORTEST = 8
"""Bytes: what is shorter is too likely to be an ordinary word."""
MOST = 512
"""Texts to hide; the oldest are dropped. A token that was replaced may be valid a while longer."""


class Masker:
    """Hides the secrets that lie in the runtime folder."""

    def __init__(self, folder: str) -> None:
        self._folders = (
            os.path.join(folder, runtime.SECRETS),
            os.path.join(folder, runtime.TOKENS),
            os.path.join(folder, runtime.HIDDEN),
        )
        self._seen: list[tuple[str, int, int, int]] = []
        self._hidden: dict[bytes, None] = {}
        self.longest = 0
        """Bytes of the longest text to hide: as much of an unfinished line must be held back."""

    def refresh(self) -> None:
        """Read the secrets again if a file or a folder has changed. Never raises."""
        seen = [entry for folder in self._folders for entry in _list_files(folder)]
        if seen == self._seen:
            return
        self._seen = seen
        for path, *_ in seen:
            for text in _find_texts(path, is_token=os.path.dirname(path) == self._folders[1]):
                self._hidden.pop(text, None)
                self._hidden[text] = None
        for text in list(self._hidden)[:-MOST]:
            del self._hidden[text]
        self.longest = max(map(len, self._hidden), default=0)

    def mask(self, data: bytes) -> bytes:
        """Return the data with every secret replaced, overlapping ones as one."""
        found = sorted(
            (start, start + len(text))
            for text in self._hidden
            if text in data
            for start in _find_all(text, data)
        )
        if not found:
            return data
        parts, end = [], 0
        for start, stop in found:
            if start >= end:
                parts += [data[end:start], MASK]
            end = max(end, stop)
        return b"".join([*parts, data[end:]])

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


def _find_texts(path: str, is_token: bool) -> list[bytes]:
    """Return what to hide of one file: its lines, as they are and as they may be written."""
    try:
        lines = read_file(path, STATE).splitlines()
    except OSError:
        return []
    found = []
    for line in (line.strip() for line in (lines[:1] if is_token else lines)):
        if len(line) < SHORTEST or line.startswith(b"-----"):
            continue
        found += [line, json.dumps(line.decode(errors="replace"))[1:-1].encode()]
        if len(lines) == 1 or is_token:  # as git and curl send it
            found.append(b2a_base64(b"x-access-token:" + line, newline=False))
    return found


def _find_all(text: bytes, data: bytes) -> list[int]:
    found, at = [], data.find(text)
    while at >= 0:
        found.append(at)
        at = data.find(text, at + 1)
    return found
