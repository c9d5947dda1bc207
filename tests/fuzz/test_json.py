"""JSON with comments: read as VS Code reads it, and never anything lost of what its user has."""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from agent.machine.errors import Problem
from agent.machine.formats import jsonc
from agent.tools import config_entries
from agent.tools.json_edit import edit_json, read_json, set_default
from tests.fuzz.properties import fuzz
from tests.fuzz.texts import TEXT, UNICODE, json_values

NAMES = st.one_of(st.sampled_from(("a", "b", "mcpServers", "//", "/*", '"', "\\", ",")), UNICODE)
FLAT = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-9, 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    NAMES,
)
VALUES = st.recursive(
    FLAT,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(NAMES, inner, max_size=4)),
    max_leaves=10,
)
OBJECTS = st.dictionaries(NAMES, VALUES, max_size=5)
BLANKS = st.sampled_from(
    ("", " ", "\n", "\r\n\t", '// it\'s "a" {comment}\n', "/* , } */", "/**/", "/***/ ", "//\n")
)
FILE = Path("/nowhere/settings.json")


@st.composite
def written(
    draw: st.DrawFn, objects: st.SearchStrategy[Any] = OBJECTS, commas: bool = False
) -> tuple[str, Any]:
    """Return an object as somebody may have written it, with comments, and what it holds."""
    value = draw(objects)

    def say(part: Any) -> str:
        return json.dumps(part, ensure_ascii=draw(st.booleans()))

    def render(part: Any) -> str:
        blank = draw(BLANKS)
        if isinstance(part, dict | list) and part:
            rows = (
                [
                    f"{draw(BLANKS)}{say(name)}{draw(BLANKS)}:{render(each)}"
                    for name, each in part.items()
                ]
                if isinstance(part, dict)
                else [render(each) for each in part]
            )
            last = "," + draw(BLANKS) if commas and draw(st.booleans()) else ""
            begin, end = "{}" if isinstance(part, dict) else "[]"
            return f"{blank}{begin}{','.join(rows)}{last}{end}{draw(BLANKS)}"
        return f"{blank}{say(part)}{draw(BLANKS)}"

    return render(value), value


SOUP = st.lists(
    st.sampled_from(
        (
            *'{}[],:"\\/* \n',
            "//",
            "/*",
            "*/",
            "1",
            "null",
            "true",
            '"a"',
            '"b"',
            "-",
            "1e999",
            "\ufeff",
            "NaN",
        )
    ),
    max_size=20,
).map("".join)


@fuzz(case=written(commas=True))
def test_what_people_write_is_read(case: tuple[str, Any]) -> None:
    text, value = case
    assert jsonc.parse_lenient(text) == value


@fuzz(case=written())
def test_without_trailing_commas_both_readers_agree(case: tuple[str, Any]) -> None:
    text, value = case
    assert jsonc.parse(text) == jsonc.parse_lenient(text) == value
    blanked = jsonc.blank_comments(text)
    assert len(blanked) == len(text)
    assert json.loads(blanked) == value


@fuzz(part=2, text=st.one_of(SOUP, TEXT))
def test_any_text_is_a_value_or_an_error(text: str) -> None:
    for read in (jsonc.parse, jsonc.parse_lenient, read_json):
        try:
            read(text)
        except ValueError:
            continue


def list_comments(text: str) -> list[str]:
    blanked = jsonc.blank_comments(text)
    return "".join(a if a != b else "\n" for a, b in zip(text, blanked, strict=True)).split()


def holds(document: Any, wanted: Any) -> bool:
    """Tell whether a document has all that another one has."""
    if isinstance(wanted, dict):
        return isinstance(document, dict) and all(
            name in document and holds(document[name], value) for name, value in wanted.items()
        )
    return bool(document == wanted)


