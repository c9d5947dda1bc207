"""Log events through structlog, for short-lived children that can afford its import (0.15 s).

It ends in the one schema of `agent.machine.log`: `encode` is its last processor.
"""

import os
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

from agent.machine import log


def make_logger(source: str, level: str) -> Any:  # structlog's loggers are untyped
    """Return a logger that writes the agent's events to standard error, from this level up."""

    def encode(_: object, method: str, event: MutableMapping[str, Any]) -> bytes:
        message = event.pop("event")
        return log.encode(log.make_event(source, method, message, **event)).removesuffix(b"\n")

    return structlog.wrap_logger(
        structlog.BytesLogger(os.fdopen(os.dup(sys.stderr.fileno()), "wb")),
        processors=[encode],
        wrapper_class=structlog.make_filtering_bound_logger(level),
    )
