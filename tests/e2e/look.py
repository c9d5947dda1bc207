"""What a person sees in the editor, in a real browser; runs inside the image of the test tools.

Usage: python look.py FOLDER. Each line of the input is what a person does, as JSON: [URL, STEPS].
With a URL it is a visit of somebody new to the browser; with null the last visit goes on. STEPS is
a list of [VERB, WORDS…] (see `Person`). Prints a line for each: a JSON list of what was seen at
each `look`, whose screenshots go to FOLDER. Ends with the first that fails, and with the input.
"""

import faulthandler
import json
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from playwright.sync_api import Error, Page, sync_playwright

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
"""Milliseconds that anything in a cold workbench may take on a slow machine."""
POLL = 500
"""Milliseconds between two looks at all the text, for which the page lays itself out."""
VISIT = 600
"""Seconds after which a visit hangs."""
FOCUS = """() => {
    const path = [];
    for (let at = document.activeElement; at; at = at.parentElement)
        path.push(at.className || at.id);
    return path.map(String);
}"""

EDITORS = """async (name) => {
    const ask = (request) => new Promise((done, fail) => {
        request.onsuccess = () => done(request.result);
        request.onerror = () => fail(request.error);
    });
    for (const known of await indexedDB.databases()) {
        const base = await ask(indexedDB.open(known.name));
        try {
            for (const store of base.objectStoreNames) {
                const items = base.transaction(store).objectStore(store);
                const text = await ask(items.get('memento/workbench.parts.editor'));
                if (text?.includes(name)) return true;
            }
        } finally {
            base.close();
        }
    }
    return false;
}"""
"""Tells whether VS Code has stored that a file is open. It does so every 5 s, and cannot when the
page is left."""
LABELS = "tabs => tabs.map((tab) => `${tab.getAttribute('aria-label')} ${tab.textContent}`)"


class Person:
    """Each method is a step; its name is the verb."""

    def __init__(self, page: Page, folder: Path) -> None:
        self.page = page
        self.folder = folder
        self.seen: list[dict[str, object]] = []

    def open(self, url: str) -> None:
        """Go to a page."""
        self.page.goto(url, timeout=LOAD)

    def log_in(self, password: str) -> None:
        """Pass the password form, and see the editor come up."""
        self.page.fill("input[type=password]", password)
        self.page.press("input[type=password]", "Enter")
        self.editor()

    def editor(self) -> None:
        """Wait until the editor is there."""
        self.page.wait_for_selector(".monaco-workbench .part.statusbar", timeout=LOAD)

    def reload(self) -> None:
        """Load the page again."""
        self.page.reload(timeout=LOAD)
        self.editor()

    def text(self, text: str) -> None:
        """Wait for a text in the page, or in a page within it such as a preview."""
        self._wait(lambda: any(text in content for content in self._texts()), f"the text {text!r}")

    def stored(self, name: str) -> None:
        """Wait until the next page with this folder will open this file again."""
        self._wait(lambda: bool(self.page.evaluate(EDITORS, name)), f"{name} to be stored")

    def click(self, name: str) -> None:
        """Press a button."""
        self.page.get_by_role("button", name=name, exact=True).click(timeout=LOAD)

    def follow(self, label: str) -> None:
        """Press what has this label in the status bar, and look at the page that opens."""
        item = self.page.locator(f'.statusbar-item [aria-label^="{label}"]').first
        with self.page.context.expect_page(timeout=LOAD) as found:
            item.click(timeout=LOAD)
        self.page = found.value
        self.page.wait_for_selector("h1", timeout=LOAD)

    def companion(self) -> None:
        """Wait until the workspace's own extension is there: it comes last."""
        self.page.wait_for_selector('.statusbar-item [aria-label^="Workspace: "]', timeout=LOAD)

    def file(self, name: str) -> None:
        """Open a file by its name, from the keyboard."""
        self.page.keyboard.press("Control+P")
        self.page.wait_for_selector(".quick-input-widget .quick-input-box input", timeout=LOAD)
        self.page.keyboard.type(name)
        found = f'.quick-input-list .monaco-list-row.focused[aria-label*="{name}"]'
        self.page.wait_for_selector(found, timeout=LOAD)
        self.page.keyboard.press("Enter")
        self.page.wait_for_selector(f'.tab[aria-label^="{name}"]', timeout=LOAD)
        self.page.wait_for_selector(".editor-instance .view-lines", timeout=LOAD)

    def keys(self, text: str) -> None:
        """Type where the cursor is."""
        self.page.keyboard.type(text, delay=50)

    def type(self, text: str) -> None:
        """Type into the terminal that is shown, and press Enter."""
        terminal = ".terminal-wrapper.active"
        self.page.wait_for_selector(f"{terminal} .xterm-screen", timeout=LOAD)
        self.page.locator(f"{terminal} .xterm-helper-textarea").focus()
        self.page.keyboard.type(text + "\n")

    def item(self, name: str) -> None:
        """Wait for a file in the explorer."""
        self.page.wait_for_selector(f'.explorer-folders-view [aria-label^="{name}"]', timeout=LOAD)

    def look(self, name: str) -> None:
        """Keep what the page says, and a screenshot."""
        self.page.screenshot(path=self.folder / f"{name}.png")
        self.seen.append(
            {
                "title": self.page.title(),
                "text": "\n".join(self._texts()),
                "focus": self.page.evaluate(FOCUS),
                "dialogs": self.page.locator(".monaco-dialog-box").count(),
                "tabs": self.page.eval_on_selector_all(".tab", LABELS),
                "status": self.page.locator(".part.statusbar").all_inner_texts(),
            }
        )

    def _texts(self) -> list[str]:
        """Return what each frame shows; one that goes away just now shows nothing."""
        texts = []
        for frame in self.page.frames:
            with suppress(Error):
                texts.append(frame.evaluate("document.body?.innerText ?? ''"))
        return texts

    def _wait(self, condition: Callable[[], bool], what: str) -> None:
        for _ in range(LOAD // POLL):
            if condition():
                return
            self.page.wait_for_timeout(POLL)
        raise TimeoutError(what)


def act(person: Person, steps: list[list[str]]) -> list[dict[str, object]]:
    """Do the steps and return what was seen."""
    person.seen.clear()
    try:
        for verb, *words in steps:
            getattr(person, verb)(*words)
    except Exception:
        person.look("failed")
        print(json.dumps(person.seen[-1]), file=sys.stderr)
        raise
    return person.seen


def main() -> None:
    """Do what is asked for, in a browser that nobody has used yet."""
    folder = Path(sys.argv[1])
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=OPTIONS)
        for line in sys.stdin:
            faulthandler.dump_traceback_later(VISIT, exit=True)
            url, steps = json.loads(line)
            if url:
                for window in browser.contexts:
                    window.close()
                window = browser.new_context(viewport={"width": 1280, "height": 800})
                window.set_default_timeout(LOAD)
                person = Person(window.new_page(), folder)
                steps = [["open", url], *steps]
            print(json.dumps(act(person, steps)), flush=True)
            faulthandler.cancel_dump_traceback_later()
        faulthandler.dump_traceback_later(VISIT, exit=True)
        browser.close()


if __name__ == "__main__":
    main()
