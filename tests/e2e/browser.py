"""What a person does in the editor, in a real browser; runs inside the image of the test tools.

Usage: python browser.py URL PASSWORD FOLDER. Prints what it saw as one JSON object; screenshots go
to FOLDER.
"""

import json
import sys
from pathlib import Path

from playwright.sync_api import Page, sync_playwright
from playwright.sync_api import TimeoutError as LateError

BROWSER = "/usr/bin/chromium"
OPTIONS = [
    "--no-sandbox",  # the container is the sandbox
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
LOAD = 150_000
"""Milliseconds that a cold workbench may take on a slow machine."""
COMMAND = "Terminal: Create New Terminal"
TERMINAL = ".terminal-wrapper.active"
"""The terminal that is shown: the workspace may have opened another before."""
PROBE = "mkdir /workspace/begun && { sh /workspace/probe; touch /workspace/done; }"
"""The script that the test has put into the workspace, which starts every tool: once, however often
it is typed."""
LIST = 10_000
"""Milliseconds that the list of commands may take; it lacks those that were not there before."""
TRIES, TRY = 4, 60_000
"""How often it is typed, and milliseconds until a person would look again: on a busy machine a
shell that starts may drop what was typed before."""


def log_in(page: Page, url: str, password: str) -> None:
    """Pass the password form."""
    page.goto(url, timeout=LOAD)
    page.fill("input[type=password]", password)
    page.press("input[type=password]", "Enter")
    page.wait_for_selector(".monaco-workbench", timeout=LOAD)


def offers(page: Page, command: str) -> bool:
    """Type a command into the list of all, and tell whether the list has it before long."""
    page.keyboard.press("F1")
    page.wait_for_selector(".quick-input-widget .quick-input-box input", timeout=LOAD)
    page.keyboard.type(command)
    try:
        page.wait_for_selector(f'.monaco-list-row.focused[aria-label*="{command}"]', timeout=LIST)
    except LateError:
        return False
    return True


def open_terminal(page: Page) -> None:
    """Open a terminal as a person does, who looks again while the list does not have it yet."""
    page.wait_for_selector(".part.statusbar", timeout=LOAD)
    for _ in range(LOAD // LIST):
        if offers(page, COMMAND):
            break
        page.keyboard.press("Escape")
    else:
        raise LateError(f"no command is called {COMMAND}")
    page.keyboard.press("Enter")
    page.wait_for_selector(f"{TERMINAL} .xterm-screen", timeout=LOAD)


def run_probe(page: Page) -> None:
    """Type it into the terminal, and wait for its end. Raises LateError."""
    for left in reversed(range(TRIES)):
        page.locator(f"{TERMINAL} .xterm-helper-textarea").focus()
        page.keyboard.type(f"{PROBE}\n")
        try:
            page.wait_for_selector('.explorer-folders-view [aria-label^="done"]', timeout=TRY)
            return
        except LateError:
            if not left:
                raise


def main() -> None:
    """Log in, run the test's script in a terminal, look at the title."""
    url, password, folder = sys.argv[1], sys.argv[2], Path(sys.argv[3])
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=OPTIONS)
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.set_default_timeout(LOAD)
        try:
            log_in(page, url, password)
            open_terminal(page)
            run_probe(page)
            print(json.dumps({"title": page.title()}))
        finally:
            page.screenshot(path=folder / "ide.png")
            browser.close()


if __name__ == "__main__":
    main()
