"""The refresh verb against the tests' GitHub: what is published, said, and tried again."""

import json
import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import github
import pytest

from agent.commands.refresh import describe
from agent.github import api, published
from agent.github.record import RECORD, Record, fingerprint
from agent.github.token_fetch import FIRST_DELAY, LONGEST_DELAY
from agent.machine.light import runtime
from agent.machine.secret import Secret
from agent.observe.metrics import history
from agent.settings import stored
from tests.contract.workspace import HubWorkspace
from tests.fakes.github import FakeGitHub, Fault
from tests.worlds.clocks import NOON

FIRST = "ghp_first0123456789"
SECOND = "ghp_second0123456789"


@pytest.fixture
def hub() -> Iterator[FakeGitHub]:
    with FakeGitHub() as hub:
        hub.add_token(FIRST)
        yield hub


@pytest.fixture
def workspace(tmp_path: Path, hub: FakeGitHub) -> HubWorkspace:
    return HubWorkspace(tmp_path, hub)


# --- what is published


def test_a_good_token_is_published_with_what_is_known_of_it(
    workspace: HubWorkspace, hub: FakeGitHub
) -> None:
    end = NOON + timedelta(days=3)
    hub.add_token(FIRST, "octo", expires=end)
    workspace.put(FIRST)
    outcome = workspace.refresh().after
    assert outcome == Record(
        host="github.com",
        login="octo",
        kind="personal",
        source="GITHUB_TOKEN_FILE",
        fingerprint=fingerprint(Secret(FIRST)),
        grants="repo, read:org, gist",
        expires="2026-12-04T12:00:00Z",
        life=259200.0,
        origin=outcome.origin,
        file=str(workspace.file),
        made=workspace.clock.uptime(),
        checked="2026-12-01T12:00:00Z",
        refreshed="2026-12-01T12:00:00Z",
        rounds=1,
    )  # fmt: skip
    path = published.token_path(workspace.facts, "github.com")
    assert path.read_text() == f"{FIRST}\n260200\nocto\n{outcome.fingerprint}\n{workspace.file}\n"
    assert workspace.gh_token == FIRST
    assert workspace.wish is None


def test_a_host_that_repeats_the_token_is_quoted_without_it(
    workspace: HubWorkspace, hub: FakeGitHub
) -> None:
    body = json.dumps({"message": f"Bad token {FIRST}: {'long words ' * 7}{SECOND} and {SECOND}"})
    hub.fail(Fault(status=401, body=body.encode()))
    workspace.apply([stored.hide("second", Secret(SECOND), workspace.facts)])
    account = workspace.context.settings.github
    answer = api.ask(account, workspace.facts, github.Auth.Token(FIRST), "GET", "/user")
    assert answer.message.startswith("Bad token ***: long words")
    assert SECOND[:8] not in answer.message, "it is masked before it is cut"


def test_a_late_then_rotated_then_vanished_file(workspace: HubWorkspace, hub: FakeGitHub) -> None:
    assert "no such file" in workspace.refresh().after.problem
    assert workspace.token is None
    workspace.put(FIRST)
    workspace.refresh()
    assert workspace.tokens() == (FIRST, FIRST)
    hub.add_token(SECOND)
    workspace.put(SECOND)
    workspace.refresh()
    assert workspace.tokens() == (SECOND, SECOND)
    workspace.file.unlink()
    workspace.refresh()
    assert workspace.tokens() == (SECOND, SECOND)
    workspace.put("test_token")
    workspace.refresh()
    assert workspace.tokens() == (None, None)


def test_a_rotated_token_is_published_even_when_github_is_silent(
    workspace: HubWorkspace, hub: FakeGitHub
) -> None:
    workspace.put(FIRST)
    workspace.refresh()
    hub.fail(Fault(status=503))
    workspace.put(SECOND)
    outcome = workspace.refresh()
    assert workspace.tokens() == (SECOND, SECOND)
    assert outcome.after.login is None, "whose it is was not found out yet"
    hub.heal()
    hub.add_token(SECOND, "cat")
    assert workspace.refresh().after.login == "cat"


