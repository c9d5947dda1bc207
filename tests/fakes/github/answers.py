"""The answers of REST and GraphQL to tokens; Apps' own are in app_answers.py."""

import re
from collections.abc import Callable, Mapping

from tests.fakes.github.app_answers import (
    SUSPENDED,
    answer_app,
    describe_repository,
    is_for_apps,
)
from tests.fakes.github.apps import Apps
from tests.fakes.github.calls import Answer, Call, answer_json, refuse
from tests.fakes.github.headers import describe_rate, describe_token
from tests.fakes.github.hosts import make_api_url
from tests.fakes.github.rights import (
    answer_organization,
    answer_organizations,
    answer_signing_keys,
    refuse_api,
)
from tests.fakes.github.world import Known

Headers = Mapping[str, str]
Responder = Callable[[Apps, Call, Known, Headers], Answer]
Route = tuple[str, str, Responder]
_VIEWER = re.compile(r"\{\s*viewer\s*\{\s*login\s*\}\s*\}")


def answer_api(hub: Apps, call: Call) -> Answer:
    """Answer a request to the API."""
    if not call.headers.get("user-agent"):
        return refuse(403, "Request forbidden by administrative rules. Please make sure your "
                           "request has a User-Agent header.")  # fmt: skip
    if is_for_apps(call):
        return answer_app(hub, call)
    known = hub.use(call.token, call.place.host)
    if known:
        return answer_known(hub, call, known)
    if call.token is not None:
        return refuse(401, "Bad credentials")
    return answer_nobody(hub, call, describe_token(None))


def answer_nobody(hub: Apps, call: Call, headers: Headers) -> Answer:
    """Answer a request without any token."""
    if (call.method, call.place.path) == ("GET", "/"):
        return answer_root(hub, call, None, headers)
    if find_answer(call) is None:
        return refuse(404, "Not Found", headers)
    return refuse(401, "Requires authentication", headers)


def answer_known(hub: Apps, call: Call, known: Known) -> Answer:
    """Answer a request with a token that is good."""
    rate = hub.count_use(known)
    headers = describe_token(known) | describe_rate(rate)
    if rate.used > rate.limit:
        return refuse(403, f"API rate limit exceeded for {name_identity(known)}.", headers)
    if hub.is_suspended(known):
        return refuse(403, SUSPENDED, headers)
    answer = find_answer(call)
    return answer(hub, call, known, headers) if answer else refuse(404, "Not Found", headers)


def find_answer(call: Call) -> Responder | None:
    """Return what answers a request, or None for a path that the API does not have."""
    for method, pattern, answer in ROUTES:
        if method == call.method and re.fullmatch(pattern, call.place.path):
            return answer
    return None


def name_identity(known: Known) -> str:
    """Return whose limit it is, as GitHub says it."""
    if known.installation_id:
        return f"installation ID {known.installation_id}"
    return "user ID 1"


def answer_root(hub: Apps, call: Call, known: Known | None, headers: Headers) -> Answer:
    """GET /: what gh asks for the sake of its headers; it needs no user."""
    user = f"{make_api_url(call.place.host)}/user"
    return answer_json(200, {"current_user_url": user}, headers)


def answer_user(hub: Apps, call: Call, known: Known, headers: Headers) -> Answer:
    """GET /user: a token that is no user's is not let in."""
    if known.is_installation:
        return refuse(403, "Resource not accessible by integration", headers)
    return answer_json(200, {"login": known.login, "id": 1, "type": "User"}, headers)


def answer_graphql(hub: Apps, call: Call, known: Known, headers: Headers) -> Answer:
    """Answer the one query that gh asks at a login; gh refuses fields it did not ask for."""
    try:
        query = str(call.read_json()["query"])
    except (ValueError, KeyError, TypeError):
        return answer_json(400, {"message": "Problems parsing JSON"}, headers)
    if not _VIEWER.search(query):
        problem = {"errors": [{"message": "this fake knows viewer.login only"}]}
        return answer_json(200, problem, headers)
    login = known.login
    if known.is_installation and not login.endswith("[bot]"):
        login += "[bot]"
    return answer_json(200, {"data": {"viewer": {"login": login}}}, headers)


def answer_repository(hub: Apps, call: Call, known: Known, headers: Headers) -> Answer:
    """GET /repos/OWNER/NAME: what a token does not reach does not exist for it."""
    name = call.place.path.removeprefix("/repos/")
    if not hub.has_repository(name) or not hub.may(known, name, "metadata", "read"):
        return refuse(404, "Not Found", headers)
    if hub.rights.is_shut(known, name):
        return refuse_api(name, headers)
    needed = {"X-Accepted-OAuth-Scopes": "repo"} if "X-OAuth-Scopes" in headers else {}
    document = {**describe_repository(name), "archived": name in hub.rights.archived}
    if not known.is_installation:  # what its user may do, which the token need not
        document["permissions"] = {"pull": True, "push": hub.rights.may_push(known, name)}
    return answer_json(200, document, {**headers, **needed})


def answer_reach(hub: Apps, call: Call, known: Known, headers: Headers) -> Answer:
    """GET /installation/repositories: what an installation token reaches."""
    installation = hub.find_installation(known.installation_id)
    if installation is None:
        return refuse(403, "Resource not accessible by integration", headers)
    names = [name for name in hub.list_repositories(installation) if hub.reaches(known, name)]
    document = {"total_count": len(names), "repositories": [describe_repository(n) for n in names]}
    return answer_json(200, document, headers)


def answer_revocation(hub: Apps, call: Call, known: Known, headers: Headers) -> Answer:
    """DELETE /installation/token: an installation token ends itself."""
    if not known.is_installation:
        return refuse(403, "Resource not accessible by integration", headers)
    hub.revoke(known.value)
    return Answer(204, headers, b"")


def answer_rate(hub: Apps, call: Call, known: Known, headers: Headers) -> Answer:
    """GET /rate_limit: the same as the headers tell."""
    core = {
        name: int(headers[f"X-RateLimit-{name.title()}"])
        for name in ("limit", "used", "remaining", "reset")
    }
    return answer_json(200, {"resources": {"core": core}, "rate": core}, headers)


ROUTES: tuple[Route, ...] = (
    ("GET", "/", answer_root),
    ("GET", "/user", answer_user),
    ("POST", "/graphql", answer_graphql),
    ("GET", "/rate_limit", answer_rate),
    ("GET", "/repos/[^/]+/[^/]+", answer_repository),
    ("GET", "/installation/repositories", answer_reach),
    ("GET", "/user/orgs", answer_organizations),
    ("GET", "/users/[^/]+/ssh_signing_keys", answer_signing_keys),
    ("GET", r"/organizations/\d+", answer_organization),
    ("DELETE", "/installation/token", answer_revocation),
)
