"""Whether GitHub knows the key that signs commits: else it shows them as unverified."""

from collections.abc import Iterator
from pathlib import Path

from agent.github import api, verify
from agent.github.api import NoAnswerError
from agent.github.hosts import find_accounts
from agent.github.published import read_token
from agent.machine.errors import Problem
from agent.machine.system import Facts
from agent.settings.check import Check, Finding, Result
from agent.settings.context import Context
from agent.settings.own_signing import expand
from agent.workspace.checks.signing import read_config


def look(context: Context) -> Iterator[Finding]:
    """Ask each host for the signing keys of the token's user."""
    facts = context.facts
    config = read_config(facts)
    if isinstance(config, Problem):
        return  # the check `identity` tells of it
    found = find_public_key(config.get("user.signingkey", ""), facts)
    if config.get("gpg.format") != "ssh" or found is None:
        return
    key, path = found
    for account in context.once(find_accounts).known:
        token, host = read_token(facts, account.host), account.host
        if token is None or not token.login or token.login.endswith("[bot]"):
            continue
        page = f"/users/{token.login}/ssh_signing_keys?per_page=100"
        try:
            answer = verify.get(token.value, account, facts, page)
        except NoAnswerError as error:
            yield Finding(Result.UNKNOWN, f"cannot check it: {error.reason}", part=host)
            continue
        rows = answer.document.get("items")
        if answer.status != 200 or not isinstance(rows, list):
            words = f"{host} does not list the keys: status {answer.status}"
            yield Finding(Result.UNKNOWN, words, part=host)
        elif key in [strip_comment(str(row.get("key"))) for row in rows if isinstance(row, dict)]:
            words = f"{host} knows the signing key of {token.login}"
            yield Finding(Result.OK, words, part=host)
        else:
            yield Finding(
                Result.WARN,
                f"{host} does not know the signing key: it shows commits as unverified",
                f"add {path or 'the public key'} as a signing key at "
                f"{api.find_web_url(account)}/settings/ssh/new",
                part=host,
            )


def find_public_key(given: str, facts: Facts) -> tuple[str, Path | None] | None:
    """Return the public key that user.signingKey means, and its file; None: it is not known."""
    if given.startswith(("key::", "ssh-", "ecdsa-", "sk-")):
        return strip_comment(given.removeprefix("key::")), None
    path = Path(expand(given, facts))
    if not path.is_absolute():
        return None
    for file in (path.with_name(f"{path.name}.pub"), path):
        try:
            text = (facts.read(file) or b"").decode(errors="replace")
        except OSError:
            continue
        if text.startswith(("ssh-", "ecdsa-", "sk-")):
            return strip_comment(text), file
    return None


def strip_comment(key: str) -> str:
    """Return the kind and the body of a public key."""
    return " ".join(key.split()[:2])


CHECK = Check(
    "signing-key",
    "SSH and signing",
    "whether GitHub knows the ssh key that signs commits",
    look,
    network=True,
    documents="docs/github.md#signed-commits",
)
