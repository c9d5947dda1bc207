"""One member of a bundle, and what it is made from."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from agent.machine.system import Facts
from agent.machine.values import frozen
from agent.settings.check import Check
from agent.settings.context import Context


@frozen
class Source:
    """What a bundle is made from: also where the agent does not run."""

    facts: Facts
    context: Context | None
    """None: no settings can be read."""
    checks: Sequence[Check]
    """Those of `devcopilot doctor`."""
    why: str = ""
    """Why the agent's own settings could not be read; empty: they could."""

    @property
    def current(self) -> Context:
        """Return the context. Raises OSError with the reason why there is none."""
        if self.context is None:
            raise OSError(None, self.why)
        return self.context


@frozen
class Content:
    """The content of one member."""

    name: str
    data: bytes
    truncated: bool = False
    """Whether only the end is here."""


@frozen
class Part:
    """What makes one member, or several. To add one, write a function and add it to `all.py`."""

    name: str
    """Of the member; of several the folder."""
    meaning: str
    """What it is, for the manifest."""
    make: Callable[[Source], bytes | Mapping[str, object] | Iterable[Content]]
    """Returns text, a JSON document, or several members. What it raises is noted."""
    timeout: float = 5.0
    """Seconds."""
    is_log: bool = False
    """Whether --no-logs leaves it out."""
