"""What the reports to the control plane need of the settings, for the light job that sends them."""

import json
from collections.abc import Iterator
from urllib.parse import urlsplit

from agent.machine import runtime
from agent.machine.errors import Problem
from agent.machine.resources import File, Resource
from agent.settings import surfaces
from agent.settings.context import Context
from agent.settings.everything import Settings
from agent.settings.step import Step
from agent.settings.urls import is_in_clear, is_loopback


def resources(current: Context) -> Iterator[Resource | Problem]:
    """Yield how to report, and what keeps the workspace from it."""
    settings = current.settings
    ours, url = settings.report, settings.report_url
    yield from check_listener(settings)
    if url:
        path = current.facts.runtime / runtime.REPORTING
        content = json.dumps(describe(current, url)).encode()
        yield File(path, content, 0o600, adopt=True)
    elif ours.enabled and ours.base_url:
        yield Problem(
            "cannot report to the control plane: ENVIRONMENT_ID is not set",
            "set it, or SUPERVISOR_AGENT_ENABLED=false",
        )
    if url and ours.api_key and is_in_clear(url):
        yield Problem(
            f"everyone on the way to {urlsplit(url).netloc} can read {ours.api_key.variable}: "
            "its URL is http",
            "set SUPERVISOR_AGENT_BASE_URL to an https URL",
        )


def describe(current: Context, url: str) -> dict[str, str | float | bool]:
    """Return what `agent.observe.report.plan.Plan` is made from."""
    ours, key = current.settings.report, current.settings.report.api_key
    secrets = current.facts.runtime / runtime.SECRETS
    return {
        "url": url,
        "identifier": current.settings.workspace.identifier or "",
        "key_name": key.name if key else "",
        "key_file": str(key.file or secrets / key.variable) if key else "",
        "seconds": ours.timeout,
        "heartbeat": ours.heartbeat,
        "direct": is_loopback(urlsplit(url).hostname or ""),
    }


def check_listener(settings: Settings) -> Iterator[Problem]:
    """Yield why the API does not listen where SUPERVISOR_HTTP_ADDR says."""
    wanted, found = settings.report.http_address, surfaces.find_api(settings)
    if wanted and found and found.host != wanted.host and settings.serving.api_port is None:
        yield Problem(
            f"the local API listens on {found} only: SUPERVISOR_HTTP_ADDR={wanted} is open to the "
            "network and has no password",
            "set DEV8_API_PASSWORD_FILE",
        )


STEP = Step("report", resources)
