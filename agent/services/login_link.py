"""One-time links into the editor, and what login-link.cjs has to know to open it.

A link is a random token of which only the digest is kept, as a file of that name in the runtime
folder. login-link.cjs, in code-server's own process, takes it; see docs/decisions/login-link.md.
"""

import hashlib
import json
import secrets
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import quote, urlsplit

from agent.machine.formats.parsing import parse_json
from agent.machine.light.files import SETTINGS, read_file
from agent.machine.network.addresses import LOOPBACK, is_address
from agent.machine.system import Facts, System
from agent.machine.values import frozen
from agent.services.editor_login import Hash
from agent.settings.everything import Settings
from agent.settings.front import Front

DOOR = "code-server.door.json"
"""File in the runtime folder with the cookie that a link gives."""
LINKS = "links"
"""Folder in the runtime folder."""
PATH = "devcopilot/open"
TOKEN_BYTES = 32
LONGEST = 24 * 3600.0
"""Seconds that a link may be valid."""
REMEMBERED = 24 * 3600.0
"""Seconds for which one that is over is still told from one that never was."""
PLAIN = "; SameSite=Lax; HttpOnly"
FRAMED = "; HttpOnly; Secure; SameSite=None; Partitioned"
"""https://developer.mozilla.org/docs/Web/Privacy/Guides/Privacy_sandbox/Partitioned_cookies: sent
in a frame of another website too, yet only below the website in which it was given."""


def encode_door(given: Hash, name: str, front: Front) -> bytes:
    """Return what login-link.cjs reads: the session's cookie, and what it says to browsers."""
    value = quote(given.text, safe="!'()*")  # as encodeURIComponent, by which code-server writes it
    flags = FRAMED if front.is_https else PLAIN
    return json.dumps({
        "name": name,
        "cookie": f"{name}={value}; {find_reach(front)}{flags}",
        "flags": flags,
        "origin": find_origin(front) if front.is_https else None,
    }).encode()  # fmt: skip


def find_reach(front: Front) -> str:
    """Return where a browser sends the cookie: what code-server says, which also takes it away.

    https://github.com/coder/code-server/blob/v4.139.0/src/node/http.ts: getCookieDomain
    """
    parts = urlsplit(front.public_url or "")
    host, path = parts.hostname or "", parts.path or "/"
    has_domain = "." in host and not is_address(host) and not host.endswith(".localhost")
    return f"Domain={host}; Path={path}" if has_domain else f"Path={path}"


def find_origin(front: Front) -> str:
    """Return the origin of the public address, as browsers write it."""
    return f"{urlsplit(front.public_url or '').scheme}://{front.host}"


# --- links --------------------------------------------------------------------------------------


@frozen
class Link:
    """A link that works once."""

    action: str
    """Where its page is, and where the token is posted to."""
    token: str
    expires: datetime

    @property
    def url(self) -> str:
        """Return the link. Browsers keep what follows the # to themselves."""
        return f"{self.action}#{self.token}"


def find_address(settings: Settings) -> str:
    """Return the address of the editor: on this machine, where its public one is not known."""
    return settings.front.public_url or f"http://{LOOPBACK}:{settings.editor.port}"


def make(settings: Settings, facts: Facts, seconds: float) -> Link:
    """Make a link that is valid for so long. Raises OSError."""
    folder, uptime = facts.runtime / LINKS, facts.clock.uptime()
    for old in find_old(folder, uptime):
        old.unlink(missing_ok=True)
    token = secrets.token_urlsafe(TOKEN_BYTES)
    name = hashlib.sha256(token.encode()).hexdigest()
    content = json.dumps({"until": uptime + seconds}).encode()  # nobody sets that clock
    System({}).write_file(folder / name, content, 0o600)
    expires = facts.clock.now() + timedelta(seconds=seconds)
    return Link(f"{find_address(settings)}/{PATH}", token, expires)


def find_old(folder: Path, uptime: float) -> Iterator[Path]:
    """Yield the links that were over long ago."""
    for path in folder.iterdir() if folder.is_dir() else ():
        until = 0.0
        with suppress(OSError, ValueError, KeyError, TypeError):
            until = float(parse_json(read_file(path, SETTINGS))["until"])
        if until + REMEMBERED < uptime:
            yield path
