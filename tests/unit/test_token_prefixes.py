"""One table says how well-known tokens begin: whoever tells, refuses or hides them takes it."""

import ast
import base64
import re
from pathlib import Path

import pytest

from agent.github.token import find_kind
from agent.machine.light import texts, token_prefixes
from agent.machine.secret import Secret
from agent.observe.bundle.cleaning import Cleaner
from agent.settings.credentials import hide_logins
from agent.settings.repository import EntryError, parse_entry
from agent.tools.mcp import Server, check_secrets

AGENT = Path(__file__).resolve().parents[2] / "agent"
BODY = "A1b2C3d4E5f6A7b8C9d0"
TOKENS = [f"{prefix}{BODY}" for prefix in token_prefixes.GITHUB_KINDS]
AI_KEYS = [f"{prefix}{BODY}" for prefix in token_prefixes.AI_KEYS]
OTHERS = [f"glpat-{BODY}", f"xoxb-{BODY}", *AI_KEYS]
KEYS = [f"{prefix}A1B2C3D4E5F6A7B8" for prefix in token_prefixes.AWS.split("|")]
PACKAGES = [f"{prefix}{BODY}" for prefix in token_prefixes.PACKAGES.split("|")]
UNKNOWN = f"ghz_{BODY}"
"""Of a kind that GitHub does not have yet."""
OLD = "0123456789abcdef" * 2 + "01234567"
"""As GitHub made them until 2021."""


@pytest.mark.parametrize("token", [*TOKENS, *OTHERS, *KEYS, *PACKAGES, UNKNOWN])
def test_a_bundle_hides_each(token: str) -> None:
    assert Cleaner(()).clean(f"got {token}, then".encode()) == b"got ***, then"


@pytest.mark.parametrize("token", [*TOKENS, *OTHERS, *KEYS, UNKNOWN])
def test_the_file_of_mcp_servers_holds_none(token: str) -> None:
    with pytest.raises(ValueError, match="holds a secret"):
        check_secrets(Server(command="server", args=[f"--key={token}"]))


@pytest.mark.parametrize("token", [*TOKENS, f"glpat-{BODY}", UNKNOWN, OLD])
def test_an_address_with_one_is_refused_and_not_shown(token: str) -> None:
    address = f"https://{token}@example.com/octo/demo"
    with pytest.raises(EntryError, match="a password or a token"):
        parse_entry(address)
    assert hide_logins(address) == "https://***@example.com/octo/demo"


@pytest.mark.parametrize("token", [*TOKENS, *AI_KEYS])
def test_base64_of_one_is_unpacked(token: str) -> None:
    assert texts.word(base64.b64encode(token.encode()).decode()) == token


def test_no_other_module_has_a_prefix_of_its_own() -> None:
    """Sentences for people may name one: they have blanks, and a pattern has none.

    `sk-` is none of the looked for: types of ssh keys begin like that, too.
    """
    known = rf"{token_prefixes.GIT_HOSTS}|gh\[|xox|AIza|{token_prefixes.AWS}"
    begins = re.compile(rf"(?<![a-z])(?:{known})")
    found = {
        path.stem
        for path in AGENT.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
        if begins.search(node.value) and " " not in node.value
    }
    assert found == {"token_prefixes"}


def test_the_kind_of_a_token_is_known() -> None:
    assert find_kind(Secret(f"ghs_{BODY}")) == "installation"
    assert find_kind(Secret(UNKNOWN)) == ""
