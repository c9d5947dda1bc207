"""What an organization or a repository keeps from people who are otherwise let in.

https://docs.github.com/en/enterprise-cloud@latest/authentication/authenticating-with-saml-single-sign-on
"""

from collections.abc import Collection
from typing import TYPE_CHECKING

from tests.fakes.github.calls import Answer, Call, answer_json, answer_text, refuse

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.fakes.github.apps import Apps
    from tests.fakes.github.world import Known

HEADER = "X-GitHub-SSO"


class Rights:
    """Who may not do what; of tokens by value, of people by login."""

    def __init__(self) -> None:
        self._sign_on: dict[str, tuple[int, frozenset[str]]] = {}
        self._readers: set[tuple[str, str]] = set()
        self.signing_keys: dict[str, list[str]] = {}
        """Public keys that a user has added for signing, by login."""
        self.archived: set[str] = set()
        """OWNER/NAME that nobody may push to any more."""

    def require_sso(self, organization: str, number: int, authorized: Collection[str] = ()) -> None:
        """Let an organization want single sign-on of all tokens but these."""
        self._sign_on[organization] = (number, frozenset(authorized))

    def let_only_read(self, login: str, repository: str) -> None:
        """Let a user push to OWNER/NAME no more."""
        self._readers.add((login, repository))

    def may_push(self, known: "Known", repository: str) -> bool:
        """Whether the user of a token may push to a repository, whatever the token may do."""
        return (known.login, repository) not in self._readers

    def lists_shut(self, known: "Known") -> list[int]:
        """Return the numbers of the organizations that do not let a token in."""
        if known.is_installation:
            return []
        return [number for number, good in self._sign_on.values() if known.value not in good]

    def is_shut(self, known: "Known", repository: str) -> bool:
        """Whether the owner of a repository does not let a token in."""
        number, _ = self._sign_on.get(repository.partition("/")[0], (0, ()))
        return number in self.lists_shut(known)

    def find_name(self, number: str) -> str | None:
        """Return the organization with this number."""
        found = (name for name, (each, _) in self._sign_on.items() if str(each) == number)
        return next(found, None)


def make_link(repository: str) -> str:
    """Return the page that authorizes a token."""
    owner = repository.partition("/")[0]
    return f"https://github.com/orgs/{owner}/sso?authorization_request=AAAA0123"


def refuse_api(repository: str, headers: "Mapping[str, str]") -> Answer:
    """Refuse a repository to a token that is not authorized, as the API does."""
    text = (
        "Resource protected by organization SAML enforcement. You must grant your Personal Access "
        "token access to this organization."
    )
    return refuse(403, text, {**headers, HEADER: f"required; url={make_link(repository)}"})


def refuse_git(repository: str) -> Answer:
    """Refuse it as git's server does."""
    owner = repository.partition("/")[0]
    return answer_text(
        403,
        f"The '{owner}' organization has enabled or enforced SAML SSO.\nTo access this repository, "
        f"visit {make_link(repository)} and try your request again.\n",
    )


def answer_organizations(
    hub: "Apps", call: Call, known: "Known", headers: "Mapping[str, str]"
) -> Answer:
    """GET /user/orgs: those that do not let the token in are left out, which a header tells."""
    if known.is_installation:
        return refuse(403, "Resource not accessible by integration", headers)
    shut = ",".join(map(str, hub.rights.lists_shut(known)))
    more = {HEADER: f"partial-results; organizations={shut}"} if shut else {}
    return answer_json(200, [], {**headers, **more})


def answer_signing_keys(
    hub: "Apps", call: Call, known: "Known", headers: "Mapping[str, str]"
) -> Answer:
    """GET /users/LOGIN/ssh_signing_keys: what anybody may see, without the comments."""
    login = call.place.path.split("/")[2]
    rows = [{"id": number, "title": "key", "key": " ".join(key.split()[:2])}
            for number, key in enumerate(hub.rights.signing_keys.get(login, []))]  # fmt: skip
    return answer_json(200, rows, headers)


def answer_organization(
    hub: "Apps", call: Call, known: "Known", headers: "Mapping[str, str]"
) -> Answer:
    """GET /organizations/NUMBER: its public side."""
    number = call.place.path.rpartition("/")[2]
    name = hub.rights.find_name(number)
    if name is None:
        return refuse(404, "Not Found", headers)
    return answer_json(200, {"login": name, "id": int(number)}, headers)
