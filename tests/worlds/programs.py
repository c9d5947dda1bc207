"""Programs that tests start and wait for."""

import subprocess
from pathlib import Path
from types import TracebackType
from typing import AnyStr


def has_ended(pid: int) -> bool:
    """Return whether a process has ended, though nobody may have reaped it yet."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


class Awaited(subprocess.Popen[AnyStr]):
    """A program that a test waits for. It is killed where the test fails.

    `Popen` itself waits for it, for ever, and nobody learns which test has failed.
    """

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:  # fmt: skip
        if kind:
            self.kill()
        super().__exit__(kind, value, traceback)
