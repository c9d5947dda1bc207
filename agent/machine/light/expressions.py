"""Regular expressions that are compiled when they are used first, and not when they are imported.

A start uses one in ten of those that it imports, and to compile the others would take 5 ms.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    import re
    from typing import Any, AnyStr


def regex(text: "AnyStr", flags: int = 0) -> "re.Pattern[AnyStr]":
    """Return what `re.compile` would, but for the work."""
    return _Expression(text, flags)  # type: ignore[return-value]


class _Expression:
    """Stands in for a `re.Pattern`, and keeps what was used of it."""

    def __init__(self, text: "Any", flags: int) -> None:
        self._given = text, flags

    def __getattr__(self, name: str) -> object:
        import re  # noqa: PLC0415 - init does without

        found: object = getattr(re.compile(*self._given), name)  # which keeps what it compiled
        setattr(self, name, found)
        return found
