"""What a report needs to know of the settings. Light.

`agent.workspace.report_rules` writes it to the runtime folder.
"""

import json

from agent.machine.light.files import SETTINGS, read_file
from agent.machine.light.runtime import REPORTING


class Plan:
    """How to report."""

    def __init__(
        self,
        *,
        url: str,
        identifier: str,
        key_name: str,
        key_file: str,
        seconds: float,
        heartbeat: float,
        proxy: str,
        proxy_login: str,
    ) -> None:
        self.url = url
        self.identifier = identifier
        self.key_name = key_name
        """What gave the key, for a person."""
        self.key_file = key_file
        """Where it is; empty: there is none."""
        self.seconds = seconds
        """Time limit of one report."""
        self.heartbeat = heartbeat
        """Seconds between two reports of the same."""
        self.proxy = proxy
        """HOST:PORT of the proxy to ask; empty: none."""
        self.proxy_login = proxy_login
        """The value of its Proxy-Authorization header; empty: it wants none."""


def read(folder: str) -> Plan | None:
    """Return how to report, as the runtime folder has it; None: nothing is reported."""
    try:
        return Plan(**json.loads(read_file(f"{folder}/{REPORTING}", SETTINGS)))
    except (OSError, ValueError, TypeError):
        return None
