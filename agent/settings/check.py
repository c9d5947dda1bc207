"""A check of `devcopilot doctor`: what it looks at, and what it finds there.

A check looks and changes nothing, but for what its `purpose` names. It tells "does not work" from
"could not be measured": the latter is `Result.UNKNOWN`.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import field
from enum import StrEnum
from typing import Any

from agent.machine.light.escaping import escape_line
from agent.machine.values import frozen
from agent.settings.context import Context


class Result(StrEnum):
    """How one thing stands."""

    OK = "ok"
    WARN = "warn"
    """It works, and something about it should be changed."""
    FAIL = "fail"
    """It does not work."""
    SKIPPED = "skipped"
    """There is nothing to look at."""
    UNKNOWN = "unknown"
    """It could not be measured, which says nothing about how it stands."""


@frozen
class Finding:
    """What a check has found about one thing. It holds no secret."""

    result: Result
    summary: str
    """One plain sentence without a full stop."""
    fix: str = ""
    """The command, variable or file that fixes it; WARN and FAIL have one."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """What was measured, for programs: values of JSON."""
    part: str = ""
    """Which of several it is about: a host, a destination, a remote."""

    def __post_init__(self) -> None:
        if self.result in (Result.WARN, Result.FAIL) and not self.fix:
            raise ValueError(f"a finding without a fix: {self.summary}")
        for name in ("summary", "fix", "part"):
            object.__setattr__(self, name, escape_line(getattr(self, name)))


@frozen
class Check:
    """One check. To add one, write ROOM/checks/NAME.py and add it to ROOM/checks/all.py."""

    name: str
    """Lower-case words joined by dashes; people type it."""
    group: str
    """One of `agent.observe.doctor.GROUPS`."""
    purpose: str
    """What it looks at, for the help and the documents: "whether …", or a noun."""
    look: Callable[[Context], Iterable[Finding]]
    """Yields what it finds, in a process that ends afterwards. What it raises is UNKNOWN."""
    network: bool = False
    """Whether it asks another machine: --offline skips it."""
    documents: str = ""
    """Where to read on: docs/PAGE.md#anchor."""
    timeout: float = 30.0
    """Seconds after which it is stopped."""
