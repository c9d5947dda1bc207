"""The agent itself. To add a variable, add a field."""

from collections.abc import Iterator
from pathlib import Path

from agent.machine.errors import Problem
from agent.machine.light.human import format_duration
from agent.machine.values import frozen
from agent.settings.parsers import absolute_path, one_of, plain_path, positive_duration
from agent.settings.variable import variable

LONGEST_RUNTIME_PATH = 80
"""Characters: a socket path can have 107 (unix(7)), and supervisord adds a name and a number."""
LONGEST_STATE_PATH = 200
USUAL_GRACE = 10.0
"""Seconds that `docker stop` waits."""
GRACE_SHARE, LONGEST_MARGIN = 0.2, 5.0
"""How much of the grace period the engine keeps, which counts from before we hear of the stop:
a share of it, and at most so many seconds."""


@frozen
class Agent:
    """The agent itself."""

    log_level: str | None = variable(
        "DEV8_LOG_LEVEL",
        one_of("debug", "info", "warning", "error"),
        "Lowest level to log: debug, info, warning or error. By default info, or warning if a CMD "
        "has the terminal.",
    )
    log_format: str = variable(
        "DEV8_LOG_FORMAT",
        one_of("auto", "json", "text"),
        "json, text, or auto: text on a terminal, JSON elsewhere.",
        default="auto",
    )
    grace_period: float | None = variable(
        "DEV8_GRACE_PERIOD",
        positive_duration,
        "How long the container may take to stop before it is killed: "
        "terminationGracePeriodSeconds of a pod, --stop-timeout of docker. By default 10s, which "
        "`docker stop` allows.",
    )
    stop_limit: float | None = variable(
        "DEV8_STOP_TIMEOUT",
        positive_duration,
        "Total time allowed for shutdown. By default DEV8_GRACE_PERIOD less a fifth, at most 5 s "
        "less: 8s.",
    )
    services_dir: Path | None = variable(
        "DEV8_SERVICES_DIR",
        absolute_path,
        "Folder of your own services, *.toml; by default ~/.config/devcopilot/services.d. "
        "/etc/devcopilot/services.d is read as well, but your file replaces one of that name.",
    )
    state_dir: Path | None = variable(
        "DEV8_STATE_DIR",
        plain_path(LONGEST_STATE_PATH),
        "Folder for data that must outlive the container, such as host keys and a generated "
        "password. By default ~/.local/state/devcopilot.",
    )
    runtime_dir: Path | None = variable(
        "DEV8_RUNTIME_DIR",
        plain_path(LONGEST_RUNTIME_PATH),
        "Private folder on tmpfs that lives as long as the container; by default "
        "/dev/shm/devcopilot-UID.",
    )

    @property
    def stop_timeout(self) -> float:
        """Return the seconds that a stop may take."""
        if self.stop_limit is not None:
            return self.stop_limit
        grace = self.grace_period or USUAL_GRACE
        return grace - min(grace * GRACE_SHARE, LONGEST_MARGIN)


def find_late_stop(grace: float | None, stop: float | None) -> Iterator[Problem]:
    """Yield the problem of a stop that would be killed before its own limit."""
    if grace and stop and stop >= grace:
        yield Problem(
            f"DEV8_STOP_TIMEOUT is not less than DEV8_GRACE_PERIOD ({format_duration(grace)}): the "
            "container would be killed first",
            "unset DEV8_STOP_TIMEOUT, which follows the grace period",
        )
