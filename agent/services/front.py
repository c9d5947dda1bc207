"""The editor behind a proxy: what it has to know of that, and the name of its session's cookie."""

import contextlib
import hashlib
import re
from collections.abc import Iterator

from agent.machine.errors import Problem
from agent.machine.system import Facts
from agent.services.editor_login import Hash
from agent.settings.everything import Settings
from agent.settings.front import ANY, cookie_suffix

SUFFIX = "CODE_SERVER_COOKIE_SUFFIX"
"""code-server's own variable for that, which would win over what the agent writes."""


SESSION = "code-server-session"
"""What the name of code-server's cookie begins with."""


def find_options(settings: Settings) -> dict[str, object]:
    """Return what code-server has to know of the proxy in front of it."""
    front = settings.front
    found = {
        "abs-proxy-base-path": front.prefix,
        "trusted-origins": list(front.origins),
        "proxy-domain": list(front.proxy_domain or ()),
        "link-protection-trusted-domains": list(front.link_domains or ()),
    }
    return {name: value for name, value in found.items() if value}


def check(settings: Settings) -> Iterator[Problem]:
    """Yield what is unsafe about the proxy in front of it."""
    front = settings.front
    if front.is_in_clear:
        yield Problem(
            f"DEV8_PUBLIC_URL={front.public_url} is not https: others can read the session, and "
            "web views do not load",
            "put TLS in front of the editor: docs/proxies.md",
        )
    if ANY in front.origins:
        yield Problem(
            "the editor accepts WebSockets from every website (DEV8_CODE_SERVER_TRUSTED_ORIGINS=*)",
            "name the hosts",
        )


def name_cookie(given: Hash, settings: Settings, facts: Facts) -> str:
    """Return what tells this editor's session cookie from another's on the same host.

    Browsers send cookies to every port of a host: of one name, a login there would end this one's.
    The salt is new with each hash and no secret; the rest of it must not be seen in a name. That of
    a password that was made has no salt, and nobody finds out by a digest of it what it is.
    """
    chosen = settings.front.cookie_suffix or facts.user_environ.get(SUFFIX, "")
    for word in (chosen, settings.workspace.identifier or ""):
        with contextlib.suppress(ValueError):
            return cookie_suffix(word)
    basis = settings.workspace.identifier or given.text.rpartition("$")[0] or SESSION + given.text
    return hashlib.sha256(basis.encode()).hexdigest()[:12]


def name_session(suffix: str) -> str:
    """Return the name of the cookie as code-server makes it of a suffix."""
    return f"{SESSION}-{re.sub('[^a-zA-Z0-9-]', '-', suffix)}"