def test_a_round_without_any_token_counts_as_a_bad_one(workspace: HubWorkspace) -> None:
    for _ in range(2):
        after = workspace.refresh().after
    assert (after.rounds, after.bad_rounds, bool(after.refreshed)) == (2, 2, True)
    workspace.put(FIRST)
    after = workspace.refresh().after
    assert (after.rounds, after.bad_rounds) == (3, 2)


def test_who_looks_knows_whether_the_file_was_read(workspace: HubWorkspace) -> None:
    workspace.put(FIRST)
    os.utime(workspace.file, (1000, 1000))
    workspace.refresh(offline=True)
    assert not published.is_outdated(workspace.facts, workspace.host)
    os.utime(workspace.file, (1001, 1001))
    assert published.is_outdated(workspace.facts, workspace.host), "also if the clock went back"
    workspace.refresh(offline=True)
    assert not published.is_outdated(workspace.facts, workspace.host), "the same token again"


def test_a_failing_check_withdraws_nothing(workspace: HubWorkspace, hub: FakeGitHub) -> None:
    workspace.put(FIRST)
    workspace.refresh()
    for fault in (Fault(status=500), Fault(drop=True), Fault.rate_limit(60, hub.now())):
        hub.fail(fault)
        outcome = workspace.refresh()
        assert "check" in outcome.after.problems
        assert outcome.after.login == "octo"
        assert workspace.tokens() == (FIRST, FIRST)
        workspace.clock.go(minutes=5)
        hub.heal()
        assert workspace.refresh().after.problems == {}


def test_a_refused_new_token_does_not_displace_one_that_works(
    workspace: HubWorkspace, hub: FakeGitHub
) -> None:
    workspace.put(FIRST)
    workspace.refresh()
    workspace.put(SECOND)
    outcome = workspace.refresh()
    assert "keeping the previous one" in outcome.after.problem
    assert workspace.tokens() == (FIRST, FIRST)
    assert workspace.events() == [("warning", outcome.after.problem)], "nobody has logged it yet"
    assert workspace.events() == [], "said once"
    assert workspace.token == FIRST
    hub.add_token(SECOND, "cat")  # a fresh token may be refused until all servers know it
    assert workspace.refresh().after.problems == {}
    assert workspace.tokens() == (SECOND, SECOND)


def test_of_two_dead_tokens_the_newer_is_published(
    workspace: HubWorkspace, hub: FakeGitHub
) -> None:
    workspace.put(FIRST)
    workspace.refresh()
    hub.revoke(FIRST)
    workspace.put(SECOND)
    problem = workspace.refresh().after.problem
    assert problem == (
        "GitHub refuses the token of GITHUB_TOKEN_FILE (put a new token into GITHUB_TOKEN_FILE)"
    )
    assert workspace.token == SECOND


def test_a_token_that_dies_stays_and_is_said(workspace: HubWorkspace, hub: FakeGitHub) -> None:
    workspace.put(FIRST)
    workspace.refresh()
    hub.revoke(FIRST)
    assert "refuses" in workspace.refresh().after.problem
    assert workspace.token == FIRST, "git's own message says more than a missing password"


def test_an_app_token_signs_in_without_a_login(workspace: HubWorkspace, hub: FakeGitHub) -> None:
    value = "ghs_1_" + "eyJhbGciOiJSUzI1NiJ9." * 24
    hub.add_token(value)
    workspace.put(value)
    after = workspace.refresh().after
    assert (after.problems, after.login, after.kind) == ({}, None, "installation")
    assert workspace.gh_token == value


def test_scopes_that_gh_needs_and_the_token_lacks_are_said_once(
    workspace: HubWorkspace, hub: FakeGitHub
) -> None:
    hub.add_token(FIRST, scopes="gist")
    workspace.put(FIRST)
    after = workspace.refresh().after
    assert after.problems == {
        "scopes": "the token of GITHUB_TOKEN_FILE lacks the scope repo and read:org "
        "(gh may not work; use a token that has it)"
    }
    assert workspace.events() == [("warning", after.problem)], "a refresh by hand is not in the log"
    assert workspace.events() == []
    hub.add_token(FIRST, scopes="repo, admin:org")
    assert workspace.refresh().after.problems == {}


