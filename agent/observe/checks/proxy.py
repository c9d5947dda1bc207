"""The variables of proxies: what they do, and which programs do not read them."""

from collections.abc import Iterator, Mapping

from agent.machine.network.proxies import Proxy
from agent.settings.check import Check, Finding, Result
from agent.settings.context import Context

NAMES = ("https_proxy", "http_proxy", "no_proxy", "all_proxy")
IGNORE = (
    "ssh and git over ssh, Java, and programs of Node that bring no proxy of their own ignore them"
)
"""Tried: Node 20's fetch and https; NODE_USE_ENV_PROXY needs Node 24."""
INSTEAD = (
    "ssh: use https addresses, or ProxyCommand in ~/.ssh/config; Java: "
    "JAVA_TOOL_OPTIONS=-Dhttps.proxyHost=HOST -Dhttps.proxyPort=PORT; Node 24: NODE_USE_ENV_PROXY=1"
)


def look(current: Context) -> Iterator[Finding]:
    """Yield what is worth knowing of them."""
    yield from judge(current.facts.environ)


def judge(environ: Mapping[str, str]) -> Iterator[Finding]:
    """Yield what these variables mean; their passwords are not shown."""
    given = {
        name: value
        for small in NAMES
        for name in (small, small.upper())
        if (value := environ.get(name))
    }
    proxies = {
        name: Proxy(value, name) for name, value in given.items() if "no_" not in name.lower()
    }
    if not proxies:
        return
    for small in NAMES:
        one, other = given.get(small), given.get(small.upper())
        if one and other and one != other:
            summary = f"{small} and {small.upper()} differ: most programs take {small}"
            yield Finding(Result.WARN, summary, "set both to the same", part=small)
    if "HTTP_PROXY" in given and "http_proxy" not in given:
        summary = "curl and git do not read HTTP_PROXY for http:// addresses, only http_proxy"
        yield Finding(Result.WARN, summary, "set http_proxy as well", part="http_proxy")
    if not _names_this_machine(given.get("no_proxy") or given.get("NO_PROXY", "")):
        summary = "programs may ask the proxy for servers of the workspace itself"
        yield Finding(Result.WARN, summary, "add localhost,127.0.0.1 to NO_PROXY", part="NO_PROXY")
    shown = []
    for name, proxy in proxies.items():
        try:
            shown.append(f"{name}={proxy.host}:{proxy.port}")
        except ValueError:
            summary = f"{name} is no address of a proxy"
            yield Finding(Result.FAIL, summary, f"set {name}=http://HOST:PORT", part=name)
    if shown:
        facts = {"variables": sorted(given)}
        yield Finding(Result.OK, f"{', '.join(shown)}; {IGNORE}", INSTEAD, facts)


def _names_this_machine(no_proxy: str) -> bool:
    words = {word.strip().lower() for word in no_proxy.split(",")}
    return "*" in words or ("localhost" in words and bool(words & {"127.0.0.1", "127.0.0.0/8"}))


CHECK = Check(
    "proxy", "Network", "what the variables of proxies say, and which programs ignore them", look,
    documents="docs/proxy.md#the-proxy-itself",
)  # fmt: skip
