"""The doctor's checks of GitHub: the real git and gh, and a GitHub that refuses what it refuses."""

import os
import subprocess
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from agent.github import api
from agent.github.checks import git_settings, helper, overrides, sso, token
from agent.settings.check import Check, Finding, Result
from agent.workspace.checks import remotes
from tests.contract.desk import Desk
from tests.fakes.github import FakeGitHub, Fault, Known
from tests.worlds.gh import find_gh

CLASSIC, FINE, MINTED = "ghp_doctor0123456789", "github_pat_doctor0123456789", "ghs_doctor0123456"
OK, WARN, FAIL, SKIPPED, UNKNOWN = Result


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[FakeGitHub]:
    with FakeGitHub.in_folder(tmp_path) as hub:
        hub.add_repository("octo/demo")
        yield hub


@pytest.fixture
def desk(tmp_path: Path, hub: FakeGitHub, monkeypatch: pytest.MonkeyPatch) -> Desk:
    for name in ("GH_TOKEN", "GITHUB_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    gh = Path(find_gh()).parent
    return Desk(
        tmp_path, hub, PATH=f"{gh}:{os.environ['PATH']}", HTTPS_PROXY=hub.url,
        WORKSPACE_DIR=str(tmp_path / "work"), SSL_CERT_FILE=str(tmp_path / "ca.pem"),
        GIT_SSL_CAINFO=str(tmp_path / "ca.pem"),
    )  # fmt: skip


def sign_in(desk: Desk, value: str, **fields: object) -> None:
    """Give the workspace a token that is good, and let it be published."""
    desk.hub.add(Known(value, **fields))  # type: ignore[arg-type]
    desk.put(value)
    desk.refresh()


def look(check: Check, desk: Desk) -> list[Finding]:
    return list(check.look(desk.context))


def results(found: Sequence[Finding]) -> list[Result]:
    return [finding.result for finding in found]


def words(found: Sequence[Finding]) -> str:
    return "\n".join(f"{finding.summary} | {finding.fix}" for finding in found)


# --- token --------------------------------------------------------------------------------------


def test_a_good_token(desk: Desk) -> None:
    sign_in(desk, CLASSIC)
    (found,) = look(token.CHECK, desk)
    assert (found.result, found.part) == (OK, "github.com")
    assert "octo, personal token, permissions: repo, read:org, gist" in found.summary
    assert found.facts["login"] == "octo"


def test_without_a_token_there_is_nothing_to_check(desk: Desk) -> None:
    (found,) = look(token.CHECK, desk)
    assert found.result is FAIL, "a token is configured and its file is missing"
    assert found.fix == "devcopilot refresh"


def test_a_revoked_token(desk: Desk) -> None:
    sign_in(desk, CLASSIC)
    desk.hub.revoke(CLASSIC)
    (found,) = look(token.CHECK, desk)
    assert (found.result, found.facts["status"]) == (FAIL, 401)
    assert found.summary == "github.com refuses the token of GITHUB_TOKEN_FILE: Bad credentials"
    assert found.fix.startswith("create a token at http"), "the page of the host"
    assert found.fix.endswith("/settings/tokens and put it into GITHUB_TOKEN_FILE")


def test_an_expired_token_says_so(desk: Desk) -> None:
    sign_in(desk, FINE, scopes=None, expires=desk.clock.now() + timedelta(seconds=5))
    desk.clock.go(hours=2)
    found = look(token.CHECK, desk)
    assert results(found) == [FAIL]
    assert "it expired 2 h 0 min ago" in words(found)
    assert "personal-access-tokens" in words(found)


def test_missing_scopes(desk: Desk) -> None:
    sign_in(desk, CLASSIC, scopes="gist")
    fine, lacking = look(token.CHECK, desk)
    assert results([fine, lacking]) == [OK, WARN]
    assert lacking.facts["lacks"] == ["repo", "read:org"]
    assert lacking.fix.endswith("with the scope repo and read:org")


def test_the_end_of_a_token_that_only_a_person_renews(desk: Desk) -> None:
    sign_in(desk, FINE, scopes=None, expires=desk.clock.now() + timedelta(days=3, minutes=1))
    fine, soon = look(token.CHECK, desk)
    assert results([fine, soon]) == [OK, WARN]
    assert soon.summary == "the token of GITHUB_TOKEN_FILE ends in 3 d 0 h"


def test_an_app_token_is_good_without_a_user(desk: Desk) -> None:
    sign_in(desk, MINTED, scopes=None)
    (found,) = look(token.CHECK, desk)
    assert found.result is OK
    assert "an App, installation token" in found.summary


def test_few_requests_remain(desk: Desk) -> None:
    desk.hub.rate_limit = 20
    sign_in(desk, CLASSIC)
    for _ in range(18):
        look(token.CHECK, desk)
    assert "of 20 requests remain" in words(look(token.CHECK, desk))


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (Fault(status=502), "answered with status 502"),
        (Fault(drop=True), "cannot be reached"),
        (Fault(hang=True), "did not answer in time"),
        (Fault(status=200, body=b"<html>sign in to the hotel</html>"), "the expected JSON"),
    ],
)
def test_what_cannot_be_measured_is_unknown(
    desk: Desk, fault: Fault, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sign_in(desk, CLASSIC)
    if fault.hang:
        monkeypatch.setattr(api, "TIMEOUT", 2)
    desk.hub.fail(fault)
    found = look(token.CHECK, desk)
    assert results(found) == [UNKNOWN]
    assert said in words(found)


def test_a_rate_limit_is_no_verdict(desk: Desk) -> None:
    sign_in(desk, CLASSIC)
    desk.hub.fail(Fault.rate_limit(3000, desk.clock.now()))
    found = look(token.CHECK, desk)
    assert results(found) == [UNKNOWN]
    assert "limits the rate of requests | wait 50 min" in words(found)


def test_a_wrong_clock(desk: Desk) -> None:
    sign_in(desk, CLASSIC)
    desk.hub.skew = timedelta(minutes=10)
    found = look(token.CHECK, desk)
    assert results(found) == [OK, WARN]
    assert "this machine's clock is 10 minutes behind that of github.com" in words(found)
    assert "timedatectl" in words(found)


# --- sso ----------------------------------------------------------------------------------------


def test_single_sign_on_is_named_with_the_organization(desk: Desk) -> None:
    sign_in(desk, CLASSIC)
    assert results(look(sso.CHECK, desk)) == [OK]
    desk.hub.rights.require_sso("acme", 77)
    (found,) = look(sso.CHECK, desk)
    assert (found.result, found.facts["organization"]) == (WARN, "acme")
    assert "Configure SSO" in found.fix
    desk.hub.rights.require_sso("acme", 77, authorized=[CLASSIC])
    assert results(look(sso.CHECK, desk)) == [OK]


def test_an_app_has_no_single_sign_on(desk: Desk) -> None:
    sign_in(desk, MINTED, scopes=None)
    assert look(sso.CHECK, desk) == []


# --- helper -------------------------------------------------------------------------------------


def test_git_and_gh_get_the_token(desk: Desk) -> None:
    sign_in(desk, CLASSIC)
    found = look(helper.CHECK, desk)
    assert results(found) == [OK, OK]
    assert [each.summary.split()[0] for each in found] == ["git", "gh"]
    assert CLASSIC not in words(found)


def test_another_helper_of_the_user_is_found(desk: Desk) -> None:
    sign_in(desk, CLASSIC)
    other = "!printf 'username=x\\npassword=another\\n'; :"
    desk.git("config", "--global", "credential.https://github.com.helper", "")
    desk.git("config", "--global", "--add", "credential.https://github.com.helper", other)
    found = look(helper.CHECK, desk)
    assert results(found) == [WARN, OK]
    assert "another" not in words(found).replace("another token", "")
    assert "does not ask the agent" in words(look(git_settings.CHECK, desk))


def test_no_helper_at_all(desk: Desk) -> None:
    sign_in(desk, CLASSIC)
    desk.git("config", "--global", "credential.helper", "")
    found = look(helper.CHECK, desk)
    assert results(found)[0] is FAIL
    assert "git gets no token for github.com" in words(found)
    (settings,) = look(git_settings.CHECK, desk)
    assert settings.result is FAIL


# --- overrides and git's settings ---------------------------------------------------------------


def test_nothing_wins_over_the_token(desk: Desk) -> None:
    sign_in(desk, CLASSIC)
    assert results(look(overrides.CHECK, desk)) == [OK]
    assert results(look(git_settings.CHECK, desk)) == [OK]


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (".bashrc", "export GITHUB_TOKEN=ghp_old"), (".zshenv", "GH_TOKEN=ghp_old"),
        (".profile", "  export GH_TOKEN=ghp_old"),
        (".config/fish/config.fish", "set -gx GH_TOKEN ghp_old"),
        (".config/environment.d/10-me.conf", "GITHUB_TOKEN=ghp_old"),
    ],
)  # fmt: skip
def test_a_variable_of_a_start_up_file(desk: Desk, path: str, line: str) -> None:
    sign_in(desk, CLASSIC)
    file = desk.facts.home / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"# first\n{line}\n")
    (found,) = look(overrides.CHECK, desk)
    assert (found.result, found.fix) == (WARN, f"remove line 2 of {file}")
    assert "ghp_old" not in found.summary


