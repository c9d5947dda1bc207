"""The page as HTML: one document that needs nothing else, so it works under any path.

The style sheet and the script are in it, and the policy names them by their digests: an application
on the same origin, as all are under /proxy/, cannot add its own. Every address is relative.
"""

import base64
import hashlib
from pathlib import Path
from urllib.parse import quote

from agent.machine.light.files import SETTINGS, read_file
from agent.machine.light.human import format_moment
from agent.observe.page.markup import Markup, element
from agent.observe.page.parts import show_mark, show_notes, show_part
from agent.observe.page.view import View

HERE = Path(__file__).parent
STYLE = Markup(read_file(HERE / "style.css", SETTINGS).decode())
SCRIPT = Markup(read_file(HERE / "script.js", SETTINGS).decode())
REFRESH = 15
"""Seconds until a page without a script loads itself again."""
COLOURS = {"good": "#0f766e", "idle": "#8a8a85", "warning": "#b45309", "bad": "#c0271c"}
"""Of the icon in the browser's tab."""


def find_digest(text: str) -> str:
    """Return what a policy calls an inline style or script: https://www.w3.org/TR/CSP3/."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


POLICY = "; ".join((
    "default-src 'none'", f"style-src {find_digest(STYLE)}", f"script-src {find_digest(SCRIPT)}",
    "img-src data:", "connect-src 'self'", "base-uri 'none'", "form-action 'none'",
    "frame-ancestors 'self'",
))  # fmt: skip
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


def render(view: View) -> bytes:
    """Return the page."""
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("title", f"{view.headline.name} · {view.name}"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("link", rel="icon", href=draw_icon(view.headline.mark)),
        element("noscript", element("meta", http_equiv="refresh", content=REFRESH)),
        element("style", STYLE),
    )
    body = element(
        "body",
        element("a", "Skip to the details", href="#parts", class_="skip"),
        show_header(view),
        element("main", (show_part(part, view.moment) for part in view.parts), id="parts"),
        show_footer(view),
        element("script", SCRIPT),
    )
    return f"<!doctype html>\n{element('html', head, body, lang='en')}\n".encode()


def show_header(view: View) -> Markup:
    """Return the headline: that all is well, or what is wrong and the command that fixes it."""
    first, *others = view.trouble or [view.state]
    more = element("ul", (
        element("li", show_mark(item.mark), element("div", item.name, show_notes(item)))
        for item in others
    ), class_="others")  # fmt: skip
    return element(
        "header",
        element("p", view.name, class_="place"),
        element("h1", show_mark(first.mark), element("span", first.name)),
        show_notes(first),
        more if others else None,
        element("p", view.summary, class_="summary"),
        id="headline", class_=first.mark,
    )  # fmt: skip


def show_footer(view: View) -> Markup:
    """Return when this was so; the script says there when it is no more."""
    moment = element("time", f"{format_moment(view.moment)}", datetime=view.moment.isoformat())
    return element("footer", element("p", "As of ", moment, ". Read only: commands change things."),
                   element("p", role="status", id="news"), id="footer")  # fmt: skip


def draw_icon(mark: str) -> str:
    """Return the icon of the browser's tab, whose colour says how the workspace is."""
    colour = COLOURS[mark]
    return "data:image/svg+xml," + quote(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16">'
        f'<circle cx="8" cy="8" r="6" fill="{colour}"/></svg>'
    )
