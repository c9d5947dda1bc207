"""What a step of `configure` is."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from agent.machine.errors import Problem
from agent.machine.plan import Resource
from agent.settings.context import Context


@dataclass(frozen=True)
class Step:
    """One idempotent piece of configuration."""

    name: str
    resources: Callable[[Context], Iterable[Resource | Problem]]
    """Yields what should be there, and what is in the way of it."""
