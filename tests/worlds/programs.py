"""Programs that tests start and wait for."""

import subprocess
from types import TracebackType
from typing import AnyStr


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