@pytest.mark.parametrize("line", ["# export GH_TOKEN=x", "echo $GH_TOKEN", "unset GH_TOKEN", ""])
def test_what_only_looks_like_one(desk: Desk, line: str) -> None:
    sign_in(desk, CLASSIC)
    (desk.facts.home / ".bashrc").write_text(f"{line}\n")
    assert results(look(overrides.CHECK, desk)) == [OK]


def test_a_variable_of_the_shell(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    sign_in(desk, CLASSIC)
    monkeypatch.setenv("GH_TOKEN", "ghp_of_the_shell")
    (found,) = look(overrides.CHECK, desk)
    assert (found.result, found.fix) == (WARN, "unset GH_TOKEN")
    assert "ghp_of_the_shell" not in words([found])


def test_netrc_wins_indeed(desk: Desk) -> None:
    """git sends what curl finds there before it asks a helper: the real git shows it."""
    sign_in(desk, CLASSIC)
    netrc = desk.facts.home / ".netrc"
    netrc.write_text("machine github.com login x password ghp_old\nmachine other.example.com\n")
    netrc.chmod(0o600)
    desk.git("ls-remote", "https://github.com/octo/demo.git")
    assert "ghp_old" in [request.token for request in desk.hub.requests]
    (found,) = look(overrides.CHECK, desk)
    assert (found.result, found.part) == (WARN, "github.com")
    assert "ghp_old" not in words([found])


def test_a_login_in_gh_by_hand(desk: Desk) -> None:
    hosts = desk.facts.home / ".config/gh/hosts.yml"
    hosts.parent.mkdir(parents=True)
    hosts.write_text("github.com:\n    user: me\n    oauth_token: gho_mine\n"
                     "    users:\n        me:\n            oauth_token: gho_mine\n")  # fmt: skip
    sign_in(desk, CLASSIC)
    (found,) = look(overrides.CHECK, desk)
    assert found.result is WARN
    assert "gh auth logout --hostname github.com" in found.fix


def test_a_helper_that_keeps_copies(desk: Desk) -> None:
    """git hands each token that worked to all helpers, so `store` writes it down."""
    sign_in(desk, CLASSIC)
    desk.git("config", "--global", "credential.helper", "store")
    desk.git("ls-remote", "https://github.com/octo/demo.git")
    assert CLASSIC in (desk.facts.home / ".git-credentials").read_text()
    (found,) = look(git_settings.CHECK, desk)
    assert found.result is WARN
    subprocess.run(["sh", "-ec", found.fix], env=desk.shell, check=True)
    assert results(look(git_settings.CHECK, desk)) == [OK], "the fix fixes it"
    assert not (desk.facts.home / ".git-credentials").exists()


def test_a_rule_with_a_password_or_by_ssh(desk: Desk) -> None:
    sign_in(desk, CLASSIC)
    desk.git("config", "--global", "url.https://x:ghp_in_rule@github.com/.insteadOf", "gh:")
    desk.git("config", "--global", "url.git@github.com:.insteadOf", "https://github.com/")
    found = look(git_settings.CHECK, desk)
    assert results(found) == [WARN, WARN]
    assert "ghp_in_rule" not in words(found)
    assert "no ssh key is configured" in words(found)


# --- remotes ------------------------------------------------------------------------------------


@pytest.fixture
def clone(desk: Desk) -> Path:
    """Return a clone of octo/demo in the workspace."""
    folder = desk.context.settings.workspace.folder / "demo"
    sign_in(desk, CLASSIC)
    done = desk.git("clone", "-q", "https://github.com/octo/demo.git", str(folder))
    assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.usefixtures("clone")
def test_a_remote_that_can_be_read_and_pushed_to(desk: Desk) -> None:
    (found,) = look(remotes.CHECK, desk)
    assert (found.result, found.part) == (OK, "demo origin")
    assert found.summary == "octo/demo can be read and pushed to"
    refs = desk.git("ls-remote", "https://github.com/octo/demo.git").stdout
    assert "doctor" not in refs, "nothing was pushed"


def test_no_hook_runs(desk: Desk, clone: Path) -> None:
    hook, mark = clone / ".git/hooks/pre-push", desk.facts.home / "hook-ran"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ntouch {mark}\n")
    hook.chmod(0o755)
    assert results(look(remotes.CHECK, desk)) == [OK]
    assert not mark.exists()


@pytest.mark.usefixtures("clone")
def test_a_token_that_may_do_less_than_its_user(desk: Desk) -> None:
    sign_in(desk, FINE, scopes=None, permissions={"metadata": "read", "contents": "read"})
    (found,) = look(remotes.CHECK, desk)
    assert found.result is WARN
    assert found.summary == "octo/demo can be read; you may push to it, but this token may not"


@pytest.mark.usefixtures("clone")
def test_a_repository_of_others_is_no_problem(desk: Desk) -> None:
    desk.hub.rights.let_only_read("octo", "octo/demo")
    (found,) = look(remotes.CHECK, desk)
    assert (found.result, found.facts["push"]) == (OK, False)
    desk.hub.rights.archived.add("octo/demo")
    assert "it is archived" in words(look(remotes.CHECK, desk))


@pytest.mark.usefixtures("clone")
def test_a_remote_that_waits_for_single_sign_on(desk: Desk) -> None:
    desk.hub.rights.require_sso("octo", 7)
    (found,) = look(remotes.CHECK, desk)
    assert found.result is FAIL
    assert "single sign-on" in found.summary
    assert found.fix == (
        "authorize the token at https://github.com/orgs/octo/sso?authorization_request=AAAA0123"
    )


@pytest.mark.usefixtures("clone")
def test_a_token_that_does_not_see_the_repository(desk: Desk) -> None:
    sign_in(desk, FINE, scopes=None, repositories=frozenset({"octo/other"}))
    (found,) = look(remotes.CHECK, desk)
    assert (found.result, found.facts["status"]) == (FAIL, 404)
    assert "github.com shows no octo/demo to this token" in found.summary


@pytest.mark.usefixtures("clone")
def test_a_dead_token_leads_to_the_check_of_the_token(desk: Desk) -> None:
    desk.hub.revoke(CLASSIC)
    (found,) = look(remotes.CHECK, desk)
    assert (found.result, found.fix) == (FAIL, "devcopilot doctor token")


@pytest.mark.usefixtures("clone")
def test_a_host_that_is_down_is_unknown(desk: Desk) -> None:
    desk.hub.fail(Fault(drop=True))
    (found,) = look(remotes.CHECK, desk)
    assert (found.result, found.fix) == (UNKNOWN, "devcopilot doctor network")


def test_a_password_in_an_address(desk: Desk, clone: Path) -> None:
    url = f"https://x:{CLASSIC}@github.com/octo/demo.git"
    desk.git("-C", str(clone), "remote", "set-url", "origin", url)
    found = look(remotes.CHECK, desk)
    assert results(found) == [WARN, OK]
    assert CLASSIC not in words(found)
    subprocess.run(["sh", "-ec", found[0].fix], env=desk.shell, check=True)
    assert results(look(remotes.CHECK, desk)) == [OK], "the fix fixes it"


def test_without_repositories_there_is_nothing_to_check(desk: Desk) -> None:
    assert look(remotes.CHECK, desk) == []
