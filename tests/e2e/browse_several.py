"""Log in to several workspaces of one host by their links, in one browser, and return to each.

Usage: python -m tests.e2e.browse_several LINK…. Prints what it saw as one JSON object.
"""

import json
import sys

from playwright.sync_api import sync_playwright

from tests.e2e.windows import BROWSER, LOAD, OPTIONS, READY


def main() -> None:
    """Open all, then look where each leads."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=OPTIONS)
        context = browser.new_context(ignore_https_errors=True)
        page = context.new_page()
        for link in sys.argv[1:]:
            page.goto(link, timeout=LOAD)
            page.click("button")
            page.wait_for_selector(READY, timeout=LOAD)
        found = []
        for link in sys.argv[1:]:
            page.goto(link.partition("devcopilot/open")[0], timeout=LOAD)
            page.wait_for_selector(f"{READY}, input[type=password]", timeout=LOAD)
            found.append(page.url.partition("?")[0])
        names = sorted(cookie["name"] for cookie in context.cookies()
                       if cookie["name"].startswith("code-server"))  # fmt: skip
        browser.close()
    print(json.dumps({"logged in": found, "names": names}))


if __name__ == "__main__":
    main()