def test_offline_asks_nobody(workspace: HubWorkspace, hub: FakeGitHub) -> None:
    workspace.put(FIRST)
    workspace.refresh(offline=True)
    assert workspace.gh_token == FIRST
    assert hub.requests == []


# --- when it is tried again


def test_silence_is_tried_again_ever_later_up_to_the_interval(
    workspace: HubWorkspace, hub: FakeGitHub
) -> None:
    workspace.put(FIRST)
    hub.fail(Fault(status=502))
    most = FIRST_DELAY
    for _ in range(8):
        workspace.refresh()
        most = min(2 * most, LONGEST_DELAY)
        assert 1 <= (workspace.wish or most) <= most
    hub.heal()
    workspace.refresh()
    assert workspace.wish is None
    assert len(hub.requests) == 9


def test_github_is_not_asked_before_it_wants_to_be(
    workspace: HubWorkspace, hub: FakeGitHub
) -> None:
    workspace.put(FIRST)
    hub.fail(Fault.rate_limit(3600, hub.now()))
    workspace.refresh()
    assert workspace.wish is None, "the interval is over before"
    hub.heal()
    for _ in range(3):
        workspace.clock.go(minutes=19)
        assert "limits the rate" in workspace.refresh().after.problem
    assert len(hub.requests) == 1
    workspace.clock.go(minutes=10)
    assert workspace.refresh().after.problems == {}


def test_another_token_does_not_wait_for_the_old_ones_limit(
    workspace: HubWorkspace, hub: FakeGitHub
) -> None:
    workspace.put(FIRST)
    hub.fail(Fault.rate_limit(3600, hub.now()))
    workspace.refresh()
    hub.heal()
    hub.add_token(SECOND)
    workspace.put(SECOND)
    assert workspace.refresh().after.problems == {}


# --- what is said


def test_every_change_is_said_once(workspace: HubWorkspace, hub: FakeGitHub) -> None:
    missing = workspace.events()
    assert [level for level, _ in missing] == ["warning"]
    assert workspace.events() == []
    workspace.put(FIRST)
    assert workspace.events() == [
        ("info", "published a GitHub token"),
        ("info", "GitHub accepts the token"),
    ]
    assert workspace.events() == []
    hub.fail(Fault(status=500))
    assert [level for level, _ in workspace.events()] == ["warning"]
    assert workspace.events() == []
    hub.heal()
    assert workspace.events() == [("info", "GitHub accepts the token")]
    workspace.file.unlink()
    assert workspace.events() == missing
    assert workspace.events() == []
    workspace.put("test_token")
    assert workspace.events() == [("info", "the GitHub token is gone")]
    assert workspace.events() == []


def test_what_configure_said_is_not_said_again(workspace: HubWorkspace) -> None:
    problem = workspace.refresh(offline=True).after.problem
    RECORD.path(workspace.facts, "github.com").unlink()
    message, hint = problem.removesuffix(")").split(" (")
    rows = [{"step": "token", "message": message, "hint": hint}]
    (workspace.facts.runtime / runtime.PROBLEMS).write_text(json.dumps(rows))
    assert workspace.events() == []


def test_a_login_of_the_user_in_gh_is_no_failure(workspace: HubWorkspace) -> None:
    hosts = workspace.facts.home / ".config/gh" / "hosts.yml"
    hosts.parent.mkdir(parents=True)
    hosts.write_text("github.com:\n    user: me\n    oauth_token: own\n")
    workspace.put(FIRST)
    events = workspace.events()
    assert ("warning", workspace.refresh().after.problems["gh"]) in events
    assert workspace.events() == []
    assert workspace.verb().returncode == 0
    assert "own" in hosts.read_text()


