"""gh: its hosts.yml and config.yml, written directly, since `gh auth login` needs the network.

gh's files are the user's. Only the account whose token the agent wrote is touched: the agent keeps
fingerprints of the tokens that it gave to gh, and a token that is not among them is a login of the
user's own, which wins. https://cli.github.com/manual/gh_help_environment tells where they lie.
"""

import json
import re
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from agent.github.published import Published, find_hosts, read_token
from agent.github.record import fingerprint
from agent.machine import places
from agent.machine.errors import Problem
from agent.machine.light import runtime
from agent.machine.light.expressions import regex
from agent.machine.planning.ledger import Ledger
from agent.machine.planning.plan import apply, plan
from agent.machine.planning.resources import Edit, Resource
from agent.machine.records.documents import STATE, Document
from agent.machine.secret import Secret
from agent.machine.system import Facts, System
from agent.settings.context import Context
from agent.settings.step import Step

MEMORY = Document[list[str]](
    STATE, "gh-tokens.json", "fingerprints of the tokens that the agent gave to gh",
    lambda marks: [mark for mark in marks if isinstance(mark, str)], list,
)  # fmt: skip
"""The oldest first."""
MOST_BYTES = 256 * 1024
"""Of hosts.yml: a thousand accounts, in a second; the YAML library is slow."""
MOST = 100
"""Old tokens that are known still. A gh that was at work meanwhile may write one back."""
VERSION = b"version: 1\n"
"""In config.yml; without it gh converts hosts.yml first, for which it asks the network."""

_TOKEN = regex(rb"oauth_token:\s*[\"']?([^\s\"',}]+)")
_VERSION = regex(rb"^version:", re.MULTILINE)

Hosts = dict[str, Any]


def resources(context: Context) -> Iterator[Resource | Problem]:
    """Yield the changes that make gh use the published tokens, and forget those that are gone."""
    facts = context.facts
    folder, memory = find_folder(facts), MEMORY.path(facts)
    known = frozenset(MEMORY.decode(facts.read(memory)))
    found = (read_token(facts, host) for host in find_hosts(facts))
    tokens = [token for token in found if token]
    if not tokens and not known:
        yield Edit(memory, lambda _: None)
        return
    if isinstance(folder, Problem):
        yield folder
        return
    hosts, config = folder / "hosts.yml", folder / "config.yml"
    present = facts.read(hosts, MOST_BYTES)
    changed, problems = change_hosts(hosts, tokens, known, present)
    if changed and len(changed) > MOST_BYTES:
        yield Problem(
            f"left {hosts} alone: with the agent's logins it would be larger than "
            f"{MOST_BYTES // 1024} KiB",
            "take hosts out of hosts.d; git has the tokens of all",
        )
        return
    yield from problems
    wanted = frozenset(token.fingerprint for token in tokens)
    in_use = known.intersection(_find_fingerprints(present or b""))
    if wanted:
        # The memory first: what is in hosts.yml and not in the memory counts as the user's.
        yield Edit(memory, partial(_remember, wanted, in_use))
        yield Edit(config, partial(_add_version, config))
        yield Edit(hosts, lambda _: changed)
    else:
        yield Edit(hosts, lambda _: changed)
        yield Edit(config, lambda given: None if given == VERSION else given)
        kept = known.intersection(_find_fingerprints(changed or b""))
        yield Edit(memory, lambda given: given if kept else None)


def find_folder(facts: Facts) -> Path | Problem:
    """Return gh's folder of settings, as gh finds it."""
    if facts.environ.get("GH_CONFIG_DIR"):
        return places.find_folder(facts, "GH_CONFIG_DIR", "", "gh")
    folder = places.find_folder(facts, "XDG_CONFIG_HOME", ".config", "gh")
    return folder if isinstance(folder, Problem) else folder / "gh"


def find_file(facts: Facts) -> Path | None:
    """Return the file in which gh keeps logins; None: its folder has no usable name."""
    folder = find_folder(facts)
    return None if isinstance(folder, Problem) else folder / "hosts.yml"


