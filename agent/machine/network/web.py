"""One connection to a server, through the proxy of the environment where there is one.

For looking at the connection itself, and for the few bytes that need no library.
"""

import http.client
import ssl
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from urllib.parse import SplitResult, urlsplit

from agent.machine.network.proxies import Proxy, find_proxy
from agent.machine.network.system_certificates import find_public

TIMEOUT = 10.0
"""Seconds for a connection, and for each wait for an answer."""
LONGEST = 64 * 1024
"""Bytes of an answer."""


class ConnectTimeoutError(TimeoutError):
    """No connection came about in time: nothing was sent."""


class ProxyError(OSError):
    """The proxy refuses, or cannot be spoken to."""


def find_port(parts: SplitResult) -> int:
    """Return the port of a URL. Raises ValueError."""
    return parts.port or (443 if parts.scheme == "https" else 80)


def make_context(environ: Mapping[str, str]) -> ssl.SSLContext:
    """Return what the workspace's programs trust. Raises OSError for a bundle that is none."""
    bundle = environ.get("SSL_CERT_FILE") or find_public()
    return ssl.create_default_context(cafile=bundle)


@contextmanager
def connect(
    url: str,
    environ: Mapping[str, str],
    context: ssl.SSLContext | None = None,
    timeout: float = TIMEOUT,
) -> Iterator[http.client.HTTPConnection]:
    """Yield an open connection; `context` None: what the workspace's programs trust.

    Raises OSError: gaierror for a name that is not known, SSLError, ProxyError, TimeoutError.
    """
    parts = urlsplit(url)
    host, port = parts.hostname or "", find_port(parts)
    proxy = find_proxy(parts.scheme, host, environ)
    if proxy and proxy.scheme != "http":
        raise ProxyError(None, f"{proxy.variable} names a proxy of type {proxy.scheme}")
    connection = _make(parts, proxy, environ, context, timeout)
    if proxy and parts.scheme == "https":
        connection.set_tunnel(host, port, _authorize(proxy))
    try:
        try:
            connection.connect()
        except TimeoutError as error:
            raise ConnectTimeoutError(*error.args) from error
        yield connection
    except http.client.HTTPException as error:
        raise ConnectionError(None, f"it does not speak HTTP: {type(error).__name__}") from error
    except OSError as error:
        if proxy and str(error).startswith("Tunnel connection failed: "):
            raise ProxyError(None, str(error).removeprefix("Tunnel connection failed: ")) from error
        raise
    finally:
        connection.close()


def _make(
    parts: SplitResult,
    proxy: Proxy | None,
    environ: Mapping[str, str],
    context: ssl.SSLContext | None,
    timeout: float,
) -> http.client.HTTPConnection:
    host, port = parts.hostname or "", find_port(parts)
    if proxy:
        host, port = proxy.host, proxy.port
    if parts.scheme == "https":
        context = context or make_context(environ)
        return http.client.HTTPSConnection(host, port, timeout=timeout, context=context)
    return http.client.HTTPConnection(host, port, timeout=timeout)


def _authorize(proxy: Proxy) -> dict[str, str]:
    if not proxy.login:
        return {}
    return {"Proxy-Authorization": f"Basic {b64encode(proxy.login.encode()).decode()}"}


def ask(
    method: str,
    url: str,
    environ: Mapping[str, str],
    headers: Mapping[str, str] | None = None,
    body: bytes = b"",
    context: ssl.SSLContext | None = None,
) -> tuple[int, Mapping[str, str], bytes]:
    """Return status, headers by lower-case name, and the beginning of an answer's body.

    Follows no redirection. Raises OSError as `connect` does.
    """
    parts = urlsplit(url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    more = dict(headers or {})
    proxy = find_proxy(parts.scheme, parts.hostname or "", environ)
    if proxy and parts.scheme == "http":
        target, more = url, {**more, **_authorize(proxy)}
    host = {"Host": parts.netloc.rpartition("@")[2]}
    with connect(url, environ, context) as connection:
        connection.request(method, target, body or None, {**host, **more})
        answer = connection.getresponse()
        names = {name.lower(): value for name, value in answer.getheaders()}
        return answer.status, names, answer.read(LONGEST)
