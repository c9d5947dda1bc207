"""Installation tokens of a GitHub App, made with the App's private key; each lives for an hour.

https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app
"""

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from agent.github import api
from agent.github.api import Answer, NoAnswerError
from agent.github.token import Failure, Found, Token, TokenSource, make_token, read_grants
from agent.machine.errors import Problem
from agent.machine.formats.private_keys import is_locked
from agent.machine.secret import Secret
from agent.machine.system import Facts
from agent.settings.github import GitHub

LEAD = 30 * 60.0
"""Seconds before its end that a token is made anew; the one before it goes on to work."""


def is_configured(account: GitHub) -> bool:
    """Tell whether a key is given."""
    return account.app_key is not None


def fetch(account: GitHub, facts: Facts) -> Found:
    """Make a token."""
    key = facts.secret(account.app_key)
    if key is None or isinstance(key, Problem):
        return Failure(key) if key else None
    try:
        return _Maker(account, facts, key).make()
    except _RefusedError as error:
        return error.failure
    except NoAnswerError as error:
        message = f"cannot make a token for {account.host}: {error.reason}"
        return Failure(Problem(message), error.retry_after)


def check(account: GitHub, facts: Facts) -> Problem | None:
    """Return why the key cannot sign."""
    key = facts.secret(account.app_key)
    if key is None or isinstance(key, Problem):
        return key
    try:
        _Maker(account, facts, key).sign({})
    except _RefusedError as error:
        return error.failure.problem
    return None


SOURCE = TokenSource("GitHub App", is_configured, fetch, lead=LEAD, check=check)


class _RefusedError(Exception):
    def __init__(self, failure: Failure) -> None:
        super().__init__(str(failure.problem))
        self.failure = failure


class _Maker:
    """The requests that lead to one token."""

    def __init__(self, account: GitHub, facts: Facts, key: Secret) -> None:
        self._account = account
        self._facts = facts
        self._key = key
        self._skew = 0.0

    def make(self) -> Found:
        installation = self._account.app_installation or self._find_installation()
        body: dict[str, Any] = {}
        if self._account.app_repositories:
            body["repositories"] = self._account.app_repositories
        if self._account.app_permissions:
            body["permissions"] = self._account.app_permissions
        answer = self._ask("POST", f"/app/installations/{installation}/access_tokens", body)
        if answer.status == 404:
            raise self._refuse(
                f"installation {installation} of App {self._account.app_id} is gone",
                "install the App again, or fix GITHUB_APP_INSTALLATION_ID",
            )
        if answer.status != 201:
            raise self._refuse(
                f"{answer.message or f'status {answer.status}'}",
                "fix GITHUB_APP_REPOSITORIES and GITHUB_APP_PERMISSIONS, or ask the owner of the "
                "installation to grant more",
            )
        return self._read_token(answer)

    def _find_installation(self) -> int:
        """Return the installation of the owner, or the only one there is."""
        owner = self._account.app_owner
        if owner:
            answer = self._ask("GET", f"/users/{owner}/installation")
            if answer.status == 404:
                raise self._refuse(
                    f"App {self._account.app_id} is not installed for {owner}",
                    "install it there, or fix GITHUB_APP_OWNER",
                )
            return int(answer.document["id"])
        found = self._ask("GET", "/app/installations").document.get("items", [])
        if len(found) != 1:
            raise self._refuse(
                f"App {self._account.app_id} has {len(found)} installations",
                "select one with GITHUB_APP_INSTALLATION_ID or GITHUB_APP_OWNER",
            )
        return int(found[0]["id"])

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Answer:
        """Ask as the App; once more with the server's own time when the clocks differ."""
        import github  # noqa: PLC0415 - costs 0.3 s, and only this source needs it

        for _ in range(2):
            maker = github.Auth.AppAuth(self._account.app_id or "", sign_func=self.sign)
            # Signed once: AppAuth signs another one for each look at its token, and what was sent
            # has to be known to be masked in the answer.
            auth = github.Auth.AppAuthToken(maker.token)
            answer = api.ask(self._account, self._facts, auth, method, path, body)
            if answer.status != 401 or answer.skew == self._skew:
                break
            self._skew = answer.skew
        unknown_app = answer.status == 404 and answer.message == "Integration not found"
        if answer.status == 401 or unknown_app:
            raise self._refuse(
                f"GitHub rejects the key for App {self._account.app_id}: {answer.message}",
                "fix GITHUB_APP_ID, or create a new private key in the App's settings",
            )
        if answer.status == 403:
            raise self._refuse(answer.message or "GitHub forbids it", "check the App's settings")
        return answer

    def sign(self, claims: Mapping[str, Any]) -> str:
        """Return the JWT with these claims, its times moved to the server's clock.

        PyGithub makes them by this machine's, which may be wrong.
        """
        import jwt  # noqa: PLC0415 - brings cryptography: 0.1 s
        from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415

        ahead = round(self._facts.clock.now().timestamp() - time.time() + self._skew)
        times = {name: claims[name] + ahead for name in ("iat", "exp") if name in claims}
        try:
            return jwt.encode({**claims, **times}, self._key.reveal(), algorithm="RS256")
        except (
            *(ValueError, TypeError, jwt.InvalidKeyError, UnsupportedAlgorithm),
            AttributeError,  # PyJWT loads public keys, too, and those have no `sign`
        ) as error:
            locked = is_locked(self._key.reveal().encode())
            raise self._refuse(
                "GITHUB_APP_PRIVATE_KEY is locked with a passphrase"
                if locked
                else "GITHUB_APP_PRIVATE_KEY is not an RSA key in PEM",
                "set GITHUB_APP_PRIVATE_KEY_FILE to the .pem file from GitHub",
            ) from error

    def _read_token(self, answer: Answer) -> Found:
        value, ends = answer.document.get("token"), answer.document.get("expires_at")
        expires = api.parse_time(ends, answer.skew)
        if not isinstance(value, str) or expires is None:
            raise NoAnswerError("the response contains no token")
        granted = answer.document.get("permissions")
        pairs = sorted(granted.items()) if isinstance(granted, dict) else ()
        grants = read_grants(", ".join(f"{name}:{level}" for name, level in pairs))
        source = f"App {self._account.app_id}"
        made = make_token(Secret(value), self._account.host, source, hint="")
        if not isinstance(made, Token):
            return made
        return replace(made, expires=expires, grants=grants, skew=answer.skew)

    def _refuse(self, cause: str, hint: str) -> _RefusedError:
        problem = Problem(f"cannot make a token for {self._account.host}: {cause}", hint)
        return _RefusedError(Failure(problem, skew=self._skew))
