"""gh's hosts.yml: logins of the user's stay, whatever else is in the file."""

from pathlib import Path
from typing import Any

import yaml
from hypothesis import strategies as st

from agent.github import gh, verify
from agent.github.published import Published
from agent.github.record import fingerprint
from agent.machine.secret import Secret
from tests.fuzz.properties import fuzz
from tests.fuzz.texts import UNICODE

FILE = Path("/nowhere/hosts.yml")
OURS, BEFORE = "ghp_ours", "ghp_before"
HOSTS = st.sampled_from(("github.com", "ghe.example.com", "other.example.com"))
LOGINS = st.one_of(st.none(), st.sampled_from(("octo", "123", "null", "a-b", "true", "~")))
TOKENS = st.sampled_from((OURS, BEFORE, "gho_users", "gho_another", ""))
ACCOUNT = st.one_of(
    st.none(),
    st.fixed_dictionaries(
        {}, optional={"oauth_token": TOKENS, "git_protocol": UNICODE, "x": UNICODE}
    ),
)
ENTRY = st.one_of(
    st.none(),
    UNICODE,
    st.fixed_dictionaries(
        {},
        optional={
            "oauth_token": TOKENS,
            "user": st.sampled_from(("octo", "me", "123")),
            "git_protocol": UNICODE,
            "users": st.one_of(
                st.none(), st.dictionaries(st.sampled_from(("octo", "me", "123")), ACCOUNT), UNICODE
            ),
            "other": st.one_of(UNICODE, st.lists(UNICODE, max_size=2)),
        },
    ),
)
DOCUMENTS = st.dictionaries(st.one_of(HOSTS, UNICODE), ENTRY, max_size=3)
CONTENT = st.one_of(
    DOCUMENTS.map(lambda document: yaml.safe_dump(document, allow_unicode=True).encode()),
    st.binary(max_size=40),
    st.lists(
        st.sampled_from(
            (
                "github.com:\n",
                "    oauth_token: gho_users\n",
                "    users:\n",
                "        me:\n",
                "a: &x 1\n",
                "b: *x\n",
                "!!python/object:os.system {}\n",
                "- 1\n",
                "? [a]\n",
                ": 1\n",
                "%YAML 9\n",
                "---\n",
                "{",
                "}",
                "[",
                "'",
                "1: 2\n",
                "<<: {a: 1}\n",
                "    user: me\n",
            )
        ),
        max_size=8,
    ).map(lambda pieces: "".join(pieces).encode()),
)
PUBLISHED = st.lists(
    st.builds(lambda host, login: Published(host, Secret(OURS), None, login), HOSTS, LOGINS),
    max_size=2,
    unique_by=lambda token: token.host,
)
KNOWN = frozenset((fingerprint(Secret(BEFORE)),))


def read(content: bytes | None) -> Any:
    try:
        return yaml.load(content or b"{}", Loader=yaml.BaseLoader) or {}
    except (yaml.YAMLError, RecursionError, ValueError):
        return None


def find_logins(document: Any) -> set[tuple[str, str, str]]:
    """Return host, account and token of each login that is the user's."""
    found = set()
    for host, entry in document.items():
        if not isinstance(entry, dict):
            continue
        given = entry.get("users")
        users = given if isinstance(given, dict) else {}
        rows = [
            (name, (row or {}).get("oauth_token"))
            for name, row in users.items()
            if isinstance(row or {}, dict)
        ]
        found |= {
            (host, name, token) for name, token in [*rows, ("", entry.get("oauth_token"))] if token
        }
    return {row for row in found if row[2] not in (OURS, BEFORE)}


@fuzz(part=0.5, content=CONTENT, tokens=PUBLISHED)
def test_no_login_of_the_users_is_lost(content: bytes, tokens: list[Published]) -> None:
    changed, problems = gh.change_hosts(FILE, tokens, KNOWN, content)
    before, after = read(content), read(changed)
    assert all("\n" not in str(problem) for problem in problems)
    if changed == content:
        return
    assert after is not None
    assert isinstance(before, dict)
    assert find_logins(before) <= find_logins(after)
    hosts = {token.host for token in tokens}
    for host, entry in before.items():
        if (
            host not in hosts
            and isinstance(entry, dict)
            and BEFORE not in str(entry)
            and OURS not in str(entry)
        ):
            assert str(host) in after
    known = KNOWN | {token.fingerprint for token in tokens}  # as the memory has it then
    again, told = gh.change_hosts(FILE, tokens, known, changed)
    assert again == changed
    assert [str(each) for each in told] == [str(each) for each in problems]


@fuzz(
    tokens=st.lists(
        st.builds(
            lambda host, login: Published(host, Secret("ghp_'\"x"), None, login),
            HOSTS,
            st.one_of(LOGINS, st.from_regex(verify._LOGIN.pattern, fullmatch=True)),
        ),
        max_size=2,
        unique_by=lambda token: token.host,
    )
)
def test_gh_reads_exactly_our_accounts(tokens: list[Published]) -> None:
    changed, _ = gh.change_hosts(FILE, tokens, KNOWN, None)
    wanted: dict[str, Any] = {}
    for token in tokens:
        value = token.value.reveal()
        wanted[token.host] = {"oauth_token": value}
        if token.login:
            wanted[token.host] |= {
                "user": token.login,
                "users": {token.login: {"oauth_token": value}},
            }
    assert read(changed) == wanted
