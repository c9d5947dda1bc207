"""One thing that is served: where it comes from and who may see it."""

from collections.abc import Callable, Mapping
from dataclasses import field

from agent.machine.secret import SecretInput
from agent.machine.values import frozen
from agent.settings.context import Context
from agent.settings.everything import Settings


class NotFoundError(Exception):
    """There is nothing at this path."""


@frozen
class Request:
    """What somebody asks. It is GET or HEAD: nothing can be changed from outside."""

    path: str
    """Decoded, with the slash in front."""
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    """By their names in small letters."""


@frozen
class Response:
    """What is answered."""

    body: bytes
    content_type: str = "text/plain; charset=utf-8"
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


@frozen
class Surface:
    """One thing that is served, at an address of `agent.settings.surfaces`."""

    name: str
    """One of those in `agent.settings.surfaces`."""
    answer: Callable[[Request, Context], Response]
    """Raises NotFoundError."""
    password: Callable[[Settings], SecretInput | None] = lambda _: None
    """What callers have to know, where it is set."""
    own_user_only: bool = False
    """Whether other users of this machine are refused."""
