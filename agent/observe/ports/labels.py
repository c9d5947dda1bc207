"""What a port is called: by the operator, by the repository, or by the service that has it."""

from collections.abc import Mapping, Sequence
from typing import Any

from agent.machine.errors import AgentError
from agent.machine.light.expressions import regex
from agent.observe.ports import patterns
from agent.observe.ports.listeners import Listener
from agent.settings import devcontainer_file
from agent.settings.context import Context
from agent.settings.project import find_folder

PROPERTY = "portsAttributes"
"""https://containers.dev/implementors/json_reference/#port-attributes"""
LONGEST = 60
"""Characters of a label that are shown."""
_RANGE = regex(r"(\d{1,5})-(\d{1,5})")


class Labels:
    """The names of ports."""

    def __init__(self, given: Mapping[int, str], attributes: Mapping[str, Any]) -> None:
        self._given = given
        self._attributes = {
            key: label[:LONGEST]
            for key, value in attributes.items()
            if isinstance(value, dict) and isinstance(label := value.get("label"), str) and label
        }

    def find(self, found: Sequence[Listener]) -> list[str]:
        """Return the name of each port; empty: it has none."""
        names = [self._find_by_number(each.port) for each in found]
        lines = [each.program.line if each.program else "" for each in found]
        unnamed = {line for line, name in zip(lines, names, strict=True) if line and not name}
        texts = [key for key in self._attributes if not key[:1].isdecimal()]
        matched = patterns.match(texts, unnamed)
        return [
            name or self._attributes.get(matched.get(line, ""), "")
            for line, name in zip(lines, names, strict=True)
        ]

    def _find_by_number(self, port: int) -> str:
        if port in self._given:
            return self._given[port]
        for key, label in self._attributes.items():
            bounds = _RANGE.fullmatch(key)
            if key == str(port) or (bounds and int(bounds[1]) <= port <= int(bounds[2])):
                return label
        return ""


def load(current: Context) -> Labels:
    """Return the names that the settings and the project give."""
    given = current.settings.ports.labels or {}
    try:
        found = devcontainer_file.find(find_folder(current), current.settings.hooks.devcontainer)
    except AgentError:  # the hooks have told that
        found = None
    return Labels(given, found.take_table(PROPERTY) if found else {})
