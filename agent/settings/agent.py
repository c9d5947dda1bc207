"""The agent itself. To add a variable, add a field."""

from dataclasses import dataclass
from pathlib import Path

from agent.settings.parsers import absolute_path, one_of, plain_path, positive_duration
from agent.settings.variable import variable

LONGEST_RUNTIME_PATH = 80
"""Characters: a socket path can have 107 (unix(7)), and supervisord adds a name and a number."""
LONGEST_STATE_PATH = 200


@dataclass(frozen=True)
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
    stop_timeout: float = variable(
        "DEV8_STOP_TIMEOUT",
        positive_duration,
        "Total time allowed for shutdown; keep it below the timeout of `docker stop` (10 s).",
        default="8s",
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