def find_own_logins(facts: Facts) -> frozenset[str]:
    """Return the fingerprints of the tokens that the user has given to gh. Raises OSError."""
    path = find_file(facts)
    present = facts.read(path, MOST_BYTES) if path else None
    return frozenset(_find_fingerprints(present or b"")).difference(MEMORY.read(facts))


# --- what the agent gave to gh ------------------------------------------------------------------


def _remember(
    wanted: frozenset[str], in_use: frozenset[str], present: bytes | None
) -> bytes | None:
    known = MEMORY.decode(present)
    if wanted.issubset(known):
        return present
    newest = [*sorted(in_use - wanted), *sorted(wanted)]
    old = [mark for mark in known if mark not in newest]
    return MEMORY.encode(old[-MOST:] + newest)


def _find_fingerprints(hosts: bytes) -> set[str]:
    found = _TOKEN.findall(hosts)
    return {fingerprint(Secret(text.decode(errors="replace"))) for text in found}


def _is_known(known: frozenset[str], text: object) -> bool:
    return isinstance(text, str) and fingerprint(Secret(text)) in known


def _is_own(known: frozenset[str], text: object) -> bool:
    return bool(text) and not _is_known(known, text)


# --- gh's files --------------------------------------------------------------------------------


def _add_version(path: Path, present: bytes | None) -> bytes | Problem | None:
    if present is not None and _VERSION.search(present):
        return present
    content = present or b""
    separator = b"" if not content or content.endswith(b"\n") else b"\n"
    content += separator + VERSION
    return content if not present or _is_mapping(content) else _unusable(path)


def change_hosts(
    path: Path, tokens: Sequence[Published], known: frozenset[str], present: bytes | None
) -> tuple[bytes | None, list[Problem]]:
    """Return hosts.yml with these tokens and without the others of ours, and what is in the way.

    `known` are the fingerprints of all tokens that the agent gave to gh.
    """
    simple = b"".join(_render_simple(token) for token in tokens)
    if not present or present == simple:
        return simple or None, []
    document = _parse(path, present)
    if isinstance(document, Problem):
        return present, [document]
    known |= {token.fingerprint for token in tokens}
    signed_in = [_sign_in(path, document, token, known) for token in tokens]
    for host in set(document).difference(token.host for token in tokens):
        _sign_out(document, host, known)
    problems = [item for item in signed_in if item]
    if simple and document == _parse(path, simple) and document != _parse(path, present):
        return simple, problems  # which is recognized next time without the YAML library
    return (_unparse(path, document, present) if document else None), problems


def _sign_in(
    path: Path, document: Hosts, token: Published, known: frozenset[str]
) -> Problem | None:
    value = token.value.reveal()
    entry = document.setdefault(token.host, {})
    account = entry.get("users", {}).get(token.login, {})
    is_beside = _is_of_user(entry, known)
    if is_beside and _renew_beside(entry, token, known):
        return None
    if is_beside or _is_own(known, account.get("oauth_token")):
        # In a file that a gh of before 2024 wrote, `gh auth logout` finds no account.
        old = "users" not in entry
        leave = f"rm {path}" if old else f"gh auth logout --hostname {token.host}"
        return Problem(
            f"left gh's login for {token.host} alone: you signed in to gh yourself",
            f"to use the agent's token in gh: {leave}; devcopilot refresh",
        )
    _drop_accounts(entry, known, keep=token.login)
    entry["oauth_token"] = value
    if token.login:
        entry["user"] = token.login
        account["oauth_token"] = value
        entry.setdefault("users", {})[token.login] = account
    else:
        entry.pop("user", None)  # of an account without a token: ours has no name yet
    return None


def _is_of_user(entry: Hosts, known: frozenset[str]) -> bool:
    """Tell whether the active account is a login of the user's own, be its token in a keyring."""
    active = entry.get("oauth_token")
    return _is_own(known, active) if active else entry.get("user") in entry.get("users", {})


def _renew_beside(entry: Hosts, token: Published, known: frozenset[str]) -> bool:
    """Renew our account beside the active one; return False where there is none.

    Its name stays until that of the token is known.
    """
    accounts = entry.get("users", {})
    ours = [name for name in accounts if _is_known(known, accounts[name].get("oauth_token"))]
    if not ours or _is_own(known, accounts.get(token.login, {}).get("oauth_token")):
        return False
    account = accounts[token.login if token.login in ours else ours[0]]
    _drop_accounts(entry, known, keep=None)
    accounts[token.login or ours[0]] = {**account, "oauth_token": token.value.reveal()}
    entry["users"] = accounts
    return True


