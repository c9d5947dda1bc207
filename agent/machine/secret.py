"""A secret value that cannot be printed by accident."""

from collections.abc import Callable
from dataclasses import field
from pathlib import Path

from agent.machine.values import frozen


@frozen
class Secret:
    """A text that must not be shown; `reveal()` is the only way to it."""

    _value: str = field(repr=False)

    def reveal(self) -> str:
        """Return the text itself."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(***)"

    def __str__(self) -> str:
        return "***"


@frozen
class SecretInput:
    """Where a secret comes from: the variable's own value, or the file that `NAME_FILE` names."""

    variable: str
    value: Secret | None = None
    file: Path | None = None
    read: Callable[[str], str] = field(default=str, repr=False, compare=False)
    """Returns the text as it is meant; raises `machine.light.texts.UnusableError`."""

    @property
    def name(self) -> str:
        """The variable that was set, and the path in it."""
        return f"{self.variable}_FILE={self.file}" if self.file else self.variable
