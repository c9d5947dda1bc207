"""The report to the control plane: its body, when one is sent, and what becomes of it."""

import json
from pathlib import Path
from typing import Any

import pytest

from agent.machine.light import runtime
from agent.machine.light.log import Logger
from agent.observe.report import body, record, reporting
from agent.observe.report.look import Look, make_look
from agent.observe.report.outcome import Kind, Outcome
from agent.observe.report.record import State
from agent.observe.report.reporting import is_due
from agent.observe.report.rules import Plan
from tests.fakes.control_plane import ControlPlane

SECOND = 10**9
NOON = 1_796_126_400 * SECOND
"""2026-12-01T12:00:00Z"""
KEY = "k-0123456789abcdef"


def make_plan(url: str, folder: Path, **changes: Any) -> Plan:
    file = folder / "key"
    file.write_text(f"{KEY}\n")
    rows = {
        "url": f"{url}/api/v1/environments/env-1/activity", "identifier": "env-1",
        "key_name": f"SUPERVISOR_AGENT_API_KEY_FILE={file}", "key_file": str(file),
        "seconds": 60.0, "heartbeat": 60.0, "proxy": "", "proxy_login": "",
    }  # fmt: skip
    return Plan(**{**rows, **changes})


class Desk:
    """Reports from a folder, with a clock that goes on as told."""

    def __init__(self, folder: Path, plan: Plan, capfd: pytest.CaptureFixture[str]) -> None:
        self.folder, self.plan, self.capfd = folder, plan, capfd
        self.uptime = 1000.0

    def go(self, seconds: float = 30.0, ide: int = 0, ssh: int = 0, **used: str) -> State:
        self.uptime += seconds
        look = Look(ide, ssh, NOON + int(self.uptime * SECOND), self.uptime, **used)
        reporting.report(str(self.folder), self.plan, look, lambda: Logger("activity"))
        return record.read(str(self.folder))

    def read_log(self) -> list[str]:
        lines = self.capfd.readouterr().err.splitlines()
        return [json.loads(line)["message"] for line in lines]


@pytest.fixture
def plane() -> Any:
    with ControlPlane(key=KEY) as plane:
        yield plane


@pytest.fixture
def desk(plane: ControlPlane, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> Desk:
    return Desk(tmp_path, make_plan(plane.url, tmp_path), capfd)


# --- the body -----------------------------------------------------------------------------------


def test_the_body_is_byte_for_byte_that_of_the_original() -> None:
    moment = body.format_moment(NOON + 123_456_700)
    snapshot = body.make_snapshot(body.format_moment(NOON), "", 2, 0)
    assert body.encode("env-<1>&\u2028é", snapshot, moment) == (
        b'{"environmentId":"env-\\u003c1\\u003e\\u0026\\u2028\xc3\xa9","snapshot":'
        b'{"lastIDEActivity":"2026-12-01T12:00:00Z","lastSSHActivity":"0001-01-01T00:00:00Z",'
        b'"activeIDEConnections":2,"activeSSHConnections":0},'
        b'"timestamp":"2026-12-01T12:00:00.1234567Z"}'
    )


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [(0, "1970-01-01T00:00:00Z"), (1, "1970-01-01T00:00:00.000000001Z"),
     (500_000_000, "1970-01-01T00:00:00.5Z"), (10 * SECOND, "1970-01-01T00:00:10Z"),
     (NOON + 100, "2026-12-01T12:00:00.0000001Z")],
)  # fmt: skip
def test_times_are_as_go_writes_them(nanoseconds: int, text: str) -> None:
    assert body.shorten(body.format_moment(nanoseconds)) == text


# --- when ---------------------------------------------------------------------------------------


def test_a_report_is_sent_at_first_on_a_change_and_as_a_heartbeat(
    desk: Desk, plane: ControlPlane
) -> None:
    desk.go()
    desk.go()
    assert len(plane.accepted) == 1, "nothing has changed"
    desk.go()
    assert len(plane.accepted) == 2, "the heartbeat"
    desk.go(15, ide=2, ssh=1)
    assert len(plane.accepted) == 3, "a change"
    snapshot = plane.accepted[-1].report["snapshot"]
    assert (snapshot["activeIDEConnections"], snapshot["activeSSHConnections"]) == (2, 1)
    assert snapshot["lastIDEActivity"] == plane.accepted[-1].report["timestamp"]
    seen = snapshot["lastSSHActivity"]
    desk.go(15, ide=2)
    assert plane.accepted[-1].report["snapshot"]["lastSSHActivity"] == seen, "they have left"


def make_sample(ide: int = 0, ssh: int = 0, left: str = "", **lasts: str) -> dict[str, Any]:
    """Return the document of a sample; those signals count that do not begin with `no_`."""
    return {
        "ide": {"connections": ide, "last": None},
        "ssh": {"connections": ssh, "last": left or None},
        "signals": [{"name": name.removeprefix("no_"), "last": last,
                     "counts": not name.startswith("no_")} for name, last in lasts.items()],
    }  # fmt: skip


