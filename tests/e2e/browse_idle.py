"""Leave the editor alone behind a proxy that ends silent connections.

Usage: python -m tests.e2e.browse_idle URL PASSWORD SECONDS. Logs in, then does nothing for so long.
Prints what became of the WebSockets as one JSON object.
"""

import json
import sys
import time
from typing import Any

from playwright.sync_api import Page, WebSocket, sync_playwright

from tests.e2e.windows import LOAD, POLL, READY, Sockets, open_window

USUAL = 2
"""WebSockets of an editor: to the server, and to its extensions."""


def connect(page: Page, sockets: Sockets) -> set[WebSocket]:
    """Return the WebSockets of an editor that has just come up, once all are there."""
    end = time.monotonic() + LOAD / 1000
    while len(sockets.spoken) < USUAL and time.monotonic() < end:
        page.wait_for_timeout(POLL)
    return set(sockets.spoken)


def leave_alone(page: Page, sockets: Sockets, seconds: float) -> dict[str, Any]:
    """Do nothing until the time has passed, or a WebSocket has ended or takes another's place."""
    first = connect(page, sockets)
    end = time.monotonic() + seconds
    silence = 0.0
    while (now := time.monotonic()) < end and not find_lost(sockets):
        silence = max([silence, *(now - spoken for spoken in sockets.spoken.values())])
        page.wait_for_timeout(POLL)
    return {
        "sockets": len(first), "all": len(sockets.spoken), "lost": find_lost(sockets),
        "silence": round(silence, 1),
    }  # fmt: skip


def find_lost(sockets: Sockets) -> list[str]:
    """Return what tells of connections that have broken."""
    urls = [socket.url for socket in sockets.spoken]
    again = ["reconnected" for url in urls if "reconnection=true" in url]
    return [*again, *("closed" for socket in sockets.spoken if socket.is_closed())]


def main() -> None:
    """Log in and do nothing."""
    url, password, seconds = sys.argv[1:]
    with sync_playwright() as playwright, open_window(playwright, private=False) as window:
        page = window.new_page()
        sockets = Sockets(page)
        page.goto(url, timeout=LOAD)
        page.fill("input[type=password]", password)
        page.press("input[type=password]", "Enter")
        page.wait_for_selector(READY, timeout=LOAD)
        print(json.dumps(leave_alone(page, sockets, float(seconds))))


if __name__ == "__main__":
    main()
