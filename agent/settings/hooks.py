"""Code that comes with a repository. To add a variable, add a field."""

from dataclasses import dataclass

from agent.settings.parsers import one_of
from agent.settings.variable import variable


@dataclass(frozen=True)
class Hooks:
    """Trust and hooks."""

    trust: str = variable(
        "DEV8_TRUST",
        one_of("off", "ask", "trusted"),
        "Whether code of the repository may run: its hooks, recommended extensions, tasks and "
        "settings. ask: once the user has run `devcopilot trust`, and again after a change; "
        "trusted: always; off: never.",
        default="ask",
    )