def test_the_line_for_a_person(workspace: HubWorkspace) -> None:
    workspace.put(FIRST)
    assert describe(workspace.refresh().after) == (
        "github.com: the token of octo, from GITHUB_TOKEN_FILE, good at 2026-12-01T12:00:00Z"
    )


# --- the command


def test_the_command_says_how_it_is(workspace: HubWorkspace, hub: FakeGitHub) -> None:
    workspace.put(FIRST)
    done = workspace.verb()
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("github.com: the token of octo, from GITHUB_TOKEN_FILE, good at")
    (document,) = json.loads(workspace.verb("--json", "--offline").stdout)
    assert document["login"] == "octo"
    hub.revoke(FIRST)
    done = workspace.verb("--json")
    assert done.returncode == 1
    assert "refuses" in json.loads(done.stdout)[0]["problems"]["check"]
    assert FIRST not in done.stdout


def test_the_job_writes_events_of_the_one_schema_and_no_secret(workspace: HubWorkspace) -> None:
    workspace.put(FIRST)
    done = workspace.verb(log=True)
    assert (done.returncode, done.stdout) == (0, "")
    events = [json.loads(line) for line in done.stderr.splitlines()]
    assert [event["message"] for event in events] == [
        "published a GitHub token",
        "GitHub accepts the token",
    ]
    for event in events:
        assert event["source"] == "refresh"
        assert event["level"] == "info"
        assert event["login"] == "octo"
        assert event["time"].endswith("Z")
    assert FIRST not in done.stderr
    assert workspace.verb(log=True).stderr == ""


def test_no_token_configured_is_fine(tmp_path: Path, hub: FakeGitHub) -> None:
    workspace = HubWorkspace(tmp_path, hub, GITHUB_TOKEN_FILE="")
    done = workspace.verb()
    assert (done.returncode, done.stdout) == (0, "no token is configured\n")


def test_a_token_in_the_variable_itself(tmp_path: Path, hub: FakeGitHub) -> None:
    workspace = HubWorkspace(tmp_path, hub, GITHUB_TOKEN_FILE="", GITHUB_TOKEN=FIRST)
    assert workspace.verb().returncode == 0
    assert workspace.gh_token == FIRST
    assert FIRST not in str(workspace.facts.environ)


def test_a_server_that_trickles_does_not_hold_it_for_ever(
    workspace: HubWorkspace, hub: FakeGitHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api, "TIMEOUT", 1)
    hub.fail(Fault(hang=True))
    workspace.put(FIRST)
    assert "did not answer in time" in workspace.refresh().after.problem
    assert workspace.token == FIRST


@pytest.mark.parametrize(
    "date",
    [
        "Fri, 31 Dec 9999 23:59:59 -2300",
        "Sun, 29 Nov 99999999999999999999 22:00:00 GMT",
        "Sun, 29 Nov 2026 22:00:00 +9999999999999999999",
        "soon",
    ],
)
def test_a_date_that_no_clock_shows_is_none(workspace: HubWorkspace, date: str) -> None:
    assert api.find_skew({"date": date}, workspace.clock.now()) == 0.0


def test_an_answer_that_nobody_foresaw_ends_no_round(
    workspace: HubWorkspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tokens of other hosts are renewed, and gh is signed in."""

    def find_skew(*_: object) -> float:
        raise OverflowError

    workspace.put(FIRST)
    monkeypatch.setattr(api, "find_skew", find_skew)
    assert (
        "cannot check the token of github.com: OverflowError" in workspace.refresh().after.problem
    )
    assert workspace.tokens() == (FIRST, FIRST)


def test_only_the_job_keeps_a_sample_of_what_the_workspace_uses(workspace: HubWorkspace) -> None:
    workspace.put(FIRST)
    folder = str(workspace.facts.runtime)
    assert workspace.verb().returncode == 0
    assert history.load(folder) == []
    assert workspace.verb(log=True).returncode == 0
    assert len(history.load(folder)) == 1
