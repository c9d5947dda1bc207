"""A step of `configure`."""

from collections.abc import Callable, Iterable

from agent.machine.errors import Problem
from agent.machine.planning.resources import Resource
from agent.machine.values import frozen
from agent.settings.context import Context


@frozen
class Step:
    """One idempotent piece of configuration."""

    name: str
    resources: Callable[[Context], Iterable[Resource | Problem]]
    """Yields the desired resources, and the problems that prevent them."""
    begin: Callable[[Context], object] = lambda _: None
    """Starts a program whose answer `resources` waits for. No step may change that answer."""
