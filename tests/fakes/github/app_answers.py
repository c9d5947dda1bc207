"""The answers to Apps: to requests whose bearer is an App's own JWT.

https://docs.github.com/en/rest/apps/apps
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from tests.fakes.github.apps import LEVELS, App, Apps, Installation, make_id
from tests.fakes.github.assertions import verify
from tests.fakes.github.calls import Answer, Call, answer_json, refuse
from tests.fakes.github.hosts import make_api_url
from tests.fakes.github.world import Known

NOT_GRANTED = "The permissions requested are not granted to this installation."
NOT_REACHED = (
    "There is at least one repository that does not exist or is not accessible to the parent"
    " installation."
)
SUSPENDED = "This installation has been suspended"
Route = tuple[str, str, Callable[[Apps, Call, App, tuple[str, ...]], Answer]]


def is_for_apps(call: Call) -> bool:
    """Whether only an App itself may ask this."""
    return any(
        method == call.method and re.fullmatch(pattern, call.place.path)
        for method, pattern, _ in ROUTES
    )


def answer_app(hub: Apps, call: Call) -> Answer:
    """Answer a request of an App."""
    app = verify(hub, call.token, call.place.host)
    if isinstance(app, Answer):
        return app
    for method, pattern, answer in ROUTES:
        found = re.fullmatch(pattern, call.place.path)
        if found and method == call.method:
            return answer(hub, call, app, found.groups())
    return refuse(404, "Not Found")


def show_app(hub: Apps, call: Call, app: App, words: tuple[str, ...]) -> Answer:
    """GET /app."""
    document = {
        "id": app.app_id,
        "slug": f"app-{app.app_id}",
        "client_id": app.client_id,
        "name": f"App {app.app_id}",
        "installations_count": len(hub.find_installations(app.app_id)),
    }
    return answer_json(200, document)


def list_installations(hub: Apps, call: Call, app: App, words: tuple[str, ...]) -> Answer:
    """GET /app/installations."""
    found = hub.find_installations(app.app_id)
    return answer_json(200, [describe(each, call.place.host) for each in found])


def find_own(hub: Apps, app: App, number: str) -> Installation | None:
    """Return an installation if it is this App's: others' do not exist for it."""
    found = hub.find_installation(int(number))
    return found if found and found.app_id == app.app_id else None


def show_installation(hub: Apps, call: Call, app: App, words: tuple[str, ...]) -> Answer:
    """GET /app/installations/ID."""
    found = find_own(hub, app, words[0])
    return answer_json(200, describe(found, call.place.host)) if found else refuse(404, "Not Found")


def show_installation_of(hub: Apps, call: Call, app: App, words: tuple[str, ...]) -> Answer:
    """GET /users/OWNER/installation, /orgs/OWNER/installation and /repos/OWNER/NAME/installation.

    Names of owners and repositories do not tell capitals apart.
    """
    kind, owner, *rest = words
    for each in hub.find_installations(app.app_id):
        if each.owner.lower() != owner.lower() or (kind == "orgs" and not each.is_organization):
            continue
        names = [name.lower() for name in hub.list_repositories(each)]
        if kind != "repos" or f"{owner}/{rest[0]}".lower() in names:
            return answer_json(200, describe(each, call.place.host))
    return refuse(404, "Not Found")


def mint(hub: Apps, call: Call, app: App, words: tuple[str, ...]) -> Answer:
    """POST /app/installations/ID/access_tokens."""
    installation = find_own(hub, app, words[0])
    if installation is None:
        return refuse(404, "Not Found")
    if installation.suspended:
        return refuse(403, SUSPENDED)
    try:
        wanted = dict(call.read_json())
    except (ValueError, TypeError):
        return refuse(400, "Problems parsing JSON")
    permissions = wanted.get("permissions") or None
    if permissions and not is_granted(installation.permissions, permissions):
        return refuse(422, NOT_GRANTED)
    names = pick_repositories(hub, installation, wanted)
    if names is not None and not names <= set(hub.list_repositories(installation)):
        return refuse(422, NOT_REACHED)
    if permissions:
        permissions = {"metadata": "read", **permissions}
    known = hub.mint(
        installation, host=call.place.host, repositories=names, permissions=permissions
    )
    return answer_json(201, describe_token(known, narrowed=names is not None))


def is_granted(granted: Mapping[str, str], wanted: Mapping[str, str]) -> bool:
    """Whether an installation has each permission, at this level or a higher one."""
    return all(
        level in LEVELS and LEVELS[level] <= LEVELS.get(granted.get(name, ""), 0)
        for name, level in wanted.items()
    )


def pick_repositories(
    hub: Apps, installation: Installation, wanted: Mapping[str, Any]
) -> frozenset[str] | None:
    """Return OWNER/NAME of what a token is to be narrowed to, by names or numbers, or None."""
    names, numbers = wanted.get("repositories"), wanted.get("repository_ids")
    if not names and not numbers:
        return None
    known = {make_id(name): name for name in hub.list_repositories(installation)}
    picked = {f"{installation.owner}/{name}" for name in names or ()}
    return frozenset(picked | {known.get(number, str(number)) for number in numbers or ()})


def describe_token(known: Known, narrowed: bool) -> dict[str, object]:
    """Return a fresh installation token as GitHub does."""
    assert known.expires
    document: dict[str, object] = {
        "token": known.value,
        # Whole seconds: up to one earlier than the truth, never later.
        "expires_at": known.expires.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "permissions": dict(known.permissions or {}),
        "repository_selection": "all" if known.repositories is None else "selected",
    }
    if narrowed:
        document["repositories"] = [
            describe_repository(n) for n in sorted(known.repositories or ())
        ]
    return document


def describe(installation: Installation, host: str) -> dict[str, object]:
    """Return an installation as GitHub does."""
    number, api = installation.installation_id, make_api_url(host)
    kind = "Organization" if installation.is_organization else "User"
    return {
        "id": number,
        "app_id": installation.app_id,
        "app_slug": f"app-{installation.app_id}",
        "account": {"login": installation.owner, "id": make_id(installation.owner), "type": kind},
        "target_type": kind,
        "access_tokens_url": f"{api}/app/installations/{number}/access_tokens",
        "repositories_url": f"{api}/installation/repositories",
        "repository_selection": "all" if installation.repositories is None else "selected",
        "permissions": dict(installation.permissions),
        "suspended_at": "2026-01-01T00:00:00Z" if installation.suspended else None,
    }


def describe_repository(name: str) -> dict[str, object]:
    """Return a repository as GitHub does."""
    owner, _, short = name.partition("/")
    return {
        "id": make_id(name),
        "name": short,
        "full_name": name,
        "private": True,
        "owner": {"login": owner, "id": make_id(owner), "type": "User"},
    }


ROUTES: tuple[Route, ...] = (
    ("GET", "/app", show_app),
    ("GET", "/app/installations", list_installations),
    ("GET", r"/app/installations/(\d+)", show_installation),
    ("POST", r"/app/installations/(\d+)/access_tokens", mint),
    ("GET", "/(users|orgs)/([^/]+)/installation", show_installation_of),
    ("GET", "/(repos)/([^/]+)/([^/]+)/installation", show_installation_of),
)
