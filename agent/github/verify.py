"""Asks GitHub whether a token is good, and whose it is."""

from datetime import datetime

from agent.github import api
from agent.github.api import Answer, NoAnswerError
from agent.github.token import find_kind, read_grants
from agent.machine.light import faults
from agent.machine.light.expressions import regex
from agent.machine.secret import Secret
from agent.machine.system import Facts
from agent.machine.values import frozen
from agent.settings.github import GitHub

WITH_SCOPES = ("personal", "oauth")
"""Kinds of tokens that have scopes; the others have permissions."""
_LOGIN = regex(r"[A-Za-z0-9_.\[\]-]{1,100}")
"""It becomes a line of the published file; [bot] ends that of an App."""
NEEDED = ("repo", "read:org")
"""Scopes without which gh refuses a token of these kinds."""


@frozen
class Valid:
    """GitHub accepts the token."""

    login: str | None
    """Whose it is; None for a token that belongs to an App and to no user."""
    expires: datetime | None = None
    """By this machine's clock; None: GitHub tells of no end."""
    grants: str = ""
    """Its scopes; empty for tokens that have none."""
    lacks: tuple[str, ...] = ()
    """Scopes that gh needs and that it does not have."""
    skew: float = 0.0
    """Seconds by which the server's clock is ahead of this machine's."""


@frozen
class Rejected:
    """GitHub says that the token is not, or no longer, good."""


@frozen
class Unreachable:
    """Nothing was learnt."""

    reason: str
    retry_after: float | None = None
    """Seconds for which GitHub does not want to be asked; None: it said nothing of it."""


Result = Valid | Rejected | Unreachable


def check(value: Secret, account: GitHub, facts: Facts) -> Result:
    """Ask the host about the token. Never raises for what the network or the server does."""
    try:
        return judge(value, account, *ask(value, account, facts))
    except NoAnswerError as error:
        return Unreachable(error.reason, error.retry_after)
    except Exception as error:
        # An answer that nobody foresaw; other hosts must go on.
        return Unreachable(faults.describe(error))


def ask(value: Secret, account: GitHub, facts: Facts) -> tuple[Answer, bool]:
    """Return what the host says of the token, and whether it is a user's. Raises NoAnswerError."""
    answer = get(value, account, facts, "/user")
    if answer.status == 403:
        # Tokens of Apps are no user's: for them any answer but 401 to GET / is the proof.
        return get(value, account, facts, "/"), False
    return answer, True


def get(value: Secret, account: GitHub, facts: Facts, path: str) -> Answer:
    """Return what the host's API has at a path, for this token. Raises NoAnswerError."""
    import github  # noqa: PLC0415 - 0.3 s and 40 MB that only a check costs

    return api.ask(account, facts, github.Auth.Token(value.reveal()), "GET", path)


def judge(value: Secret, account: GitHub, answer: Answer, is_users: bool) -> Result:
    """Return what an answer of `ask` says about the token."""
    url = api.find_api_url(account)
    if answer.status == 401:
        return Rejected()
    if answer.status != 200:
        return Unreachable(f"{url} answered with status {answer.status}")
    login = answer.document.get("login", "") if is_users else None
    if login is not None and not (isinstance(login, str) and _LOGIN.fullmatch(login)):
        return Unreachable(f"{url} does not respond like GitHub")
    text = answer.headers.get("github-authentication-token-expiration", "")
    scopes = read_grants(answer.headers.get("x-oauth-scopes", ""))
    has_scopes = find_kind(value) in WITH_SCOPES
    return Valid(
        login,
        api.parse_time(text, answer.skew),
        scopes,
        _find_lacking(scopes) if has_scopes else (),
        answer.skew,
    )


def _find_lacking(scopes: str) -> tuple[str, ...]:
    """Return the scopes that gh misses; the larger ones of an organization include read:org."""
    given = {scope.strip() for scope in scopes.split(",")}
    if given & {"admin:org", "write:org"}:
        given.add("read:org")
    return tuple(scope for scope in NEEDED if scope not in given)
