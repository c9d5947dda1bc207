"""What the reports to the control plane need of the settings, for the light job that sends them."""

import json
from base64 import b64encode
from collections.abc import Iterator
from contextlib import suppress
from urllib.parse import urlsplit

from agent.machine.errors import Problem
from agent.machine.light import runtime
from agent.machine.network.addresses import join_port
from agent.machine.network.proxies import Proxy, find_proxy
from agent.machine.planning.resources import File, Resource
from agent.settings import surfaces
from agent.settings.context import Context
from agent.settings.everything import Settings
from agent.settings.step import Step
from agent.settings.urls import is_in_clear


def resources(current: Context) -> Iterator[Resource | Problem]:
    """Yield how to report, and what keeps the workspace from it."""
    settings = current.settings
    ours, url = settings.report, settings.report_url
    yield from check_listener(settings)
    if url:
        path = current.facts.runtime / runtime.REPORTING
        content = json.dumps(describe(current, url)).encode()
        yield File(path, content, 0o600, adopt=True)
        proxy = find_way(current, url)
        if proxy and (fault := find_fault(proxy)):
            yield fault
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
    """Return what `agent.observe.report.rules.Plan` is made from."""
    ours, key = current.settings.report, current.settings.report.api_key
    secrets = current.facts.runtime / runtime.SECRETS
    return {
        "url": url,
        "identifier": current.settings.workspace.identifier or "",
        "key_name": key.name if key else "",
        "key_file": str(key.file or secrets / key.variable) if key else "",
        "seconds": ours.timeout,
        "heartbeat": ours.heartbeat,
        **describe_proxy(find_way(current, url)),
    }


def describe_proxy(proxy: Proxy | None) -> dict[str, str]:
    """Return the proxy that reports go through; of an unusable one nothing."""
    if proxy is None or find_fault(proxy):
        return {"proxy": "", "proxy_login": ""}
    login = f"Basic {b64encode(proxy.login.encode()).decode()}" if proxy.login else ""
    return {"proxy": join_port(proxy.host, proxy.port), "proxy_login": login}


def find_fault(proxy: Proxy) -> Problem | None:
    """Return why reports go around a proxy."""
    with suppress(ValueError):
        if proxy.scheme == "http" and proxy.host and proxy.port:
            return None
    return Problem(
        f"reports do not go through {proxy.variable}: it is not the http address of a proxy",
        f"set {proxy.variable}=http://HOST:PORT",
    )


def find_way(current: Context, url: str) -> Proxy | None:
    """Return the proxy for a URL; None: a direct connection."""
    parts = urlsplit(url)
    return find_proxy(parts.scheme.lower(), parts.hostname or "", current.facts.environ)


def check_listener(settings: Settings) -> Iterator[Problem]:
    """Yield why the API does not listen where SUPERVISOR_HTTP_ADDR says."""
    wanted = settings.report.http_address
    found = surfaces.find_addresses(settings).get(surfaces.API)
    if wanted and found and found.host != wanted.host and settings.serving.api_port is None:
        yield Problem(
            f"the local API listens on {found} only: SUPERVISOR_HTTP_ADDR={wanted} is open to the "
            "network and has no password",
            "set DEV8_API_PASSWORD_FILE",
        )


STEP = Step("report", resources)
