"""The report to the control plane. To add a variable, add a field."""

from urllib.parse import quote

from agent.machine.light import texts
from agent.machine.network.addresses import LOOPBACK
from agent.machine.secret import SecretInput
from agent.machine.values import frozen
from agent.settings.parsers import duration, interval, switch
from agent.settings.serving import Address, Serving, read_address
from agent.settings.urls import endpoint_url, http_url
from agent.settings.variable import secret, variable

ACTIVITY = "/api/v1/environments/{}/activity"
"""Where the control plane takes reports, below its URL."""
USUAL_TIMEOUT, LONGEST_TIMEOUT = 5.0, 30.0
API_PORT = 9000
"""Where the supervisor before this agent listened."""
SHORTEST_INTERVAL = 15.0
"""Seconds: a look at the processes has its cost."""


def patience(value: str) -> float:
    """Read how long to wait for an answer; 0 means the default, as it did in the supervisor."""
    return min(duration(value), LONGEST_TIMEOUT) or USUAL_TIMEOUT


def pace(value: str) -> float:
    """Read the time between two looks."""
    return max(interval(value), SHORTEST_INTERVAL)


def read_listener(value: str) -> Address:
    """Read HOST:PORT as Go does: without a host, all addresses are meant."""
    host, colon, port = value.rpartition(":")
    known = {"": "0.0.0.0", "localhost": LOOPBACK} if colon else {}  # noqa: S104 - what it says
    return read_address(f"{known.get(host, host)}{colon}{port}")


@frozen
class Report:
    """Report to the control plane."""

    enabled: bool = variable(
        "SUPERVISOR_AGENT_ENABLED",
        switch,
        "Report activity to the control plane, once its URL and ENVIRONMENT_ID are set; "
        "docs/control-plane.md.",
        default="true",
        aliases=("AGENT_ENABLED",),
        shared=True,
    )
    base_url: str | None = variable(
        "SUPERVISOR_AGENT_BASE_URL",
        http_url,
        "URL of the control plane. Use https: over http, everyone on the way can read the key.",
        aliases=("AGENT_BASE_URL", "AGENT_URL"),
        shared=True,
    )
    endpoint: str | None = variable(
        "SUPERVISOR_AGENT_ACTIVITY_ENDPOINT",
        endpoint_url,
        "URL that receives the reports; by default "
        f"{ACTIVITY.format('ENVIRONMENT_ID')} below SUPERVISOR_AGENT_BASE_URL.",
    )
    api_key: SecretInput | None = secret(
        "SUPERVISOR_AGENT_API_KEY",
        texts.word,
        "Key for the control plane, sent as a bearer token. A file is read again when it changes.",
    )
    timeout: float = variable(
        "SUPERVISOR_AGENT_TIMEOUT",
        patience,
        "Time limit of one report, at most 30s.",
        default="5s",
    )
    heartbeat: float = variable(
        "AGENT_REPORT_INTERVAL",
        interval,
        "Interval between two reports if nothing changes. A change is reported when it is seen.",
        default="60s",
    )
    sampling: float = variable(
        "SUPERVISOR_MONITOR_INTERVAL",
        pace,
        "Interval between two looks at the activity, at least 15s.",
        default="30s",
        aliases=("MONITOR_INTERVAL",),
        shared=True,
    )
    http_enabled: bool = variable(
        "SUPERVISOR_HTTP_ENABLED",
        switch,
        "Run the local API while reports are sent, or at SUPERVISOR_HTTP_ADDR.",
        default="true",
    )
    http_address: Address | None = variable(
        "SUPERVISOR_HTTP_ADDR",
        read_listener,
        "Address of the local API; while reports are sent, 127.0.0.1:9000 by default. One that "
        "others can reach needs DEV8_API_PASSWORD. DEV8_API_PORT overrides it.",
    )

    def find_url(self, identifier: str | None) -> str | None:
        """Return where the reports of the workspace with this id go; None: it sends none."""
        if not self.enabled:
            return None
        if self.endpoint:
            return self.endpoint
        if self.base_url and identifier:
            return self.base_url + ACTIVITY.format(quote(identifier, safe=""))
        return None

    def find_api(self, serving: Serving, identifier: str | None) -> Address | None:
        """Return where the local API listens; without a password on this machine only."""
        if serving.api_port is not None:
            return Address(LOOPBACK, serving.api_port) if serving.api_port else None
        wanted = self.http_address
        if not wanted and self.find_url(identifier):
            wanted = Address(LOOPBACK, API_PORT)
        if not wanted or not self.http_enabled:
            return None
        is_safe = wanted.is_loopback or serving.api_password
        return wanted if is_safe else Address(LOOPBACK, wanted.port)