def test_work_without_a_connection_is_a_use_too() -> None:
    """A build goes on in tmux after the ssh connection broke."""
    sample = make_sample(
        left="2026-12-01T11:00:00Z", editor="2026-12-01T11:10:00Z", no_tab="2026-12-01T11:59:00Z",
        terminal_job="2026-12-01T11:30:00Z", ai="2026-12-01T11:20:00Z",
    )  # fmt: skip
    look = make_look(sample, NOON, 1000.0)
    assert body.shorten(look.ide_used) == "2026-12-01T11:10:00Z"
    assert body.shorten(look.ssh_used) == "2026-12-01T11:30:00Z"
    known = State()
    reporting.note(known, look)
    assert (known.last_ide, known.last_ssh) == (look.ide_used, look.ssh_used)
    look = make_look(make_sample(ide=1), NOON, 1000.0)
    assert (look.ide_used, look.ssh_used) == (look.moment, "")


def test_no_use_is_later_than_now() -> None:
    known = State()
    reporting.note(known, Look(1, 0, NOON, 1000.0))
    reporting.note(known, Look(0, 0, NOON - 3600 * SECOND, 1030.0))
    assert known.last_ide == body.format_moment(NOON - 3600 * SECOND), "the clock was set back"
    assert known.last_ssh == ""


def test_the_request_is_that_of_the_original(desk: Desk, plane: ControlPlane) -> None:
    desk.go()
    (sent,) = plane.accepted
    assert (sent.method, sent.path) == ("POST", "/api/v1/environments/env-1/activity")
    assert sent.headers["Content-Type"] == "application/json"
    assert sent.headers["User-Agent"] == "workspace-supervisor"
    assert sent.headers["Authorization"] == f"Bearer {KEY}"
    assert list(sent.report) == ["environmentId", "snapshot", "timestamp"]
    assert sent.report["snapshot"]["lastIDEActivity"] == "0001-01-01T00:00:00Z"


def test_without_a_key_none_is_sent(desk: Desk, plane: ControlPlane, tmp_path: Path) -> None:
    plane.key = ""
    desk.plan = make_plan(plane.url, tmp_path, key_file="", key_name="")
    desk.go()
    assert "Authorization" not in plane.accepted[0].headers


def test_an_empty_id_is_filled_and_another_one_refused(
    desk: Desk, plane: ControlPlane, tmp_path: Path
) -> None:
    desk.plan = make_plan(plane.url, tmp_path, identifier="")
    desk.go()
    assert len(plane.accepted) == 1
    desk.plan = make_plan(plane.url, tmp_path, identifier="env-2")
    known = desk.go(60)
    assert "environmentId in payload does not match route parameter (400)" in known.problem
    for _ in range(5):
        desk.go(600)
    assert len(plane.sent) == 2, "the same would be refused again"
    assert len(desk.read_log()) == 1


# --- what goes wrong ----------------------------------------------------------------------------


def test_a_storm_of_503_gets_ever_fewer_reports_and_then_the_newest(
    desk: Desk, plane: ControlPlane
) -> None:
    plane.fault = "503"
    for count in range(120):  # an hour
        desk.go(30, ide=count)
    assert 12 <= len(plane.sent) <= 25, "pauses grow to 5 minutes, and not beyond"
    assert plane.most_at_once == 1
    plane.fault = ""
    for _ in range(10):
        desk.go(30, ide=7)
    assert {each.report["snapshot"]["activeIDEConnections"] for each in plane.accepted} == {7}
    assert desk.read_log() == [
        f"127.0.0.1:{plane.port} answers with status 503",
        "the control plane accepts the reports again",
    ]
    assert record.read(str(desk.folder)).problem == ""


def test_a_wrong_key_is_tried_once_and_again_when_its_file_changes(
    desk: Desk, plane: ControlPlane
) -> None:
    plane.key = "another-key"
    for _ in range(5):
        known = desk.go(600, ide=1)
    assert len(plane.sent) == 1
    assert "Invalid or missing API key" in known.problem
    assert "SUPERVISOR_AGENT_API_KEY" in known.hint
    Path(desk.plan.key_file).write_text("a-key-that-is-wrong-too")
    desk.go()
    desk.go()
    assert len(plane.sent) == 2
    Path(desk.plan.key_file).write_text("another-key")
    known = desk.go()
    assert [each.status for each in plane.sent] == [401, 401, 200]
    assert (known.problem, known.refused, known.failures) == ("", "", 0)
    lines = desk.read_log()
    assert len(lines) == 3, "one for each key, and the end"
    assert KEY not in json.dumps(lines)


def test_retry_after_is_heeded(desk: Desk, plane: ControlPlane) -> None:
    plane.fault = "429"
    desk.go()
    desk.go(110)
    assert len(plane.sent) == 1
    desk.go(15)
    assert len(plane.sent) == 2


