"""The answers of the APIs: pure functions from a request to (status, headers, document)."""

import json
import re
from collections.abc import Mapping

from tests.fakes.github.world import Known

Answer = tuple[int, Mapping[str, str], Mapping[str, object]]

BAD_CREDENTIALS: Answer = (401, {}, {"message": "Bad credentials", "status": "401"})
NOT_FOUND: Answer = (404, {}, {"message": "Not Found", "status": "404"})
_VIEWER = re.compile(r"\{\s*viewer\s*\{\s*login\s*\}\s*\}")


def make_headers(known: Known | None) -> dict[str, str]:
    """Return what GitHub tells of a token in every answer."""
    headers = {
        "X-GitHub-Media-Type": "github.v3; format=json",
        "X-RateLimit-Limit": "5000",
        "X-RateLimit-Remaining": "4999",
    }
    if known and known.scopes is not None and not known.is_installation:
        headers["X-OAuth-Scopes"] = known.scopes
    if known and known.expires:
        headers["GitHub-Authentication-Token-Expiration"] = known.expires.strftime(
            "%Y-%m-%d %H:%M:%S UTC"
        )
    return headers


def answer_api(method: str, path: str, known: Known | None, body: bytes) -> Answer:
    """Answer a request to the API; `known` is None for one without any token."""
    headers = make_headers(known)
    if (method, path) == ("GET", "/"):
        return 200, headers, {"current_user_url": "https://api.github.com/user"}
    if known is None:
        return 401, headers, {"message": "Requires authentication", "status": "401"}
    if (method, path) == ("GET", "/user"):
        if known.is_installation:
            return 403, headers, {"message": "Resource not accessible by integration"}
        return 200, headers, {"login": known.login, "id": 1, "type": "User"}
    if (method, path) == ("POST", "/graphql"):
        return answer_graphql(known, body, headers)
    return NOT_FOUND


def answer_graphql(known: Known, body: bytes, headers: Mapping[str, str]) -> Answer:
    """Answer the one query that gh asks at a login; gh refuses fields it did not ask for."""
    try:
        query = str(json.loads(body)["query"])
    except (ValueError, KeyError, TypeError):
        return 400, headers, {"message": "Problems parsing JSON"}
    if not _VIEWER.search(query):
        return 200, headers, {"errors": [{"message": "this fake knows viewer.login only"}]}
    login = f"{known.login}[bot]" if known.is_installation else known.login
    return 200, headers, {"data": {"viewer": {"login": login}}}
