"""The lifecycle commands: a text for a shell, a list of words, or an object of several.

https://containers.dev/implementors/json_reference/#lifecycle-scripts
"""

from collections.abc import Sequence
from typing import Any

from agent.machine.values import frozen

HOOKS = ("onCreate", "updateContent", "postCreate", "postStart", "postAttach")
"""In their order. initializeCommand is for the machine on which the container is started."""
CREATE = HOOKS[:3]
"""They run once for each container, the others at each start or session."""
SHELL = ("/bin/sh", "-c")
WAIT_FOR = "updateContent"
"""The hook that people wait for by default."""
SUFFIX = "Command"


@frozen
class Command:
    """One command of a hook."""

    name: str
    """Its name in an object; empty for the only one."""
    argv: Sequence[str]


def read_commands(value: Any, hook: str) -> tuple[Command, ...]:
    """Return the commands of a hook, all of which run at once. Raises ValueError."""
    if isinstance(value, dict):
        named = ((name, read_argv(each, f"{hook}{SUFFIX}.{name}")) for name, each in value.items())
        return tuple(Command(name or "unnamed", argv) for name, argv in named if argv)
    argv = read_argv(value, f"{hook}{SUFFIX}")
    return (Command("", argv),) if argv else ()


def read_argv(value: Any, name: str) -> tuple[str, ...]:
    """Return the words of one command, none if it is empty. Raises ValueError."""
    if value is None or value == [] or (isinstance(value, str) and not value.strip()):
        return ()
    if isinstance(value, str):
        return (*SHELL, value)
    if isinstance(value, list) and all(isinstance(word, str) for word in value) and value[0]:
        return tuple(value)
    raise ValueError(f"{name} is neither a text nor a list of texts")


def read_wait_for(value: Any) -> str:
    """Return the hook of `waitFor`. Raises ValueError."""
    if value is None:
        return WAIT_FOR
    name = str(value).removesuffix(SUFFIX)
    if name not in (*HOOKS, "initialize"):
        known = ", ".join(f"{hook}{SUFFIX}" for hook in HOOKS)
        raise ValueError(f"waitFor is none of {known}")
    return name
