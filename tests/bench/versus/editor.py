"""Opens the editor in a real browser; runs inside the image of the test tools.

Reads a URL a line, and answers with the moment (CLOCK_MONOTONIC, which containers share) at which
the workbench was there, its explorer listed the folder, and a key opened the command palette.
"""

import sys
import time

from playwright.sync_api import Browser, Error, sync_playwright

BROWSER = "/usr/bin/chromium"
OPTIONS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-sync",
           "--disable-background-networking", "--disable-component-update"]  # fmt: skip
LOAD = 60_000
"""Milliseconds."""


def open_editor(browser: Browser, url: str) -> float:
    """Return when a person could work; each time with a profile of its own, as the first time."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    try:
        page = context.new_page()
        page.goto(url, timeout=LOAD)
        page.wait_for_selector(".part.statusbar .statusbar-item", timeout=LOAD)
        page.wait_for_selector(".explorer-folders-view", timeout=LOAD)
        page.keyboard.press("F1")
        page.wait_for_selector(".quick-input-list .monaco-list-row", timeout=LOAD)
        return time.monotonic()
    finally:
        context.close()


def main() -> None:
    """Answer until there is nothing more to open."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=OPTIONS)
        print("ready", flush=True)
        for line in sys.stdin:
            try:
                print(open_editor(browser, line.strip()), flush=True)
            except Error as error:
                print(f"failed: {error.message.splitlines()[0]}", flush=True)
        browser.close()


if __name__ == "__main__":
    main()
