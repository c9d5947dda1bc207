"""TOML: tables of ours come and go, all else stays; a file of a service is read or refused."""

import tomllib
from typing import Any

from hypothesis import strategies as st

from agent.machine.errors import Problem
from agent.services import user
from agent.services.service import Service
from agent.tools import toml_edit
from tests.fuzz.properties import fuzz, make_folder
from tests.fuzz.texts import BITS, UNICODE, write

NAMES = st.one_of(st.sampled_from(("a", "b", "mcp_servers", "x.y", "", '"', "é", "[z]")), UNICODE)
FLAT = st.one_of(st.booleans(), st.integers(-(2**63), 2**63 - 1), UNICODE)
VALUES = st.recursive(
    FLAT,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(NAMES, inner, max_size=2)),
    max_leaves=5,
)
TABLE = st.dictionaries(NAMES, VALUES, max_size=3)
PATH = st.lists(NAMES, min_size=1, max_size=3)
FOLDER = make_folder()
PIECES = st.sampled_from(
    (
        "[a]\n",
        "[a.b]\n",
        "[[c]]\n",
        "x = 1\n",
        'y = """\n[a]\n"""\n',
        "z = [\n[1],\n]\n",
        "# note\n",
        "\n",
        "[ a . 'b' ] # why\n",
        "\t[d]\r\n",
        "s = '''\n[a.b]\nq=1\n'''\n",
        'k."a b" = 2\n',
        "[a.'x.y']\n",
        "t = { u = 1 }\n",
        "[mcp_servers.z]\n",
        "x",
    )
)
OF_USERS = st.lists(PIECES, max_size=8).map("".join)


def read(text: str) -> Any:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return None


@fuzz(part=2, text=OF_USERS, path=PATH, table=TABLE)
def test_a_table_that_is_added_is_there_and_goes_again(
    text: str, path: list[str], table: Any
) -> None:
    before = read(text)
    longer = toml_edit.add_table(text, path, table)
    after = read(longer)
    if before is None or after is None:
        return  # a table of this name is there: whoever edits looks first, and leaves it alone
    found = after
    for name in path:
        found = found[name]
    assert {name: found[name] for name in table} == table
    assert read(toml_edit.drop_table(longer, path)) == before or path[0] in before
    assert {name: each for name, each in after.items() if name != path[0]} == {
        name: each for name, each in before.items() if name != path[0]
    }


@fuzz(text=OF_USERS, path=PATH)
def test_what_is_dropped_takes_nothing_else_along(text: str, path: list[str]) -> None:
    before = read(text)
    shorter = toml_edit.drop_table(text, path)
    if before is None:
        return
    after = read(shorter)
    assert after is not None, "it is no TOML any more"
    assert {name: each for name, each in before.items() if name != path[0]} == {
        name: each for name, each in after.items() if name != path[0]
    }
    assert toml_edit.drop_table(shorter, path) == shorter


WORDS = st.one_of(UNICODE, st.sampled_from(("/bin/true", "a=b", "-x", "%(here)s", "")))
ROWS = st.fixed_dictionaries(
    {},
    optional={
        "command": st.one_of(VALUES, st.lists(WORDS, max_size=3)),
        "essential": st.one_of(VALUES, st.booleans()),
        "directory": st.one_of(VALUES, WORDS),
        "environment": st.one_of(VALUES, st.dictionaries(NAMES, VALUES, max_size=2)),
        "probe": st.one_of(
            VALUES, st.dictionaries(st.sampled_from(("http", "port", "command", "x")), VALUES)
        ),
        "other": VALUES,
    },
)


@fuzz(
    name=st.one_of(
        st.sampled_from(("a", "agent", "x-y")),
        BITS.map(lambda text: text.replace("/", "").replace("\0", "")[:40]),
    ),
    content=st.one_of(
        ROWS.map(
            lambda row: "\n".join(toml_edit.add_table("", ["x"], row).split("\n")[1:]).encode()
        ),
        st.binary(max_size=40),
    ),
)
def test_a_service_of_the_users_is_read_or_refused(name: str, content: bytes) -> None:
    path = FOLDER / f"{name.encode(errors='ignore').decode()}.toml"
    found = user.read_service(write(path, content))
    path.unlink()
    assert isinstance(found, Service | Problem)
    if isinstance(found, Service):
        assert found.argv
        assert not any("\0" in word for word in (*found.argv, *found.environment.values()))
