"""An emulator that others wrote judges the tests' GitHub: what Apps are answered is the same."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.contract.fake_github.asking import APP, make_key
from tests.worlds.containers import docker
from tests.worlds.github_net import CERTIFICATE, PROGRAMS, PYTHONS, GitHubNet, github_net
from tests.worlds.waiting import wait_until

EMULATE = f"{PROGRAMS}/emulate/node_modules/emulate/dist/index.js"
JUDGE = "http://127.0.0.1:4001"
OWNER, INSTALLED = "acme", 99
GRANTED = {"contents": "write", "issues": "read", "metadata": "read"}

STRICTER = {
    # GitHub's own words; https://github.com/octokit/auth-app.js and others' reports quote them.
    "expired": ("401 'Expiration time' claim ('exp') must be a numeric value representing the "
                "future time at which the assertion expires",
                "401 A JSON web token could not be decoded"),
    "too long": ("401 'Expiration time' claim ('exp') is too far in the future", "200 None"),
    "from the future": ("401 'Issued at' claim ('iat') must be an Integer representing the time "
                        "that the assertion was issued", "200 None"),
    "an unknown app": ("404 Integration not found", "401 A JSON web token could not be decoded"),
    "a repository too many": ("422 There is at least one repository that does not exist or is not "
                              "accessible to the parent installation.",
                              "422 The repositories requested are not accessible to this "
                              "installation."),
    # What a token does not reach is hidden, not forbidden.
    "a repository that is not in": ("404 None", "403 Forbidden"),
    # GitHub finds organizations by that path as well.
    "an organization's as a user's": (INSTALLED, "404 None"),
}  # fmt: skip
"""Question -> our answer, which is GitHub's, and the judge's, which is not."""


@pytest.fixture(scope="module")
def net(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GitHubNet]:
    """Both GitHubs, with the same App."""
    folder = tmp_path_factory.mktemp("net")
    private, public = make_key()
    with github_net(
        folder, options=("-v", f"{Path(__file__).parent}/judge.py:/judge.py:ro")
    ) as net:
        net.hub.add_app(app_id=APP, public_key_pem=public)
        net.hub.name_repository(f"{OWNER}/two")
        net.hub.add_installation(
            APP, INSTALLED, OWNER, repositories=["one"], permissions=GRANTED, is_organization=True
        )
        net.write("/tmp/key.pem", private)
        net.write("/tmp/seed.json", json.dumps({"github": make_seed(private)}))
        docker("exec", "--detach", net.box.name, f"{PROGRAMS}/node/bin/node", EMULATE, "start",
               "--service", "github", "--port", "4001", "--seed", "/tmp/seed.json")  # fmt: skip
        wait_until(lambda: net.run("curl", "-s", JUDGE).returncode == 0, "the judge's start")
        yield net


def make_seed(private: str) -> dict[str, Any]:
    """Return the same world for the judge."""
    installation = {
        "installation_id": INSTALLED, "account": OWNER, "repository_selection": "selected",
        "repositories": [f"{OWNER}/one"], "permissions": GRANTED,
    }  # fmt: skip
    app = {"app_id": APP, "slug": "app", "name": "App", "private_key": private,
           "permissions": GRANTED, "installations": [installation]}  # fmt: skip
    repos = [{"owner": OWNER, "name": name, "private": True} for name in ("one", "two")]
    return {"users": [{"login": "octo"}], "orgs": [{"login": OWNER}], "repos": repos, "apps": [app]}


def ask_all(net: GitHubNet, url: str) -> dict[str, Any]:
    trust = {"REQUESTS_CA_BUNDLE": CERTIFICATE}
    done = net.run(PYTHONS["dev8-test"], "/judge.py", url, "/tmp/key.pem", **trust)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def test_apps_are_answered_as_the_judge_does_or_as_github_is_known_to(net: GitHubNet) -> None:
    ours, theirs = ask_all(net, "https://api.github.com"), ask_all(net, JUDGE)
    assert len(ours) == 25
    differing = {name: (ours[name], theirs[name]) for name in ours if ours[name] != theirs[name]}
    assert differing == STRICTER


def test_every_kind_of_host_answers_apps_alike(net: GitHubNet) -> None:
    answers = [
        ask_all(net, url)
        for url in (
            "https://api.github.com", "https://ghe.example.com/api/v3", "https://api.acme.ghe.com"
        )
    ]  # fmt: skip
    assert answers[0] == answers[1] == answers[2]
