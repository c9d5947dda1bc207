"""JSON with comments, as VS Code reads it; and texts that are written to keep its reader busy."""

import pytest

from agent.machine.formats import jsonc
from agent.machine.light.files import SETTINGS


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": 1} // end', {"a": 1}),
        ('/* one\n two */ {"a": [1, 2,], /* */ }', {"a": [1, 2]}),
        ('{"a": "// no comment /* here */",}', {"a": "// no comment /* here */"}),
        ('{"a": "one,]", "b": ",}"}', {"a": "one,]", "b": ",}"}),
        ('{"a": "\\"",\n\t}', {"a": '"'}),
        ('{"a": "\\\\",}', {"a": "\\"}),
        ("[true, null,]", [True, None]),
        ('{"a": {},\r\n}\r\n', {"a": {}}),
        ('{"http://a": "b"}', {"http://a": "b"}),
    ],
)
def test_what_vs_code_reads(text: str, value: object) -> None:
    assert jsonc.parse_lenient(text) == value


@pytest.mark.parametrize(
    "text",
    ["{,}", "[,]", "[1,,]", '{"a":,}', "{ , }", "NaN", '{"a": Infinity}', "{} /* no end", "{} /*/",
     '{"a": "no end}', '{"a": 1', "", "[" * 200 + "]" * 200, "[" * 100_000, '{"a" 1}', "{}}"],
)  # fmt: skip
def test_what_it_does_not(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        jsonc.parse_lenient(text)


def test_a_fault_is_named_by_line_and_column() -> None:
    with pytest.raises(ValueError, match="line 3 column 9"):
        jsonc.parse_lenient('// one\n{ /* two\n */ "a" 1,\n}')


@pytest.mark.parametrize(
    "piece", ["/*", '"\\"', '\\"', '"', ",]", "1,],", '"a",}', "{,", "// ", "/*/", " \t", '"\\']
)
def test_no_text_takes_longer_than_its_length_deserves(piece: str) -> None:
    """With a reader that begins anew at each of them, this takes hours."""
    text = (piece * (SETTINGS // len(piece)))[:SETTINGS]
    for end in ("", "\\", "x"):
        with pytest.raises(ValueError, match=r"."):
            jsonc.parse_lenient(text + end)
