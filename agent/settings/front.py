"""What stands in front of the editor, such as a proxy. To add a variable, add a field.

Each is checked for what code-server would accept in silence and then act on otherwise.
"""

import re
from urllib.parse import urljoin, urlsplit

from agent.machine.light.expressions import regex
from agent.machine.network.addresses import is_address
from agent.machine.values import frozen
from agent.settings.lists import read_each, split_words
from agent.settings.parsers import matching
from agent.settings.urls import http_url, is_in_clear
from agent.settings.variable import variable

ANY = "*"
PORT, HOST = "{{port}}", "{{host}}"
"""What code-server replaces in a pattern."""
_LABEL = r"(?!-)[a-z0-9_-]+"
_NAME = regex(rf"{_LABEL}(\.{_LABEL})*")
_USUAL_PORTS = (":80", ":443")
"""Browsers leave them out of what they call the origin."""
_PLAIN = regex(r"[A-Za-z0-9._~%/:\[\]-]*")


def _is_host(text: str) -> bool:
    """Tell whether this is the name or address of a host, with a port or without."""
    try:
        parts = urlsplit(f"//{text}")
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return False
    bare = f"[{host}]" if ":" in host else host
    good = bool(_NAME.fullmatch(host)) or is_address(host)
    return good and text == (bare if port is None else f"{bare}:{port}") and port != 0


def _bare_origin(word: str) -> str:
    """Return the host of an origin as code-server compares it, without scheme and usual port."""
    bare = re.sub(r"^https?://", "", word.lower()).removesuffix("/")
    return next((bare.removesuffix(usual) for usual in _USUAL_PORTS if bare.endswith(usual)), bare)


def origins(value: str) -> tuple[str, ...]:
    """Read hosts of websites: a host, a host with its port, *.DOMAIN, or * for all."""
    return tuple(dict.fromkeys(read_each(split_words(value), "hosts", _origin)))


def _origin(word: str) -> str:
    bare = _bare_origin(word)
    if bare != ANY and not _is_host(bare.removeprefix("*.")):
        raise ValueError("a host such as dev.example.com, dev.example.com:8443 or *.example.com")
    return bare


def proxy_domains(value: str) -> tuple[str, ...]:
    """Read domains below which each port has a name of its own."""
    return read_each(split_words(value), "domains", _proxy_domain)


def _proxy_domain(word: str) -> str:
    domain = word.lower().removeprefix("*.")
    sample = domain.replace(PORT, "3000", 1).replace(HOST, "host", 1)
    if not _NAME.fullmatch(sample) or "." not in domain.replace(HOST, "a.b"):
        raise ValueError(
            f"a domain such as example.com or {PORT}-dev.example.com, without scheme and port"
        )
    return domain


def base_path(value: str) -> str:
    """Read the path that a proxy removes; without the slash at its end."""
    path = value.rstrip("/")
    words = path.split("/")[1:]
    good = all(re.fullmatch(r"[A-Za-z0-9._~-]+", word) and word.strip(".") for word in words)
    if not value.startswith("/") or not words or not good:
        raise ValueError("a path such as /octo: letters, digits and any of / . _ ~ -")
    return path


cookie_suffix = matching(r"[A-Za-z0-9-]{1,64}", "a name of at most 64 letters, digits and dashes")


def proxy_uri(value: str) -> str:
    """Read the address of a port, with {{port}} in it; relative ones are below the editor's."""
    sample = value.replace(PORT, "3000").replace(HOST, "dev.example.com")
    if re.match("(https?:)?//", value):
        good = _is_host(urlsplit(sample).netloc.lower())
    else:
        good = value.startswith(("/", "./"))
    if not good or value.count(PORT) != 1 or not _PLAIN.fullmatch(sample):
        raise ValueError(
            f"an address with {PORT} in it, such as https://{PORT}.example.com or /proxy/{PORT}/"
        )
    return value


def link_domains(value: str) -> tuple[str, ...]:
    """Read websites whose links open without a question: example.com, https://*.example.com."""
    return read_each(split_words(value), "websites", _website)


