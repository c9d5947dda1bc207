"""What is served over HTTP with these settings, and where init listens for it."""

from agent.machine.network import addresses
from agent.settings.everything import Settings
from agent.settings.serving import Address

PAGE, METRICS, API = "page", "metrics", "api"
"""The names of the surfaces."""


def find_addresses(settings: Settings) -> dict[str, Address]:
    """Return where init listens for what, by the name of the surface."""
    ours = settings.serving
    found = {}
    if ours.page_port and (settings.editor.enabled or settings.ssh.enabled):
        found[PAGE] = Address(addresses.LOOPBACK, ours.page_port)
    if ours.metrics_address:
        found[METRICS] = ours.metrics_address
    if api := settings.report.find_api(ours, settings.workspace.identifier):
        found[API] = api
    return found
