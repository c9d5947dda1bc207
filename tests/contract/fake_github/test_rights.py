"""What the fake keeps from people who are otherwise let in, as GitHub does."""

from collections.abc import Iterator

import pytest

from tests.contract.fake_github.asking import ask
from tests.fakes.github import FakeGitHub

TOKEN = "ghp_rights0123456789"


@pytest.fixture
def hub() -> Iterator[FakeGitHub]:
    with FakeGitHub() as hub:
        hub.add_token(TOKEN)
        hub.name_repository("acme/one")
        yield hub


def test_single_sign_on_shuts_a_token_out_until_it_is_authorized(hub: FakeGitHub) -> None:
    hub.rights.require_sso("acme", 77)
    found = ask(hub, "GET", "/repos/acme/one", TOKEN)
    assert found.status == 403
    assert found.headers["X-GitHub-SSO"].startswith("required; url=https://github.com/orgs/acme/")
    found = ask(hub, "GET", "/user/orgs", TOKEN)
    assert found.headers["X-GitHub-SSO"] == "partial-results; organizations=77"
    assert ask(hub, "GET", "/organizations/77", TOKEN).document["login"] == "acme"
    assert ask(hub, "GET", "/organizations/78", TOKEN).status == 404
    hub.rights.require_sso("acme", 77, authorized=[TOKEN])
    assert ask(hub, "GET", "/repos/acme/one", TOKEN).status == 200
    assert "X-GitHub-SSO" not in ask(hub, "GET", "/user/orgs", TOKEN).headers


def test_a_repository_tells_what_the_user_may_do(hub: FakeGitHub) -> None:
    assert ask(hub, "GET", "/repos/acme/one", TOKEN).document["permissions"]["push"] is True
    hub.rights.let_only_read("octo", "acme/one")
    assert ask(hub, "GET", "/repos/acme/one", TOKEN).document["permissions"]["push"] is False
