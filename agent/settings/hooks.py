"""Code that comes with a repository. To add a variable, add a field."""

from agent.machine.values import frozen
from agent.settings.parsers import command, duration, inner_path, one_of
from agent.settings.variable import variable

OFF = "off"


@frozen
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
    devcontainer: str | None = variable(
        "DEV8_DEVCONTAINER",
        inner_path,
        "The repository's devcontainer.json, below the project folder, if it has several. "
        "off: whoever started the container runs its hooks, as a devcontainer client does.",
    )
    timeout: float = variable(
        "DEV8_HOOK_TIMEOUT",
        duration,
        "Time that each hook may take; 0 for no limit.",
        default="30m",
    )
    on_create: tuple[str, ...] | None = variable(
        "DEV8_ON_CREATE",
        command,
        "Command to run once in each new container, once the repositories are there.",
    )
    on_start: tuple[str, ...] | None = variable(
        "DEV8_ON_START",
        command,
        "Command to run at each start, after DEV8_ON_CREATE. No shell runs it: sh -c '…' does.",
    )
    on_stop: tuple[str, ...] | None = variable(
        "DEV8_ON_STOP",
        command,
        "Command to run at shutdown, before the final backup and within DEV8_STOP_TIMEOUT.",
    )
