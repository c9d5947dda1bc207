"""JSON and TOML that somebody else may have written, or damaged: a value, or a ValueError.

Python's parsers raise a RecursionError where texts are nested too deeply, and what they do read may
be too deep for whoever turns it into text again; TOML's numbers may have more digits than Python
prints. Each of these is a fault of the text here. Standard library only.
"""

import json
from typing import Any

DEEPEST = 100
"""Lists and objects around a value."""
NUMBERS = range(-(2**63), 2**64)
"""https://toml.io/en/v1.0.0#integer; and what file systems number files with."""
INFINITE = float("inf")


def parse_json(text: "bytes | str") -> Any:  # whoever asks checks what it got
    """Return what a JSON text holds. Raises ValueError, for NaN and infinite numbers as well."""
    try:
        return _check(json.loads(text))
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def parse_toml(text: bytes) -> dict[str, Any]:
    """Return the table that a TOML text holds. Raises ValueError."""
    import tomllib  # noqa: PLC0415 - 2 ms of each start, and few have such a file

    try:
        table: dict[str, Any] = _check(tomllib.loads(text.decode("utf-8-sig")))
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    return table


def _check(document: Any) -> Any:
    """Return the document if each part of it can be used. Raises ValueError."""
    row: list[Any] = [document]
    for _ in range(DEEPEST):
        inner: list[Any] = []
        for value in row:
            if isinstance(value, dict):
                inner += value.values()
            elif isinstance(value, list):
                inner += value
            elif isinstance(value, int) and value not in NUMBERS:
                raise ValueError("it contains a number of more than 64 bits")
            elif isinstance(value, float) and not -INFINITE < value < INFINITE:
                raise ValueError("it contains an invalid number")
        if not inner:
            return document
        row = inner
    raise ValueError("it is nested too deeply")