def _sign_out(document: Hosts, host: str, known: frozenset[str]) -> None:
    entry = document[host]
    active = entry.get("oauth_token")
    _drop_accounts(entry, known, keep=None)
    if _is_known(known, active):
        del entry["oauth_token"]
        for name, account in entry.get("users", {}).items():
            entry["user"] = name  # as `gh auth logout` does: another account takes over
            entry["oauth_token"] = account.get("oauth_token", "")
            break
        else:
            del document[host]


def _drop_accounts(entry: Hosts, known: frozenset[str], keep: str | None) -> None:
    """Remove the accounts that the agent made, and the active one's name if it is among them."""
    accounts = entry.get("users", {})
    ours = [name for name in accounts
            if name != keep and _is_known(known, accounts[name].get("oauth_token"))]  # fmt: skip
    for name in ours:
        del accounts[name]
    if ours and not accounts:
        del entry["users"]
    if entry.get("user") != keep and _is_known(known, entry.get("oauth_token")):
        entry.pop("user", None)


def _render_simple(token: Published) -> bytes:
    """Return hosts.yml for this token alone; JSON's texts are YAML's too. Needs no YAML library."""
    value = json.dumps(token.value.reveal())
    lines = [f"{token.host}:", f"    oauth_token: {value}"]
    if token.login:
        login = json.dumps(token.login)
        lines += [f"    user: {login}", "    users:"]
        lines += [f"        {login}:", f"            oauth_token: {value}"]
    return "".join(f"{line}\n" for line in lines).encode()


def _parse(path: Path, content: bytes) -> Hosts | Problem:
    """Return gh's file as texts in mappings; a problem when it is something else."""
    try:
        return {host: _parse_entry(entry) for host, entry in (_load(content) or {}).items()}
    except (ValueError, AttributeError, TypeError):
        return _unusable(path)


def _is_mapping(content: bytes) -> bool:
    try:
        return isinstance(_load(content), dict)
    except ValueError:
        return False


def _load(content: bytes) -> Any:
    """Return a YAML document, all scalars as texts: a login of digits must not become a number.

    Raises ValueError, also for an alias: a few lines of them stand for gigabytes.
    """
    import yaml  # noqa: PLC0415 - 15 ms that only an existing file costs

    class Loader(yaml.BaseLoader):  # which makes no objects
        def compose_node(self, parent: Any, index: Any) -> Any:
            if self.check_event(yaml.AliasEvent):
                raise yaml.YAMLError
            return super().compose_node(parent, index)

    try:
        return yaml.load(content, Loader=Loader)  # noqa: S506 - see above
    except (yaml.YAMLError, RecursionError) as error:
        raise ValueError from error


def _unusable(path: Path) -> Problem:
    return Problem(f"left {path} alone: it is not YAML as gh writes it", f"fix or remove {path}")


def _parse_entry(entry: Any) -> Hosts:
    """Return what stands below a host; nothing counts as an empty mapping."""
    parsed = dict((entry or {}).items())
    if "users" in parsed:
        accounts = (parsed["users"] or {}).items()
        parsed["users"] = {name: dict((account or {}).items()) for name, account in accounts}
    return parsed


def _unparse(path: Path, document: Hosts, present: bytes) -> bytes:
    """Return the document as YAML, or the bytes that are there if they say the same."""
    import yaml  # noqa: PLC0415 - as above

    if _parse(path, present) == document:
        return present
    text: str = yaml.safe_dump(document, indent=4, sort_keys=False, allow_unicode=True)
    return text.encode()


def sign_in(context: Context) -> tuple[Problem, ...]:
    """Bring gh's files up to date with what is published; return what was in the way."""
    facts = context.facts
    with runtime.hold_lock(str(facts.runtime / runtime.GH_LOCK)):
        planned = plan("gh", resources(context), facts, Ledger())
        return (*planned.problems, *apply(planned, System(facts.environ), Ledger()))


STEP = Step("github", resources)
