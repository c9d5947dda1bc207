"""Asks a GitHub, as an App, what a judge and the judged must answer alike: JSON on standard output.

judge.py API-URL KEY-FILE: for App 4711, installed as 99 at acme with acme/one, not with acme/two.
"""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import github
import jwt
import requests
from cryptography.hazmat.primitives.asymmetric import rsa

APP, INSTALLED = 4711, 99
TOKENS = f"/app/installations/{INSTALLED}/access_tokens"


def ask_pygithub(url: str, key: str) -> dict[str, Callable[[], Any]]:
    """Return what PyGithub's AppAuth can ask, by a name."""
    auth = github.Auth.AppAuth(APP, key)
    hasty: dict[str, Any] = {
        "base_url": url, "retry": None, "seconds_between_requests": None,
        "seconds_between_writes": None,
    }  # fmt: skip
    app = github.GithubIntegration(auth=auth, **hasty)
    one = github.Github(auth=auth.get_installation_auth(INSTALLED), **hasty)
    return {
        "the app": lambda: app.get_app().id,
        "installations": lambda: [each.id for each in app.get_installations()],
        "an installation": lambda: app.get_app_installation(INSTALLED).id,
        "no installation": lambda: app.get_app_installation(98).id,
        "an organization's": lambda: app.get_org_installation("acme").id,
        "an organization's as a user's": lambda: app.get_user_installation("acme").id,
        "a user without any": lambda: app.get_user_installation("octo").id,
        "a repository's": lambda: app.get_repo_installation("acme", "one").id,
        "a repository's that is not in": lambda: app.get_repo_installation("acme", "two").id,
        "a token": lambda: app.get_access_token(INSTALLED).token[:4],
        "a token without an installation": lambda: app.get_access_token(98).token,
        "fewer permissions": lambda: app.get_access_token(
            INSTALLED, permissions={"contents": "read"}
        ).permissions["contents"],
        "a permission too many": lambda: (
            app.get_access_token(INSTALLED, permissions={"actions": "read"}).token
        ),
        "a permission too high": lambda: (
            app.get_access_token(INSTALLED, permissions={"issues": "write"}).token
        ),
        "a repository with a token": lambda: one.get_repo("acme/one").full_name,
        "a repository that is not in": lambda: one.get_repo("acme/two").full_name,
    }


def ask_plainly(url: str, key: str) -> dict[str, Callable[[], Any]]:
    """Return what PyGithub would not ask: assertions that are wrong, and narrowing by name."""
    now = int(time.time())
    good = {"iss": str(APP), "iat": now - 60, "exp": now + 300}
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    def send(
        claims: dict[str, Any] = good,
        signer: Any = key,
        algorithm: str = "RS256",
        names: list[str] | None = None,
    ) -> str:
        token = jwt.encode(claims, signer, algorithm=algorithm)
        answer = requests.request(
            "POST" if names else "GET",
            url + (TOKENS if names else "/app"),
            headers={"Authorization": f"Bearer {token}"},
            json={"repositories": names} if names else None,
            timeout=120,
        )
        return f"{answer.status_code} {answer.json().get('message')}"

    return {
        "a good assertion": send,
        "a wrong key": lambda: send(signer=other),
        "a shared secret": lambda: send(signer="x" * 40, algorithm="HS256"),
        "expired": lambda: send(good | {"exp": now - 10}),
        "too long": lambda: send(good | {"exp": now + 660}),
        "from the future": lambda: send(good | {"iat": now + 120}),
        "an unknown app": lambda: send(good | {"iss": "1"}),
        "a repository by name": lambda: send(names=["one"]),
        "a repository too many": lambda: send(names=["one", "two"]),
    }


def answer(question: Callable[[], Any]) -> Any:
    """Return the answer, or how it was refused."""
    try:
        return question()
    except github.GithubException as error:
        return f"{error.status} {error.message}"


def main() -> None:
    url, key = sys.argv[1], Path(sys.argv[2]).read_text()
    questions = ask_pygithub(url, key) | ask_plainly(url, key)
    print(json.dumps({name: answer(question) for name, question in questions.items()}))


if __name__ == "__main__":
    main()
