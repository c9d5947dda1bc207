"""What may not reach a terminal or a log as it is, and how it is written there instead.

Names of files, answers of servers and lines of services are written by strangers: a line feed in
them forges a line, ESC moves the cursor, a bidirectional control turns a text around. This is the
one table of such characters.

- `escape_line`: one line of text for a person, whoever wrote it.
- `make_lines`: several of them, each with its line feed, ready to be written.
- `encode_json`: a JSON document, for logs and for --json.
"""

import json

_SHORT = {"\n": r"\n", "\r": r"\r"}
_C0 = [code for code in range(0x20) if chr(code) != "\t"]  # a tab moves only to the right
_BEYOND_C0 = [
    0x7F,  # DEL
    *range(0x80, 0xA0),  # C1: NEL, and CSI and OSC as one character
    0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A),  # bidirectional
    0x2028, 0x2029,  # the separators of lines and paragraphs
]  # fmt: skip


class _Table(dict[int, str]):
    r"""For `str.translate`: what stands for a character; also for each half of a pair.

    No UTF-8 holds such a half, and not every JSON parser takes it. Python has one in place of
    each byte of a name that is no UTF-8 (PEP 383), which is written as shells take it: caf\xe9.
    """

    backslash = "\\"

    def __missing__(self, code: int) -> str:
        if 0xDC80 <= code < 0xDD00:
            return f"{self.backslash}x{code - 0xDC00:02x}"
        if 0xD800 <= code < 0xE000:
            return f"{self.backslash}u{code:04x}"
        raise LookupError


class _JsonTable(_Table):
    backslash = "\\\\"


_IN_LINES = _Table(
    {code: _SHORT.get(chr(code)) or f"\\x{code:02x}" for code in _C0}
    | {code: f"\\x{code:02x}" if code < 0x80 else f"\\u{code:04x}" for code in _BEYOND_C0}
)
_IN_JSON = _JsonTable({code: f"\\u{code:04x}" for code in _BEYOND_C0})  # C0 is escaped by `json`


def escape_line(text: str) -> str:
    r"""Return the text as one line that any terminal shows as it is: ESC as \x1b, LF as \n.

    A second call changes nothing; tabs stay. Use it for every file name in an output.
    """
    return text if text.isascii() and text.isprintable() else text.translate(_IN_LINES)


def make_lines(*lines: str) -> str:
    """Return these lines as an output has them: each escaped, each with its line feed."""
    return "".join(f"{escape_line(line)}\n" for line in lines)


def encode_json(value: object, indent: int | None = None) -> str:
    """Return the value as JSON that is safe on a terminal; what JSON does not know becomes text.

    Letters of all languages stay readable. Without `indent` it is one line, without a line feed.
    """
    text = json.dumps(value, ensure_ascii=False, default=str, indent=indent)
    return text if text.isascii() and "\x7f" not in text else text.translate(_IN_JSON)


def quote(text: str) -> str:
    """Return a text in quotation marks, as git-config and sshd_config read it back unchanged.

    Of the two only git's format can hold a line break.
    """
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def quote_fish(text: str) -> str:
    """Return a text as a word of fish: between its single quotes a backslash quotes two signs."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
