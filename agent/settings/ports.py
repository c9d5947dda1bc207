"""The ports of the workspace. To add a variable, add a field."""

from collections.abc import Mapping
from types import MappingProxyType

from agent.machine.values import frozen
from agent.settings.lists import read_each, split_words
from agent.settings.variable import variable

LONGEST = 40
"""Characters of a label."""


def labels(value: str) -> Mapping[int, str]:
    """Read the names of ports: 3000=web 5432=db."""
    return MappingProxyType(dict(read_each(split_words(value), "ports", _label)))


def _label(word: str) -> tuple[int, str]:
    number, _, label = word.partition("=")
    good = number.isascii() and number.isdecimal() and 0 < int(number) < 65536
    if not good or not label or len(label) > LONGEST or not label.isprintable():
        raise ValueError(f"a port with its name of at most {LONGEST} characters, such as 3000=web")
    return int(number), label


@frozen
class Ports:
    """Ports."""

    labels: Mapping[int, str] | None = variable(
        "DEV8_PORTS",
        labels,
        "What `devcopilot ports` calls your ports, such as 3000=web 5432=db; wins over the "
        "labels of devcontainer.json.",
    )
