"""What supervisord does without, to be small and soon there.

It is a server on a unix socket. Of what it imports, the client's half of HTTP, TLS, compression,
the pages for a browser, log files of its own and the entry points of installed packages are a third
of its memory, and never used here. Python's own way to say that a module is not there is None in
`sys.modules`.
"""

import importlib
import importlib.util
import os
import sys
from types import ModuleType

from agent.machine.light import later

OPTIONAL = ("ssl", "gzip", "bz2", "lzma", "zlib")
"""Whoever imports them has a way without."""
OPENSSL = "_hashlib"
BUILT_IN = (
    "_md5",
    "_sha1",
    *(("_sha2",) if sys.version_info >= (3, 12) else ("_sha256", "_sha512")),
)
"""What `hashlib` has instead of OpenSSL's, where Python was built with them."""
LAZY = ("ipaddress", "mimetypes")
"""Loaded when they are used first."""
LATER = (
    "supervisor.dispatchers", "supervisor.http", "supervisor.process", "supervisor.rpcinterface",
    "supervisor.xmlrpc", "agent.services.supervisord_fork",
)  # fmt: skip
"""What supervisord imports only when it has read its configuration."""


class EntryPoint:
    """As much of `importlib.metadata.EntryPoint` as finds MODULE:NAME."""

    def __init__(self, name: str | None, value: str, group: str | None) -> None:
        self.name = name
        self.value = value
        self.group = group

    def load(self) -> object:
        """Return what is meant. Raises ImportError, AttributeError."""
        module, _, name = self.value.partition(":")
        return getattr(importlib.import_module(module), name)


class NoPages:
    """A handler of HTTP requests that takes none."""

    def __init__(self, supervisord: object) -> None:
        """`supervisord` is what it would show."""

    def match(self, request: object) -> bool:  # noqa: ARG002
        """Tell that this request is another handler's."""
        return False


def find_node() -> str:
    """Return the name of the machine, as `platform.node` does."""
    return os.uname().nodename


STAND_INS: dict[str, dict[str, object]] = {
    "decimal": {"Decimal": float},
    "gettext": {"gettext": str},
    "importlib.metadata": {"EntryPoint": EntryPoint},
    "importlib.resources": {},
    "http.client": {"HTTPConnection": object},
    "html.entities": {"html5": {}},
    "html.parser": {"HTMLParser": object},
    "platform": {"node": find_node},
    "supervisor.web": {"supervisor_ui_handler": NoPages},
    "tempfile": {"gettempdir": str},
}
"""By module: the names in it that something is made of while supervisord loads."""


def go_without() -> None:
    """Let what is imported from now on do without these modules; those that are there stay."""
    has_hashes = all(importlib.util.find_spec(name) for name in BUILT_IN)
    for name in (*OPTIONAL, *((OPENSSL,) if has_hashes else ())):
        sys.modules.setdefault(name, None)  # type: ignore[arg-type]
    for name, content in STAND_INS.items():
        module = ModuleType(name)
        vars(module).update(content)
        sys.modules.setdefault(name, module)
    later.put_off(*LAZY)


def start_at_once() -> None:
    """Have supervisord start its services at its first look.

    It starts what is due after each look at its descriptors, and each takes up to a second.
    """
    from supervisor import poller  # noqa: PLC0415 - of what is loaded here it is the last

    class Poller(poller.Poller):  # type: ignore[misc]
        is_first = True

        def poll(self, timeout: float) -> tuple[list[int], list[int]]:
            if self.is_first:
                self.is_first, timeout = False, 0.0
            found: tuple[list[int], list[int]] = super().poll(timeout)
            return found

    poller.Poller = Poller
