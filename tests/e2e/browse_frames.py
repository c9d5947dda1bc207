"""Open front ends that have the editor in a frame, and each in a tab of its own from there.

Usage: python -m tests.e2e.browse_frames FRONT…. Prints what it saw as one JSON object.
"""

import json
import sys
from typing import Any

from playwright.sync_api import BrowserContext, sync_playwright

from tests.e2e.windows import LOAD, READY, Sockets, find_cookies, open_window

LEAVE = "localStorage.setItem('left', 'here'); document.cookie = 'left=here; SameSite=None; Secure'"
FIND = "[localStorage.getItem('left'), document.cookie.includes('left=here')]"
LINK = "Open in a new tab"


def use_frame(context: BrowserContext, front: str) -> dict[str, Any]:
    """Work in the editor in a frame of another page, then in a tab.

    A frame of another website has a storage and a session of its own; one of the same website
    shares both with the tab.
    """
    page = context.new_page()
    sockets = Sockets(page)
    page.goto(front, timeout=LOAD)
    page.frame_locator("iframe").locator(READY).wait_for(timeout=LOAD)
    frame = page.frame(name="ide")
    assert frame
    frame.evaluate(LEAVE)
    seen = {"page": page.url, "editor": frame.url.partition("?")[0],
            "sockets": sockets.wait(page), "cookies": find_cookies(context),
            "left": frame.evaluate(FIND)}  # fmt: skip
    with context.expect_page(timeout=LOAD) as opened:
        page.get_by_role("link", name=LINK).click()
    tab = opened.value
    tab.wait_for_selector(READY, timeout=LOAD)
    seen["tab"] = {"editor": tab.url.partition("?")[0], "left": tab.evaluate(FIND),
                   "opener": tab.evaluate("window.opener !== null")}  # fmt: skip
    return seen


def main() -> None:
    """Look at each front end in both kinds of windows."""
    seen: dict[str, dict[str, Any]] = {}
    with sync_playwright() as playwright:
        for kind in ("normal", "private"):
            for front in sys.argv[1:]:
                with open_window(playwright, private=kind == "private") as window:
                    seen.setdefault(kind, {})[front] = use_frame(window, front)
    print(json.dumps(seen))


if __name__ == "__main__":
    main()