FAULTS = {
    "504": "answers with status 504: The request took too long to process",
    "429": "answers with status 429: Too many requests. Please try again later",
    "html": "answers with a web page",
    "redirect": "sends the reports on to 127.0.0.1 (302), where the key must not go",
    "huge": "answers with more than 64 KiB",
    "unsuccessful": "did not take the report: the store is full",
    "garbage": "does not answer as a web server does",
    "close": "does not answer as a web server does",
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_told_plainly_and_gets_over(fault: str, desk: Desk, plane: ControlPlane) -> None:
    plane.fault = fault
    known = desk.go()
    assert known.problem == f"127.0.0.1:{plane.port} {FAULTS[fault]}"
    plane.wait(1)
    assert len(plane.sent) == 1, "nothing is followed"
    plane.fault = ""
    known = desk.go(301)
    assert (known.problem, len(plane.accepted)) == ("", 1)


@pytest.mark.parametrize("fault", ["hang", "trickle"])
def test_an_answer_has_a_time_limit_however_it_comes(
    fault: str, desk: Desk, plane: ControlPlane, tmp_path: Path
) -> None:
    plane.fault = fault
    desk.plan = make_plan(plane.url, tmp_path, seconds=0.3)
    assert desk.go().problem == f"127.0.0.1:{plane.port} did not answer within 0.3 s"


def test_what_a_server_says_is_shown_as_text(desk: Desk, plane: ControlPlane) -> None:
    plane.fault = "rude"
    problem = desk.go().problem
    assert problem.isprintable()
    assert "\\x1b[2J" in problem
    assert len(problem) < 300


def test_an_empty_answer_of_any_kind_is_no_web_page(desk: Desk, plane: ControlPlane) -> None:
    plane.fault = "empty"
    known = desk.go()
    assert (known.problem, known.failures) == ("", 0)


def test_a_server_that_repeats_the_key_is_not_repeated(desk: Desk, plane: ControlPlane) -> None:
    plane.fault = "echo"
    known = desk.go()
    assert "Bearer *** is unknown" in known.problem
    assert KEY not in (desk.folder / runtime.REPORT).read_text()


def test_nobody_there_is_told(desk: Desk, tmp_path: Path) -> None:
    desk.plan = make_plan("http://127.0.0.1:1", tmp_path)
    assert desk.go().problem == "127.0.0.1:1 cannot be reached: Connection refused"


def test_a_key_file_that_is_missing_is_waited_for(desk: Desk, plane: ControlPlane) -> None:
    file = Path(desk.plan.key_file)
    file.unlink()
    for _ in range(3):
        known = desk.go()
    assert known.problem == f"cannot read {desk.plan.key_name}: No such file or directory"
    assert (plane.sent, len(desk.read_log())) == ([], 1)
    file.write_text("two words")
    assert "cannot use" in desk.go().problem
    file.write_bytes(b"\xff\xff")
    assert "it is not UTF-8 text" in desk.go().problem
    file.write_text(f"\ufeff{KEY}\r\n")
    assert desk.go().problem == ""
    assert len(plane.accepted) == 1


def test_a_run_that_is_killed_counts_as_a_failure(
    desk: Desk, plane: ControlPlane, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: object) -> Outcome:
        raise SystemExit

    with monkeypatch.context() as patch, pytest.raises(SystemExit):
        patch.setattr(reporting, "send", die)
        desk.go()
    known = record.read(str(desk.folder))
    assert (known.failures, known.problem) == (1, reporting.INTERRUPTED)
    desk.go(1)
    assert plane.sent == [], "no report at once"
    assert desk.go(31).problem == ""


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", "null", '{"failures": "many", "retry_at": null, "accepted": 7}', "[" * 10**5,
     '{"retry_at": 1e300, "failures": 1}', '{"accepted": "x", "accepted_at": 1e300}'],
)  # fmt: skip
def test_a_damaged_state_keeps_nobody_from_reporting(
    content: str, desk: Desk, plane: ControlPlane
) -> None:
    (desk.folder / runtime.REPORT).write_text(content)
    desk.go()
    assert len(plane.accepted) == 1


def test_a_clock_that_jumps_changes_nothing() -> None:
    known = State()
    known.accepted, known.accepted_at, known.ide, known.ssh = "2026", 1000.0, 0, 0
    for moment in (0, NOON * 2):
        assert not is_due(known, Look(0, 0, moment, 1030.0), 60.0, "none")
        assert is_due(known, Look(0, 0, moment, 1060.0), 60.0, "none")
    assert is_due(known, Look(0, 0, NOON, 5.0), 60.0, "none"), "moved to another machine"


def test_a_pause_is_never_longer_than_five_minutes() -> None:
    known = State()
    look = Look(0, 0, NOON, 1000.0)
    for _ in range(40):
        reporting.expect_failure(known, look)
        reporting.settle(known, look, "none", Outcome(Kind.FAILED, "x", pause=1e9))
        assert 15 <= known.retry_at - look.uptime <= 300
