"""HTML and SVG from nested calls: whatever is no `Markup` yet is escaped, and cannot be forgotten.

element("p", "You are ", element("strong", name), class_="lead")
"""

import html
from collections.abc import Iterable
from typing import Union

from agent.machine.light.escaping import escape_line

VOID = frozenset({"link", "meta"})
"""Elements that have no end: https://html.spec.whatwg.org/multipage/syntax.html#void-elements"""


class Markup(str):
    """Text that stands in a page as it is."""

    __slots__ = ()


Content = Union[str, None, Iterable["Content"]]  # noqa: UP007 - it names itself


def escape(text: str) -> str:
    """Return a text of anybody's as a page shows it, in an element or in an attribute.

    What would obey no reader of the page, such as a control character, is visible as on a terminal.
    """
    return html.escape(escape_line(text))


def join(*content: Content) -> Markup:
    """Return contents one after the other; None is nothing."""
    return Markup("".join(_render(content)))


def element(name: str, /, *content: Content, **attributes: str | float | bool | None) -> Markup:
    """Return an element; an attribute's `_` stands for `-`, and one at its end for nothing.

    An attribute that is True has no value; one that is False or None is left out.
    """
    words = [name]
    for key, value in attributes.items():
        if value is None or value is False:
            continue
        known = key.rstrip("_").replace("_", "-")
        words.append(known if value is True else f'{known}="{escape(str(value))}"')
    start = f"<{' '.join(words)}>"
    return Markup(start if name in VOID else f"{start}{join(content)}</{name}>")


def _render(content: Content) -> Iterable[str]:
    if content is None:
        return
    if isinstance(content, Markup):
        yield content
    elif isinstance(content, str):
        yield escape(content)
    else:
        for each in content:
            yield from _render(each)
