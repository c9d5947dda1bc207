"""What a browser makes of the workspace page; runs inside the image of the test tools.

Usage: python look_at_page.py URL PASSWORD FOLDER. The browser reaches nothing but the editor. It
prints what it saw as one JSON object; screenshots go to FOLDER.
"""

import json
import sys
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, Request, sync_playwright

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
"""Milliseconds that anything may take on a slow machine."""
PAGE = "proxy/8079"

AUDIT = Path(__file__).with_name("audit.js")
FOCUS = """() => {
  const at = document.activeElement;
  const { outlineStyle, outlineWidth } = getComputedStyle(at);
  const isSeen = outlineStyle !== "none" && outlineWidth !== "0px";
  return [at.tagName, at.textContent.slice(0, 40), isSeen];
}"""


def log_in(page: Page, url: str, password: str) -> None:
    """See that the page is not for strangers; pass the form, after which it comes."""
    page.goto(f"{url}{PAGE}/", timeout=LOAD)
    page.wait_for_selector("input[type=password]", timeout=LOAD)
    page.goto(f"{url}login?to=%2F{PAGE.replace('/', '%2F')}%2F", timeout=LOAD)
    page.fill("input[type=password]", password)
    page.press("input[type=password]", "Enter")
    page.wait_for_selector("#headline", timeout=LOAD)


def describe(page: Page) -> dict[str, Any]:
    """Return what is to be seen."""
    return {
        "title": page.title(),
        "url": page.url,
        "headline": page.inner_text("h1"),
        "sections": page.locator("main > section > h2").all_inner_texts(),
        "text": page.inner_text("body"),
        "links": page.eval_on_selector_all("a.open", "links => links.map(({ href }) => href)"),
        "font": page.evaluate("getComputedStyle(document.querySelector('h1')).fontWeight"),
    }


def walk(page: Page) -> list[list[object]]:
    """Return what has the focus after each press of Tab, until the page ends."""
    seen: list[list[object]] = []
    for _ in range(40):
        page.keyboard.press("Tab")
        at = page.evaluate(FOCUS)
        if at[0] == "BODY":
            break
        seen.append(at)
    return seen


def follow(page: Page) -> str:
    """Return what the link of a port leads to, in a page of its own."""
    with page.context.expect_page(timeout=LOAD) as found:
        page.locator("a.open").first.click()
    found.value.wait_for_load_state()
    text: str = found.value.inner_text("body").strip()
    found.value.close()
    return text


def look(browser: Browser, url: str, password: str, folder: Path) -> dict[str, Any]:
    """Look at it in each way that people do."""
    seen: dict[str, Any] = {"audits": {}, "widths": {}, "console": []}
    context = browser.new_context(viewport={"width": 1200, "height": 900}, reduced_motion="reduce")
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    context.set_default_timeout(LOAD)
    page = context.new_page()
    asked: list[str] = []

    def note(request: Request) -> None:
        asked.append(request.url)

    page.on("console", lambda message: seen["console"].append(message.text))
    log_in(page, url, password)
    page.on("request", note)
    page.goto(f"{url}{PAGE}/", timeout=LOAD)
    seen["requests"] = list(asked)  # before it refreshes itself
    seen["page"] = describe(page)
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        for width in (1200, 320):
            page.set_viewport_size({"width": width, "height": 900})
            page.screenshot(path=folder / f"page-{scheme}-{width}.png", full_page=True)
            key = f"{scheme} {width}"
            seen["audits"][key] = page.evaluate(AUDIT.read_text())
            seen["widths"][key] = page.evaluate("document.documentElement.scrollWidth")
    page.set_viewport_size({"width": 1200, "height": 900})
    page.goto(f"{url}{PAGE}/", timeout=LOAD)
    seen["focus"] = walk(page)
    buttons = page.locator("button[data-copy]")
    if buttons.count():
        buttons.first.click()
        page.wait_for_selector("text=copied", timeout=LOAD)
        seen["copied"] = page.evaluate("navigator.clipboard.readText()")
        seen["meant"] = buttons.first.get_attribute("data-copy")

    seen["opened"] = follow(page)

    page.goto(f"{url}{PAGE}", timeout=LOAD)  # without the slash
    seen["bare"] = describe(page)
    page.evaluate("document.getElementById('headline').dataset.old = '1'")
    page.evaluate("document.querySelector('h1').append('!')")
    page.wait_for_selector("#headline:not([data-old])", timeout=LOAD)
    seen["fresh"] = page.inner_text("h1")
    context.set_offline(True)
    page.wait_for_selector("#news:not(:empty)", timeout=LOAD)
    seen["news"] = page.inner_text("#news")
    cookies = context.cookies()
    context.close()

    plain = browser.new_context(java_script_enabled=False)
    plain.set_default_timeout(LOAD)
    plain.add_cookies(cookies)
    page = plain.new_page()
    page.goto(f"{url}{PAGE}/?log=init", timeout=LOAD)
    seen["plain"] = {
        "headline": page.inner_text("h1"),
        "refresh": page.locator("meta[http-equiv=refresh]").count(),
        "buttons": sum(each.is_visible() for each in page.locator("button").all()),
        "sources": sorted(set(page.locator(".log .source").all_inner_texts())),
    }
    page.screenshot(path=folder / "page-plain.png")
    plain.close()
    return seen


def main() -> None:
    """Print what was seen."""
    url, password, folder = sys.argv[1], sys.argv[2], Path(sys.argv[3])
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=OPTIONS)
        try:
            print(json.dumps(look(browser, url, password, folder)))
        finally:
            browser.close()


if __name__ == "__main__":
    main()
