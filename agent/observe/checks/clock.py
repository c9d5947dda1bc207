"""Whether the clock is right, by what servers say."""

import ssl
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from agent.machine.light.human import format_duration
from agent.machine.network import web
from agent.observe.checks.hosts import Host, find_hosts
from agent.settings.check import Check, Finding, Result
from agent.settings.context import Context

MOST = 60.0
"""Seconds: GitHub refuses an App whose clock is further ahead."""
REFUSED = 900.0
"""Seconds: S3 and Azure refuse requests that are further off."""
ENOUGH = 3
"""Hosts that are asked: they do not all err."""
FIX = (
    "set the clock of the machine below, a container has none: `timedatectl set-ntp true`; "
    "with Docker Desktop or WSL, restart it after the machine slept"
)


def look(current: Context) -> Iterator[Finding]:
    """Yield one finding, by the servers that answer."""
    environ = current.facts.environ
    hosts = [host for host in find_hosts(current) if host.use in ("GitHub", "backups")]
    skews: dict[str, float] = {}
    for host in hosts[:ENOUGH]:
        try:
            there = ask_time(host, environ)
        except (OSError, ValueError):
            continue
        skews[host.name] = (there - current.facts.clock.now()).total_seconds()
    yield judge(skews)


def ask_time(host: Host, environ: Mapping[str, str]) -> datetime:
    """Return what time it is there, to the second. Raises OSError, ValueError.

    Its certificate is not checked: by a wrong clock it may seem to have expired. Nothing of ours
    is sent.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    _, headers, _ = web.ask("HEAD", f"{host.url}/", environ, context=context)
    return parsedate_to_datetime(headers.get("date", "")).astimezone(UTC)


def judge(skews: Mapping[str, float]) -> Finding:
    """Return whether the clock is right. `skews`: seconds by which each host is ahead."""
    if not skews:
        summary = "no server tells the time"
        return Finding(Result.UNKNOWN, summary, "`devcopilot doctor network` shows why")
    name, skew = min(skews.items(), key=lambda item: abs(item[1]))
    facts = {"skew": {each: round(value, 1) for each, value in skews.items()}}
    if abs(skew) <= MOST:
        return Finding(Result.OK, f"the clock agrees with {name}", facts=facts)
    off = f"the clock is {format_duration(abs(skew))} {'behind' if skew > 0 else 'ahead'}"
    if abs(skew) > REFUSED:
        return Finding(Result.FAIL, f"{off}, by {name}: servers refuse such requests", FIX, facts)
    return Finding(Result.WARN, f"{off}, by {name}: logins of GitHub Apps may fail", FIX, facts)


CHECK = Check(
    "clock", "Machine", "whether the clock is right, by what GitHub and the destinations say", look,
    network=True, documents="docs/github.md", timeout=40.0,
)  # fmt: skip
