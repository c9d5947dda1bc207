"""What a person does with a link, a login and a frame, in a real browser behind a real proxy.

Usage: python browse_proxies.py LINK PASSWORD FRONT. Prints what it saw as one JSON object.
"""

import json
import sys
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page, WebSocket, sync_playwright

BROWSER = "/usr/bin/chromium"
OPTIONS = [
    "--no-sandbox",  # the container is the sandbox
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--ignore-certificate-errors",
    "--test-third-party-cookie-phaseout",  # as browsers that block what is not partitioned
]
LOAD = 200_000
"""Milliseconds that a cold workbench may take on a slow machine."""
READY = ".monaco-workbench .part.statusbar"
FIELDS = ("path", "httpOnly", "secure", "sameSite", "partitionKey")


class Sockets:
    """The WebSockets of a page on which something came back."""

    def __init__(self, page: Page) -> None:
        self.alive: set[str] = set()
        page.on("websocket", self._begin)

    def _begin(self, socket: WebSocket) -> None:
        socket.on("framereceived", lambda _: self.alive.add(socket.url.partition("?")[0]))


def find_cookies(context: BrowserContext) -> list[dict[str, Any]]:
    """Return what is known of the session's cookies, without their values."""
    found = [cookie for cookie in context.cookies() if "code-server" in cookie.get("name", "")]
    return [{name: cookie.get(name) for name in FIELDS} for cookie in found]


def use_link(browser: Browser, link: str) -> dict[str, Any]:
    """Open a link, press its button, use the editor, log out; then open the link again."""
    context = browser.new_context(ignore_https_errors=True)
    page = context.new_page()
    sockets = Sockets(page)
    page.goto(link, timeout=LOAD)
    shown = page.url
    page.click("button")
    page.wait_for_selector(READY, timeout=LOAD)
    seen = {"shown": shown, "editor": page.url.partition("?")[0], "cookies": find_cookies(context),
            "script": page.evaluate("document.cookie.includes('code-server')"),
            "sockets": sorted(sockets.alive)}  # fmt: skip
    other = context.new_page()
    other.goto(link, timeout=LOAD)
    other.click("button")
    seen["again"] = other.inner_text("#said")
    base = page.url.partition("?")[0]
    other.goto(f"{base}logout?base=.&href={base}logout", timeout=LOAD)
    other.wait_for_selector("input[type=password]", timeout=LOAD)
    seen["left"] = find_cookies(context)
    context.close()
    return seen


def use_password(browser: Browser, base: str, password: str) -> dict[str, Any]:
    """Log in as always, and out again by the editor's own address for that."""
    context = browser.new_context(ignore_https_errors=True)
    page = context.new_page()
    page.goto(base, timeout=LOAD)
    page.fill("input[type=password]", password)
    page.press("input[type=password]", "Enter")
    page.wait_for_selector(READY, timeout=LOAD)
    seen = {"cookies": find_cookies(context)}
    page.goto(f"{base}logout?base=.&href={base}logout", timeout=LOAD)
    page.wait_for_selector("input[type=password]", timeout=LOAD)
    seen["left"] = find_cookies(context)
    context.close()
    return seen


def use_frame(browser: Browser, front: str) -> dict[str, Any]:
    """Open a page of another website that has the editor in a frame.

    A new context is a private window: Chromium gives a frame of another website its partitioned
    cookie there, yet no storage, so the workbench itself does not come up.
    """
    context = browser.new_context(ignore_https_errors=True)
    page = context.new_page()
    with page.expect_response(lambda answer: "/octo/?folder=" in answer.url, timeout=LOAD) as found:
        page.goto(front, timeout=LOAD)
    seen = {"page": page.url, "editor": found.value.status, "cookies": find_cookies(context)}
    context.close()
    return seen


def main() -> None:
    """Do all three and print what was seen."""
    link, password, front = sys.argv[1:]
    base = link.partition("devcopilot/open")[0]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=OPTIONS)
        seen = {
            "link": use_link(browser, link),
            "password": use_password(browser, base, password),
            "frame": use_frame(browser, front),
        }
        browser.close()
    print(json.dumps(seen))


if __name__ == "__main__":
    main()
