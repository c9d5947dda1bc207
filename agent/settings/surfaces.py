"""What is served over HTTP with these settings, and where init listens for it."""

from agent.machine import addresses
from agent.settings.everything import Settings
from agent.settings.serving import Address

PAGE, METRICS, API = "page", "metrics", "api"
"""The names of the surfaces."""
API_PORT = 9000
"""Where the supervisor before this agent listened."""


def find_addresses(settings: Settings) -> dict[str, Address]:
    """Return where init listens for what, by the name of the surface."""
    ours = settings.serving
    found = {}
    if ours.page_port and (settings.editor.enabled or settings.ssh.enabled):
        found[PAGE] = Address(addresses.LOOPBACK, ours.page_port)
    if ours.metrics_address:
        found[METRICS] = ours.metrics_address
    if api := find_api(settings):
        found[API] = api
    return found


def find_api(settings: Settings) -> Address | None:
    """Return where the local API listens; without a password on this machine only."""
    ours, report = settings.serving, settings.report
    if ours.api_port is not None:
        return Address(addresses.LOOPBACK, ours.api_port) if ours.api_port else None
    wanted = report.http_address
    if not wanted and settings.report_url:
        wanted = Address(addresses.LOOPBACK, API_PORT)
    if not wanted or not report.http_enabled:
        return None
    is_safe = wanted.is_loopback or ours.api_password
    return wanted if is_safe else Address(addresses.LOOPBACK, wanted.port)