def _website(word: str) -> str:
    scheme, found_scheme, host = word.rpartition("://")
    bare = host.lower().removeprefix("*.")
    if not _is_host(bare) or (found_scheme and scheme not in ("http", "https")):
        raise ValueError("a website such as example.com or https://*.example.com")
    return word


@frozen
class Front:
    """Behind a proxy."""

    public_url: str | None = variable(
        "DEV8_PUBLIC_URL",
        http_url,
        "Address at which a browser reaches code-server, such as https://dev.example.com or "
        "https://example.com/octo. The editor then accepts this host whatever the proxy makes of "
        "it, and `devcopilot ports` and `open` print links with it. With https, the editor also "
        "works in a frame of another website.",
    )
    trusted_origins: tuple[str, ...] | None = variable(
        "DEV8_CODE_SERVER_TRUSTED_ORIGINS",
        origins,
        "More hosts from which the editor accepts WebSockets: dev.example.com, "
        "dev.example.com:8443, *.example.com. * accepts every website.",
    )
    proxy_domain: tuple[str, ...] | None = variable(
        "DEV8_CODE_SERVER_PROXY_DOMAIN",
        proxy_domains,
        "Domain below which ports have names: example.com shows port 3000 at 3000.example.com, "
        "{{port}}-dev.example.com at 3000-dev.example.com. The login counts there, too, if the "
        "editor itself is at example.com.",
    )
    base_path: str | None = variable(
        "DEV8_CODE_SERVER_BASE_PATH",
        base_path,
        "Path that the proxy removes, for /absproxy/PORT/. By default the path of DEV8_PUBLIC_URL.",
    )
    cookie_suffix: str | None = variable(
        "DEV8_CODE_SERVER_COOKIE_SUFFIX",
        cookie_suffix,
        "What tells the session's cookie from that of other workspaces on the same host. By "
        "default ENVIRONMENT_ID, or something new with each password.",
    )
    proxy_uri: str | None = variable(
        "DEV8_CODE_SERVER_PROXY_URI",
        proxy_uri,
        "Address at which the editor and `devcopilot ports` show a port, such as "
        "https://{{port}}.example.com. By default /proxy/{{port}}/ below the editor's own.",
    )
    link_domains: tuple[str, ...] | None = variable(
        "DEV8_CODE_SERVER_LINK_DOMAINS",
        link_domains,
        "Websites whose links the editor opens without a question: example.com, "
        "https://*.example.com.",
    )

    @property
    def host(self) -> str | None:
        """Return the host of the public address as code-server compares it, with its port."""
        return _bare_origin(urlsplit(self.public_url).netloc) if self.public_url else None

    @property
    def origins(self) -> tuple[str, ...]:
        """Return all hosts from which WebSockets are accepted, beside the one that is asked."""
        own = (self.host,) if self.host else ()
        return tuple(dict.fromkeys((*own, *(self.trusted_origins or ()))))

    @property
    def prefix(self) -> str:
        """Return the path that the proxy removes; empty: none."""
        return self.base_path or urlsplit(self.public_url or "").path

    @property
    def is_https(self) -> bool:
        """Tell whether browsers come by https."""
        return (self.public_url or "").lower().startswith("https:")

    @property
    def is_in_clear(self) -> bool:
        """Tell whether others can read what the browser sends."""
        return bool(self.public_url) and is_in_clear(self.public_url or "")

    def find_port_url(self, port: int) -> str:
        """Return the address at which the editor shows a port: a path where its own is unknown."""
        template = self.proxy_uri
        if template is None and self.proxy_domain:
            first = self.proxy_domain[0]
            template = f"//{first if PORT in first else f'{PORT}.{first}'}"
        filled = (template or f"./proxy/{PORT}/").replace(PORT, str(port))
        filled = filled.replace(HOST, self.host or HOST)
        if self.public_url:
            return urljoin(f"{self.public_url}/", filled)
        return f"https:{filled}" if filled.startswith("//") else filled.removeprefix(".")
