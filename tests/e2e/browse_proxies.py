"""What a person does with a link and a login, in a real browser behind a real proxy.

Usage: python -m tests.e2e.browse_proxies LINK PASSWORD. Prints what it saw as one JSON object.
"""

import json
import sys
from typing import Any

from playwright.sync_api import BrowserContext, sync_playwright

from tests.e2e.windows import LOAD, READY, Sockets, find_cookies, open_window


def use_link(context: BrowserContext, link: str) -> dict[str, Any]:
    """Open a link, press its button, use the editor, log out; then open the link again."""
    page = context.new_page()
    sockets = Sockets(page)
    page.goto(link, timeout=LOAD)
    shown = page.url
    page.click("button")
    page.wait_for_selector(READY, timeout=LOAD)
    seen = {"shown": shown, "editor": page.url.partition("?")[0], "cookies": find_cookies(context),
            "script": page.evaluate("document.cookie.includes('code-server')"),
            "sockets": sockets.wait(page)}  # fmt: skip
    other = context.new_page()
    other.goto(link, timeout=LOAD)
    other.click("button")
    other.wait_for_selector("#said:not(:has-text('works once'))", timeout=LOAD)
    seen["again"] = other.inner_text("#said")
    base = page.url.partition("?")[0]
    other.goto(f"{base}logout?base=.&href={base}logout", timeout=LOAD)
    other.wait_for_selector("input[type=password]", timeout=LOAD)
    seen["left"] = find_cookies(context)
    return seen


def use_password(context: BrowserContext, base: str, password: str) -> dict[str, Any]:
    """Log in as always, and out again by the editor's own address for that.

    Nobody works in this editor: browse_idle.py waits for one behind the same form.
    """
    page = context.new_page()
    page.goto(base, timeout=LOAD)
    page.fill("input[type=password]", password)
    page.press("input[type=password]", "Enter")
    page.wait_for_url(is_editor, wait_until="commit", timeout=LOAD)
    seen = {"cookies": find_cookies(context)}
    page.goto(f"{base}logout?base=.&href={base}logout", timeout=LOAD)
    page.wait_for_selector("input[type=password]", timeout=LOAD)
    seen["left"] = find_cookies(context)
    return seen


def is_editor(url: str) -> bool:
    """Tell whether an address is the editor's, which it has only for who is logged in."""
    return "/login" not in url


def main() -> None:
    """Do both and print what was seen."""
    link, password = sys.argv[1:]
    base = link.partition("devcopilot/open")[0]
    with sync_playwright() as playwright:
        with open_window(playwright, private=True) as window:
            seen = {"link": use_link(window, link)}
        with open_window(playwright, private=True) as window:
            seen["password"] = use_password(window, base, password)
    print(json.dumps(seen))


if __name__ == "__main__":
    main()
