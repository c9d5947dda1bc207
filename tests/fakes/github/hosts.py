"""Which GitHub a request is for, by its Host header, and which of that host's doors it came to.

github.com and NAME.ghe.com keep the API under a name of its own; an Enterprise Server keeps it
under a path, and so does NAME.ghe.com for clients older than its own name for it. Gists have a name
of their own everywhere.
https://docs.github.com/en/rest/enterprise-admin, https://github.com/cli/cli/pull/9618
"""

import re
from dataclasses import dataclass

_HERE = re.compile(r"|localhost|.*\.localhost|\d+\.\d+\.\d+\.\d+")
"""The names of this machine; no name at all is that of a client that speaks HTTP/1.0."""

_GISTS = "/gist"
"""Where an Enterprise Server without subdomain isolation keeps gists, and this fake all of them."""


@dataclass(frozen=True)
class Place:
    """Where a request came to."""

    host: str
    """The GitHub: github.com, NAME.ghe.com, or an Enterprise Server's name."""
    path: str
    """Without the prefix of an Enterprise Server's API."""
    is_api: bool
    """Whether REST and GraphQL are served here."""
    is_web: bool
    """Whether git and the sign-in are served here."""


def find_place(name: str, path: str) -> Place:
    """Return what a Host header and a path mean; this machine's names are github.com's doors."""
    name = name.partition(":")[0].lower()
    if _HERE.fullmatch(name):
        return Place("github.com", _strip(path), is_api=True, is_web=True)
    if name == "api.github.com" or (name.startswith("api.") and name.endswith(".ghe.com")):
        return Place(name.removeprefix("api."), path, is_api=True, is_web=False)
    if name.startswith("gist."):
        return Place(name.removeprefix("gist."), f"{_GISTS}{path}", is_api=False, is_web=True)
    is_cloud = name == "github.com" or name.endswith(".ghe.com")
    is_api = path in {"/api/graphql", "/api/v3"} or path.startswith("/api/v3/")
    is_api = is_api and name != "github.com"
    is_web = not is_api and not (is_cloud and path.startswith(f"{_GISTS}/"))
    return Place(name, _strip(path) if is_api else path, is_api=is_api, is_web=is_web)


def make_api_url(host: str) -> str:
    """Return the base of a host's REST API."""
    if host == "github.com" or host.endswith(".ghe.com"):
        return f"https://api.{host}"
    return f"https://{host}/api/v3"


def _strip(path: str) -> str:
    if path == "/api/graphql":
        return "/graphql"
    return path.removeprefix("/api/v3") or "/"
