"""How jobs log: through structlog, whose import costs 20 ms; see docs/decisions/logging.md.

It ends in the one schema of `agent.machine.light.log`, which is its last processor.
"""

import contextlib
import os
import sys
from collections.abc import Mapping, MutableMapping
from functools import cached_property
from typing import Any

from agent.machine.light.later import put_off
from agent.machine.light.log import Logger, make_event, make_records


class StructuredLogger(Logger):
    """Writes events as JSON lines. Only a job that has something to log imports structlog."""

    def _write(self, level: str, message: str, fields: Mapping[str, object]) -> None:
        with contextlib.suppress(OSError):  # nobody is left to tell
            getattr(self._structlog, level)(message, **fields)

    @cached_property
    def _structlog(self) -> Any:  # its loggers are untyped
        structlog = import_structlog()
        file = os.fdopen(self._descriptor, "wb", closefd=False)
        return structlog.wrap_logger(structlog.BytesLogger(file), processors=[self._encode])

    def _encode(self, _: object, level: str, event: MutableMapping[str, Any]) -> bytes:
        records = make_records(make_event(self._source, level, event.pop("event"), **event))
        return b"".join(records).removesuffix(b"\n")


def import_structlog() -> Any:
    """Return structlog without what it imports for terminals and for asyncio: that costs 70 ms.

    It looks whether rich is there, and shows tracebacks with it; None says that it is not.
    """
    put_off("asyncio")
    hidden = {"rich"} - sys.modules.keys()
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]
    try:
        import structlog  # noqa: PLC0415 - see above
    finally:
        for name in hidden:
            sys.modules.pop(name, None)  # not `del`: another thread may be here
    return structlog
