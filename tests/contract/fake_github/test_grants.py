"""The fake GitHub's sign-ins: pairs that are used once, and devices that wait for a person."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from tests.contract.fake_github.asking import APP, Reply, ask, make_key, sign_in
from tests.fakes.github import FakeGitHub
from tests.fakes.github.grant_answers import DEVICE_GRANT
from tests.fakes.github.grants import GH

TOKEN, CODE = "/login/oauth/access_token", "/login/device/code"
CLIENT = {"client_id": "Iv1.abc", "client_secret": "s3cret"}


@pytest.fixture
def hub() -> Iterator[FakeGitHub]:
    with FakeGitHub() as hub:
        hub.add_app(app_id=APP, public_key_pem=make_key()[1], **CLIENT)
        yield hub


def refresh(hub: FakeGitHub, token: str, host: str = "github.com", **changes: str) -> Reply:
    fields = {"grant_type": "refresh_token", "refresh_token": token, **CLIENT, **changes}
    return sign_in(hub, TOKEN, host=host, **fields)


def test_a_pair_is_traded_once_and_the_old_one_dies_at_once(hub: FakeGitHub) -> None:
    access, token = hub.add_user_pair("octo")
    assert (access[:4], token[:4], len(token)) == ("ghu_", "ghr_", 80)
    assert ask(hub, "GET", "/user", access).document["login"] == "octo"
    new = refresh(hub, token).document
    assert new["access_token"].startswith("ghu_")
    assert (new["expires_in"], new["refresh_token_expires_in"]) == (28800, 15897600)
    assert (new["token_type"], new["scope"]) == ("bearer", "")
    assert ask(hub, "GET", "/user", access).status == 401
    assert ask(hub, "GET", "/user", new["access_token"]).document["login"] == "octo"
    again = refresh(hub, token)
    assert (again.status, again.document["error"]) == (200, "bad_refresh_token")
    assert "access_token" in refresh(hub, new["refresh_token"]).document


def test_of_ten_that_come_at_once_one_gets_it(hub: FakeGitHub) -> None:
    _, token = hub.add_user_pair("octo")
    documents = []
    threads = [
        threading.Thread(target=lambda: documents.append(refresh(hub, token).document))
        for _ in range(10)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)
    assert sorted("access_token" in document for document in documents) == [False] * 9 + [True]


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"refresh_token": "ghr_unknown"}, "bad_refresh_token"),
        ({"refresh_token": ""}, "bad_refresh_token"),
        ({"client_secret": "wrong"}, "incorrect_client_credentials"),
        ({"client_secret": ""}, "incorrect_client_credentials"),
        ({"client_id": "Iv1.other"}, "incorrect_client_credentials"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"grant_type": ""}, "bad_verification_code"),
        ({"host": "acme.ghe.com"}, "bad_refresh_token"),
    ],
)
def test_what_is_refused_with_status_200_and_costs_nothing(
    hub: FakeGitHub, changes: dict[str, str], error: str
) -> None:
    access, token = hub.add_user_pair("octo", host="github.com")
    reply = refresh(hub, changes.pop("refresh_token", token), **changes)
    assert (reply.status, reply.document["error"]) == (200, error)
    assert reply.document["error_description"]
    assert ask(hub, "GET", "/user", access).status == 200
    assert "access_token" in refresh(hub, token).document


def test_tokens_end_by_the_servers_clock(hub: FakeGitHub) -> None:
    access, token = hub.add_user_pair("octo")
    hub.skew = timedelta(hours=8, seconds=1)
    assert ask(hub, "GET", "/user", access).status == 401
    token = refresh(hub, token).document["refresh_token"]
    hub.skew += timedelta(days=185)
    assert refresh(hub, token).document["error"] == "bad_refresh_token"


def test_the_sign_in_is_not_served_where_the_api_is(hub: FakeGitHub) -> None:
    _, token = hub.add_user_pair("octo")
    for host in ("api.github.com", "api.acme.ghe.com"):
        assert refresh(hub, token, host=host).status == 404
    assert "access_token" in refresh(hub, token, host="ghe.example.com").document


def test_who_does_not_accept_json_gets_a_form(hub: FakeGitHub) -> None:
    reply = ask(hub, "POST", CODE, host="github.com", body={"client_id": GH.client_id},
                Content_Type="application/json")  # fmt: skip
    assert reply.headers["Content-Type"].startswith("application/x-www-form-urlencoded")
    assert b"user_code=" in reply.content


# --- devices


class Device:
    """A device that signs in, under a clock that the test drives."""

    def __init__(self, hub: FakeGitHub, client_id: str = GH.client_id) -> None:
        self.hub, self.client_id = hub, client_id
        self.time = datetime.now(UTC)
        hub.clock = lambda: self.time
        self.start = sign_in(hub, CODE, client_id=client_id, scope="repo read:org gist").document

    def poll(self, wait: float, code: str = "") -> dict[str, str]:
        self.time += timedelta(seconds=wait)
        fields = {"client_id": self.client_id, "grant_type": DEVICE_GRANT,
                  "device_code": code or self.start["device_code"]}  # fmt: skip
        return dict(sign_in(self.hub, TOKEN, **fields).document)


def test_a_person_approves_and_the_device_gets_a_token_once(hub: FakeGitHub) -> None:
    device = Device(hub)
    assert device.start["verification_uri"] == "https://github.com/login/device"
    assert hub.user_codes == [device.start["user_code"]]
    assert device.poll(5)["error"] == "authorization_pending"
    hub.approve(device.start["user_code"], "cat")
    answer = device.poll(5)
    assert answer["access_token"].startswith("gho_")
    reply = ask(hub, "GET", "/user", answer["access_token"])
    assert reply.document["login"] == "cat"
    assert reply.headers["X-OAuth-Scopes"] == "gist, read:org, repo"
    assert device.poll(5)["error"] == "incorrect_device_code"


def test_an_apps_device_gets_a_pair_that_needs_no_secret(hub: FakeGitHub) -> None:
    device = Device(hub, "Iv1.abc")
    hub.approve(device.start["user_code"])
    answer = device.poll(5)
    assert answer["access_token"].startswith("ghu_")
    assert "access_token" in refresh(hub, answer["refresh_token"], client_secret="").document


def test_who_asks_too_often_must_wait_longer(hub: FakeGitHub) -> None:
    device = Device(hub)
    assert device.poll(0)["error"] == "authorization_pending"
    assert device.poll(1) | {"error_description": "", "error_uri": ""} == {
        "error": "slow_down", "interval": 10, "error_description": "", "error_uri": ""
    }  # fmt: skip
    assert device.poll(6)["error"] == "slow_down"
    assert device.poll(15)["error"] == "authorization_pending"


def test_a_person_may_say_no_or_come_too_late(hub: FakeGitHub) -> None:
    device = Device(hub)
    hub.deny(device.start["user_code"])
    assert device.poll(5)["error"] == "access_denied"
    device = Device(hub)
    assert device.poll(901)["error"] == "expired_token"
    assert device.poll(5, code="other")["error"] == "incorrect_device_code"


def test_an_unknown_client_has_no_device_flow(hub: FakeGitHub) -> None:
    assert sign_in(hub, CODE, client_id="nobody").status == 404
