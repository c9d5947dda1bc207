"""What a port is called: by the operator, by the repository, or by the service that has it."""

import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from agent.life.devcontainer import file
from agent.machine.deadline import deadline
from agent.machine.errors import AgentError
from agent.observe.ports.listeners import Listener
from agent.settings.context import Context
from agent.settings.project import find_folder

PROPERTY = "portsAttributes"
"""https://containers.dev/implementors/json_reference/#port-attributes"""
LONGEST = 60
"""Characters of a label that are shown."""
LONGEST_LINE = 2048
"""Characters of a command that a pattern is tried on."""
PATIENCE = 0.2
"""Seconds for all patterns of a repository: some take for ever."""
_RANGE = re.compile(r"(\d{1,5})-(\d{1,5})")


class Labels:
    """The names of ports."""

    def __init__(self, given: Mapping[int, str], attributes: Mapping[str, Any]) -> None:
        self._given = given
        self._attributes = {
            key: label[:LONGEST]
            for key, value in attributes.items()
            if isinstance(value, dict) and isinstance(label := value.get("label"), str) and label
        }

    def find(self, listener: Listener) -> str:
        """Return the name of a port; empty: it has none."""
        port = listener.port
        if port in self._given:
            return self._given[port]
        for key, label in self._attributes.items():
            bounds = _RANGE.fullmatch(key)
            if key == str(port) or (bounds and int(bounds[1]) <= port <= int(bounds[2])):
                return label
        return self._find_by_command(listener.program.line if listener.program else "")

    def _find_by_command(self, line: str) -> str:
        patterns = {key: label for key, label in self._attributes.items() if not key[0].isdecimal()}
        with suppress(TimeoutError), deadline(PATIENCE):
            for key, label in patterns.items() if line else ():
                try:
                    if re.search(key, line[:LONGEST_LINE]):
                        return label
                except (re.error, RecursionError, OverflowError):
                    continue
        return ""


def load(current: Context) -> Labels:
    """Return the names that the settings and the project give."""
    given = current.settings.ports.labels or {}
    try:
        found = file.find(find_folder(current), current.settings.hooks.devcontainer)
    except AgentError:  # the hooks have told that
        found = None
    return Labels(given, found.take_table(PROPERTY) if found else {})
