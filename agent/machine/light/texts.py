r"""The one reader of the texts that people give: variables, files, the output of commands.

Other programs change a text on its way here: docker's --env-file keeps quotes, Windows editors add
a byte order mark and carriage returns, files end with a line break, env files contain a literal \n
instead of one, and platforms encode whole files in Base64. Each kind of text has a reader, here or
beside the code that knows its format. A reader fixes what has only one meaning, and raises
UnusableError for what cannot be used; reading its own result again changes nothing. Standard
library only, and light.
"""

import binascii

from agent.machine.light.token_prefixes import AI_KEYS, GITHUB_KINDS

MARK = "\ufeff"
"""A byte order mark."""
_AROUND = " \t\r\n" + MARK
_QUOTES = ("'", '"')
_BREAKS = ("\\r\\n", "\\n")


class UnusableError(ValueError):
    """The text cannot be used. The message completes "cannot use NAME: "."""

    def __init__(self, cause: str, hint: str = "") -> None:
        super().__init__(cause)
        self.hint = hint


def trim(text: str) -> str:
    r"""Return a text without the byte order mark, blanks, line breaks and literal \n around it."""
    before = None
    while text != before:
        before = text = text.strip(_AROUND)
        for ending in _BREAKS:
            if not text.endswith(f"\\{ending}"):  # an escaped backslash, and a letter
                text = text.removesuffix(ending)
    return text


def unwrap(text: str, *, begins_bare: bool = False) -> str:
    """Return a text without what other programs put around it, including quotes.

    With more quotes inside, the outer ones may not be a pair; they are one if no text of this kind
    begins with a quote (`begins_bare`).
    """
    before = None
    while text != before:
        before = text = trim(text)
        quote = text[:1]
        if quote in _QUOTES and len(text) > 1 and text.endswith(quote):
            text = text[1:-1] if begins_bare or text.count(quote) == 2 else text
    return text


def decode(text: str, *begins: str) -> str:
    """Return the decoded Base64 text if it begins with one of these; otherwise the text itself."""
    packed = "".join(text.replace("\\n", "").replace("\\r", "").split())
    try:
        inner = binascii.a2b_base64(packed + "=" * (-len(packed) % 4), strict_mode=True).decode()
    except ValueError:
        return text
    inner = unwrap(inner, begins_bare=True)
    return inner if inner.startswith(begins) else text


# --- kinds of secrets ---------------------------------------------------------------------------


def word(text: str) -> str:
    """Read a token, or a key that is one word."""
    value = unwrap(
        decode(unwrap(text, begins_bare=True), *GITHUB_KINDS, *AI_KEYS), begins_bare=True
    )
    is_plain = value.isascii() and value.isprintable() and not set(value) & set(" \"'\\")
    if not value or not is_plain:
        raise UnusableError(
            "it is not one word of plain characters",
            "give it alone, without a name, quotes or a second line",
        )
    name, equals, after = value.partition("=")
    if equals and after.strip("=") and name.isidentifier() and name.isupper():
        raise UnusableError(f"it begins with {name}=", "give only what follows the =")
    return value


def line(text: str) -> str:
    """Read a secret that may contain blanks and quotes."""
    value = unwrap(text)
    if not value or not value.isprintable():
        raise UnusableError("it is not one line of text", "give it alone")
    return value


def password(text: str) -> str:
    """Read a password. Quotes around it may be part of it: see `find_doubt`."""
    value = text.strip(_AROUND)
    if not value:
        raise UnusableError("it is nothing but blanks", "give a password, or unset it")
    return value


def find_doubt(text: str) -> str | None:
    """Return what in a password may be a mistake, to complete "NAME has "; None if nothing is."""
    if text[:1] in _QUOTES and len(text) > 1 and text.endswith(text[0]):
        return "quotes around it"
    return "a literal \\n at its end" if text.endswith(_BREAKS) else None
