"""A step of `configure`."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from agent.machine.errors import Problem
from agent.machine.resources import Resource
from agent.settings.context import Context


@dataclass(frozen=True)
class Step:
    """One idempotent piece of configuration."""

    name: str
    resources: Callable[[Context], Iterable[Resource | Problem]]
    """Yields the desired resources, and the problems that prevent them."""
