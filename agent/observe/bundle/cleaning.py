"""Takes secrets out of what goes into a bundle, by value and by shape, and counts them."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from agent.machine.light.masking import MASK, replace_all
from agent.machine.light.token_prefixes import AWS, GITHUB, PACKAGES, SERVICES, WEB_TOKEN
from agent.machine.values import frozen

VALUE = "known secret"
"""The rule that hides by value."""


@frozen
class Shape:
    """What a kind of secret looks like."""

    name: str
    pattern: re.Pattern[bytes]
    """What is in a group named `kept` stays."""


def _shape(name: str, pattern: str, flags: int = 0) -> Shape:
    return Shape(name, re.compile(pattern.encode(), flags))


_WORD = r"A-Za-z0-9+/="
_END = r"-----END [A-Z0-9 ]{1,60}-----"
SHAPES = (
    _shape("PEM block", r"-----BEGIN [A-Z0-9 ]{1,60}-----.*?(?:" + _END + r"|\Z)", re.DOTALL),
    _shape(
        "end of a PEM block",
        r"(?<![" + _WORD + r"])(?:[" + _WORD + r"]{16,100}+(?:\s|\\n)++){1,100}+" + _END,
    ),
    _shape(
        "line of a key",
        r"(?<![" + _WORD + r"])(?=[a-z0-9+/]{0,75}[A-Z])(?=[A-Z0-9+/]{0,75}[a-z])"
        r"(?=[A-Za-z+/]{0,75}\d)[A-Za-z0-9+/]{60,76}+={0,2}(?![" + _WORD + r"])",
    ),
    _shape("GitHub token", rf"\b(?:{GITHUB})[A-Za-z0-9_.-]{{16,}}"),
    _shape("AWS access key", rf"\b(?:{AWS})[A-Z0-9]{{12,}}\b"),
    _shape("JSON web token", rf"\b{WEB_TOKEN}[\w-]{{6,}}\.[\w-]{{6,}}(?:\.[\w-]*)?"),
    _shape("API key", rf"\b(?:{SERVICES}|{PACKAGES})[\w-]{{16,}}"),
    _shape(
        "login in a URL",
        r"(?P<kept>\b[A-Za-z][A-Za-z0-9+.-]{0,20}://)[^/\s\"'@<>]{0,200}:[^/\s\"'@<>]{1,500}(?=@)",
    ),
    _shape(
        "signature in a URL",
        r"(?P<kept>\b(?:sig|X-Amz-Signature|access_token|refresh_token|client_secret)=)"
        r"[^&\s\"'\\*]{6,}",
    ),
    _shape(
        "header",
        r"(?i)(?P<kept>\b(?:(?:proxy-)?authorization|x-api-key|set-cookie|cookie))"
        r"\\?[\"']?\s*[:=]\s*\\?[\"']?[^\r\n\"'\\*]{6,}",
    ),
    _shape(
        "assignment",
        r"(?P<kept>\b[A-Z][A-Z0-9_]{0,60}"
        r"(?:TOKEN|SECRET|PASSWORD|PASSWD|PASSPHRASE|KEY|CREDENTIALS?)=)[^\s\"',;*]{6,}",
    ),
)


@dataclass
class Cleaner:
    """Hides these texts, and whatever has the shape of a secret."""

    texts: tuple[bytes, ...] = field(repr=False)
    """The longest first."""
    counts: Counter[str] = field(default_factory=Counter)
    """How often each rule has hidden something."""

    def clean(self, data: bytes) -> bytes:
        """Return the data without secrets."""
        data, count = replace_all(self.texts, data)
        self.counts[VALUE] += count
        for shape in SHAPES:
            data, count = shape.pattern.subn(_replace, data)
            self.counts[shape.name] += count
        return data

    def find(self, data: bytes) -> Iterator[str]:
        """Yield the name of each rule that finds something."""
        if any(text in data for text in self.texts):
            yield VALUE
        yield from (shape.name for shape in SHAPES if shape.pattern.search(data))


def _replace(found: re.Match[bytes]) -> bytes:
    kept = found.groupdict().get("kept") or b""
    return kept + MASK
