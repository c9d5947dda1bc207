"""Which organizations do not let the token in before it is authorized for their single sign-on.

GitHub leaves their repositories out, or answers 404, so that it looks like a wrong name:
https://docs.github.com/en/rest/using-the-rest-api/troubleshooting-the-rest-api#404-not-found-for-an-existing-resource
"""

from collections.abc import Iterator

from agent.github import access, api, verify
from agent.github.api import NoAnswerError
from agent.github.hosts import find_accounts
from agent.github.published import Published, read_token
from agent.github.token import find_kind
from agent.machine.light.expressions import regex
from agent.machine.system import Facts
from agent.settings.check import Check, Finding, Result
from agent.settings.context import Context
from agent.settings.github import GitHub

MOST = 20
"""Organizations that are named."""
_NAME = regex(r"[A-Za-z0-9_-]{1,100}")


def look(context: Context) -> Iterator[Finding]:
    """Ask each host for the organizations of the token's user."""
    for account in context.once(find_accounts).known:
        token = read_token(context.facts, account.host)
        if token and find_kind(token.value) != "installation":
            yield from look_at_host(account, token, context.facts)


def look_at_host(account: GitHub, token: Published, facts: Facts) -> Iterator[Finding]:
    """Yield a finding for each organization, or that there is none."""
    host = account.host
    try:
        answer = verify.get(token.value, account, facts, "/user/orgs?per_page=100")
        if url := access.find_link(answer):
            yield explain("an organization", url, host)
            return
        if answer.status != 200:
            words = f"{host} does not list the organizations: status {answer.status}"
            yield Finding(Result.SKIPPED, f"{words} {answer.message}".strip(), part=host)
            return
        page = f"{api.find_web_url(account)}/settings/tokens"
        numbers = access.find_organizations(answer)
        for number in numbers[:MOST]:
            name = find_name(number, account, token, facts)
            yield explain(name, f"{page} (Configure SSO)", host)
        if not numbers:
            yield Finding(Result.OK, "no organization waits for single sign-on", part=host)
    except NoAnswerError as error:
        yield Finding(Result.UNKNOWN, f"cannot check it: {error.reason}", part=host)


def find_name(number: str, account: GitHub, token: Published, facts: Facts) -> str:
    """Return the name of an organization, or its number."""
    answer = verify.get(token.value, account, facts, f"/organizations/{number}")
    name = answer.document.get("login")
    known = isinstance(name, str) and _NAME.fullmatch(name)
    return str(name) if known else f"the organization with the number {number}"


def explain(name: str, where: str, host: str) -> Finding:
    """Return the finding about one organization."""
    return Finding(
        Result.WARN,
        f"{name} wants single sign-on: its repositories look as if they did not exist",
        f"authorize the token at {where}",
        {"organization": name},
        host,
    )


CHECK = Check(
    "sso",
    "GitHub",
    "whether an organization waits for the token to be authorized for single sign-on",
    look,
    network=True,
    documents="docs/github.md",
)