@fuzz(part=2, case=written(), wanted=OBJECTS)
def test_what_is_added_takes_nothing_away(case: tuple[str, Any], wanted: Any) -> None:
    text, value = case
    longer = jsonc.add_missing(text, wanted)
    after = jsonc.parse(longer)
    assert holds(after, value)
    assert after.keys() == value.keys() | wanted.keys()
    assert sorted(list_comments(longer)) == sorted(list_comments(text))
    assert jsonc.add_missing(longer, wanted) == longer


@fuzz(case=written(), data=st.data())
def test_what_is_dropped_is_that_alone(case: tuple[str, Any], data: st.DataObject) -> None:
    text, value = case
    if not value:
        return
    name = data.draw(st.sampled_from(sorted(value)))
    after = jsonc.parse(jsonc.drop_member(text, (name,)))
    assert after == {key: each for key, each in value.items() if key != name}


@fuzz(
    content=st.one_of(
        written().map(lambda case: case[0].encode()), st.binary(max_size=30), SOUP.map(str.encode)
    ),
    wanted=st.booleans(),
    value=VALUES,
    comments=st.booleans(),
)
def test_an_edit_keeps_what_is_the_users(
    content: bytes, wanted: bool, value: Any, comments: bool
) -> None:
    read = jsonc.parse if comments else read_json
    path = ("mcpServers", "a")
    edit = edit_json(
        FILE, wanted, lambda document: set_default(wanted, path, value, document), read
    )
    text = content.decode(errors="replace")
    try:
        before = read(content.decode())
    except ValueError:
        before = None
    after = edit.change(content)
    if not isinstance(before, dict):
        assert isinstance(after, Problem) or after == content or (not text.strip() and wanted)
        return
    assert not isinstance(after, Problem)
    if after is None:
        assert before in ({"mcpServers": {"a": value}}, {})
    else:
        assert holds(read(after.decode()), before)
        assert edit.change(after) == after


WANTED = st.dictionaries(
    st.lists(
        st.one_of(st.sampled_from(("mcpServers", "a", "b")), UNICODE), min_size=1, max_size=3
    ).map(tuple),
    st.dictionaries(NAMES, st.one_of(NAMES, st.lists(NAMES, max_size=2)), min_size=1, max_size=3),
    max_size=2,
)


@fuzz(case=written(), first=WANTED, second=WANTED)
def test_our_entries_come_and_go_and_the_users_stay(
    case: tuple[str, Any], first: Any, second: Any
) -> None:
    """With what was written before as the memory of it: what is ours alone is changed."""
    text, value = case
    content: bytes | None = text.encode()
    known: dict[Any, str] = {}
    rounds: tuple[Any, ...] = (first, second, {})
    for wanted in rounds:
        before = content
        found = config_entries._change(
            FILE, config_entries.JSON_WITH_COMMENTS, wanted, known, content
        )
        if isinstance(found, Problem):
            assert content == before
            continue
        document = jsonc.parse((content or b"{}").decode())
        known = {
            keys: config_entries._hash(each)
            for keys, each in wanted.items()
            if config_entries._is_ours(config_entries._find(document, keys), known.get(keys))
        }
        content = found
    after = jsonc.parse((content or b"{}").decode())
    lost = [name for name in value if name not in after and value[name] != {}]
    ours = {keys[0] for keys in (*first, *second)}
    assert set(lost) <= ours
    assert {name: each for name, each in after.items() if name not in ours} == {
        name: each for name, each in value.items() if name not in ours and name in after
    }


@fuzz(
    value=json_values(TEXT),
    depth=st.sampled_from((0, 1, 40, 2000)),
    copies=st.sampled_from((1, 2, 40)),
)
def test_a_value_of_any_depth_and_size_is_a_value_or_an_error(
    value: Any, depth: int, copies: int
) -> None:
    text = "[" * depth + ",".join([json.dumps(value)] * copies) + "]" * depth
    with suppress(ValueError):
        jsonc.parse_lenient(text)
