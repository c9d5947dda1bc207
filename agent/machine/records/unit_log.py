"""The log of a unit's run: masked, and never longer than what somebody would read.

`RUNTIME/log/UNIT.log` is the last run, `UNIT.log.1` the one before. Each line is masked before it
is written, as the lines of services are.
"""

import contextlib
import os
from collections import deque
from pathlib import Path

from agent.machine.light.masking import Masker
from agent.machine.system import Facts

FOLDER = "log"
"""In the runtime folder."""
LONGEST = 1024 * 1024
"""Bytes of a log; of a longer one the older half is dropped, as often as needed."""
LONGEST_LINE = 16 * 1024
"""Bytes after which a line is cut."""
LAST_LINES = 5
"""Lines that are logged when a run has failed."""
DROPPED = b"(earlier lines are not kept)\n"


def find_path(facts: Facts, unit: str) -> Path:
    """Return where the log of a unit's last run lies."""
    return facts.runtime / FOLDER / f"{unit}.log"


class UnitLog:
    """Writes the log of one run."""

    def __init__(self, facts: Facts, unit: str) -> None:
        """Begin a new log; the former one is kept beside it. Raises OSError."""
        self.path = find_path(facts, unit)
        self.path.parent.mkdir(0o700, parents=True, exist_ok=True)
        with contextlib.suppress(FileNotFoundError):
            self.path.rename(f"{self.path}.1")
        self._masker = Masker(str(facts.runtime))
        self._descriptor = self._open()
        self._size = 0
        self.last: deque[str] = deque(maxlen=LAST_LINES)

    def write(self, line: bytes) -> str:
        """Add a line, without its line feed; return it as it is written."""
        masked = self._mask(line)
        content = masked + b"\n"
        if self._size + len(content) > LONGEST:
            self._drop_half()
        with contextlib.suppress(OSError):  # a disk that is full costs the log, not the work
            self._size += os.write(self._descriptor, content)
        text = masked.decode(errors="replace").strip()
        if text:
            self.last.append(text)
        return text

    def mask(self, line: bytes) -> str:
        """Return a line as `write` would write it."""
        return self._mask(line).decode(errors="replace").strip()

    def _mask(self, line: bytes) -> bytes:
        self._masker.refresh()
        return self._masker.mask(line)[:LONGEST_LINE]  # cut first, half a secret would remain

    def close(self) -> None:
        """Write nothing more."""
        os.close(self._descriptor)

    def _open(self) -> int:
        flags = os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
        return os.open(self.path, flags, 0o600)

    def _drop_half(self) -> None:
        """Go on in a new file that begins with the newer half of this one."""
        kept = os.pread(self._descriptor, LONGEST, self._size // 2)
        kept = DROPPED + kept[kept.find(b"\n") + 1 :]
        os.close(self._descriptor)
        with contextlib.suppress(OSError):
            self.path.unlink()
        self._descriptor = self._open()
        with contextlib.suppress(OSError):
            self._size = os.write(self._descriptor, kept)
