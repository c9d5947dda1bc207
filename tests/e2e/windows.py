"""Windows of a real browser, as people have them; imported inside the image of the test tools."""

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import BrowserContext, Page, Playwright, WebSocket

BROWSER = "/usr/bin/chromium"
OPTIONS = [
    "--no-sandbox",  # the container is the sandbox
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--ignore-certificate-errors",
    # Instead of Playwright's own list, which switches off that each website around a frame has a
    # storage of its own (ThirdPartyStoragePartitioning). Of two, Chromium takes the last.
    "--disable-features=MediaRouter",
]
PRIVATE = "--test-third-party-cookie-phaseout"
"""As private windows do it: a frame of another website has no cookies but partitioned ones.
Debian's Chromium does so in each window."""
LOAD = 200_000
"""Milliseconds that a cold workbench may take on a slow machine."""
POLL = 200
"""Milliseconds between two looks."""
READY = ".monaco-workbench .part.statusbar"
FIELDS = ("path", "httpOnly", "secure", "sameSite", "partitionKey")


class Sockets:
    """The WebSockets of a page on which something came back."""

    def __init__(self, page: Page) -> None:
        self.alive: set[str] = set()
        self.spoken: dict[WebSocket, float] = {}
        """Each of them -> when it last said something (monotonic seconds)."""
        page.on("websocket", self._begin)

    def wait(self, page: Page) -> list[str]:
        """Return where they lead, once something came back on one of them."""
        end = time.monotonic() + LOAD / 1000
        while not self.alive and time.monotonic() < end:
            page.wait_for_timeout(POLL)
        return sorted(self.alive)

    def _begin(self, socket: WebSocket) -> None:
        socket.on("framereceived", lambda _: self._hear(socket))

    def _hear(self, socket: WebSocket) -> None:
        self.alive.add(socket.url.partition("?")[0])
        self.spoken[socket] = time.monotonic()


@contextmanager
def open_window(playwright: Playwright, private: bool) -> Iterator[BrowserContext]:
    """Open a window; a private one keeps nothing and blocks other websites' cookies."""
    chromium, options = playwright.chromium, [*OPTIONS, *([PRIVATE] if private else [])]
    if private:
        with chromium.launch(executable_path=BROWSER, args=options) as browser:
            context = browser.new_context(ignore_https_errors=True)
            context.set_default_timeout(LOAD)
            yield context
        return
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder,
        chromium.launch_persistent_context(
            folder, executable_path=BROWSER, args=options, ignore_https_errors=True
        ) as context,
    ):
        context.set_default_timeout(LOAD)
        yield context


def find_cookies(context: BrowserContext) -> list[dict[str, Any]]:
    """Return what is known of the session's cookies, without their values."""
    found = [cookie for cookie in context.cookies() if "code-server" in cookie.get("name", "")]
    return [{name: cookie.get(name) for name in FIELDS} for cookie in found]
