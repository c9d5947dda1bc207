"""What a host says of a token's access to a repository, and why it shows one or does not."""

from agent.github import verify
from agent.github.api import Answer
from agent.github.token import read_grants
from agent.machine.light.expressions import regex
from agent.machine.secret import Secret
from agent.machine.system import Facts
from agent.machine.values import frozen
from agent.settings.github import GitHub

_SSO = "x-github-sso"
"""https://docs.github.com/en/rest/authentication/authenticating-to-the-rest-api#personal-access-tokens-and-saml-sso"""
_REQUIRED = regex(r"required; url=(https://[!-~]+)")
_PARTIAL = regex(r"partial-results; organizations=([0-9,]+)")


@frozen
class Access:
    """What a token may do in one repository."""

    status: int
    """200: it sees the repository."""
    push: bool | None = None
    """Whether its user may push; the token may do less. None: it is no user's, or not known."""
    archived: bool = False
    sso_url: str = ""
    """The page that authorizes the token for the single sign-on of the owner."""
    wanted: str = ""
    """The scopes or permissions of which the host wants one."""
    message: str = ""


def ask(value: Secret, account: GitHub, facts: Facts, name: str) -> Access:
    """Return what the host says about OWNER/NAME. Raises NoAnswerError."""
    answer = verify.get(value, account, facts, f"/repos/{name}")
    permissions = answer.document.get("permissions")
    push = permissions.get("push") if isinstance(permissions, dict) else None
    wanted = ("x-accepted-oauth-scopes", "x-accepted-github-permissions")
    return Access(
        answer.status,
        push if isinstance(push, bool) else None,
        answer.document.get("archived") is True,
        find_link(answer),
        next(filter(None, (read_grants(answer.headers.get(name, "")) for name in wanted)), ""),
        answer.message,
    )


def find_link(answer: Answer) -> str:
    """Return the page that authorizes the token, if an answer names one; else an empty text."""
    match = _REQUIRED.match(answer.headers.get(_SSO, ""))
    return match[1] if match else ""


def find_organizations(answer: Answer) -> list[str]:
    """Return the numbers of the organizations that an answer leaves out."""
    match = _PARTIAL.match(answer.headers.get(_SSO, ""))
    return match[1].strip(",").split(",") if match else []
