"""What the metrics say of a workspace, as Prometheus' own parsers read it."""

import re
from pathlib import Path
from typing import Any

import pytest

from agent.machine.light.clock import parse_time
from agent.observe.metrics.all import FAMILIES
from agent.observe.metrics.exposition import render
from agent.observe.metrics.family import Kind
from agent.observe.metrics.surface import Remembered
from agent.observe.status import Job, Status, Trouble
from agent.settings.context import Context
from agent.settings.everything import Settings
from tests.worlds import scrapes
from tests.worlds.machine import make_facts
from tests.worlds.statuses import (
    make_backup,
    make_service,
    make_status,
    make_token,
    make_usage,
    tell,
)

SECRETS = ("octocat", "contents:write", "demo", "/workspace", "/usr/bin/claude", "no space left")
"""Users, repositories, paths, permissions and sentences of a status: none is a metric."""


def read(status: Status) -> dict[str, dict[tuple[str, ...], float]]:
    """Return name -> values of the labels -> value; both formats say the same."""
    found = []
    for openmetrics in (False, True):
        text = render(FAMILIES, status, openmetrics=openmetrics)
        rows: dict[str, dict[tuple[str, ...], float]] = {}
        for family in scrapes.read(text, openmetrics):
            for sample in family.samples:
                key = tuple(sample.labels.values())
                assert key not in rows.setdefault(sample.name, {}), "a sample stands there twice"
                rows[sample.name][key] = sample.value
        found.append(rows)
    assert found[0] == found[1]
    return found[0]


def make_full(**changes: Any) -> Status:
    """Return a status from which every family has a sample."""
    jobs = {"refresh": Job(False, 24, 0, tell(minutes=-2), tell(minutes=3)),
            "never": Job(False, 0, None, None, None)}  # fmt: skip
    return make_status(**{"jobs": jobs, "lost_lines": {"sshd": 0, "web": 12}, **changes})


def seconds(text: str) -> float:
    found = parse_time(text)
    assert found
    return found.timestamp()


def test_every_metric_has_a_sample() -> None:
    assert read(make_full()).keys() == {family.name for family in FAMILIES}


def test_what_they_say() -> None:
    expires, seen = tell(minutes=9), tell(hours=-3)
    found = read(make_full(
        tokens=[make_token(expires=expires, refreshes=5, failed=2),
                make_token(host="ghe.example.com", good=False, expires="")],
        backups=[make_backup(seen=seen, seconds=2.5, lacking=3), make_backup(
            target="s3", seen="", snapshot="", verified="", next="", red=True)],
        services=[make_service(), make_service(name="web", state="FATAL", since=None, restarts=7)],
        problems=[Trouble("a", "b"), Trouble("c", "d"), Trouble("e", "f", level="error")],
    ))  # fmt: skip
    assert found["devcopilot_github_token_ok"] == {("github.com",): 1, ("ghe.example.com",): 0}
    assert found["devcopilot_github_token_expiry_timestamp_seconds"] == {
        ("github.com",): seconds(expires)
    }
    assert found["devcopilot_github_refreshes_total"][("github.com", "good")] == 3
    assert found["devcopilot_github_refreshes_total"][("github.com", "failed")] == 2
    assert found["devcopilot_backup_ok"] == {("local",): 1, ("s3",): 0}
    assert found["devcopilot_backup_last_success_timestamp_seconds"] == {("local",): seconds(seen)}
    assert found["devcopilot_backup_duration_seconds"] == {("local",): 2.5}
    assert found["devcopilot_backup_missing_files"] == {("local",): 3}
    assert found["devcopilot_service_up"] == {("sshd",): 1, ("web",): 0}
    assert found["devcopilot_service_restarts_total"] == {("sshd",): 0, ("web",): 7}
    assert found["devcopilot_service_start_time_seconds"].keys() == {("sshd",)}
    assert found["devcopilot_job_runs_total"] == {("refresh",): 24, ("never",): 0}
    assert found["devcopilot_job_last_exit_code"] == {("refresh",): 0}
    assert found["devcopilot_problems"] == {("info",): 0, ("warning",): 2, ("error",): 1}
    assert found["devcopilot_phase"] == {("starting",): 0, ("ready",): 1, ("stopping",): 0}
    assert found["devcopilot_units"][("failed",)] == 1
    assert found["devcopilot_ready_seconds"] == {(): 0.71}
    assert found["devcopilot_disk_used_bytes"][("workspace",)] == 5e9
    assert found["devcopilot_last_activity_timestamp_seconds"].keys() == {("terminal_input",)}
    assert found["devcopilot_log_lines_dropped_total"] == {("sshd",): 0, ("web",): 12}
    assert found["devcopilot_active"] == {(): 1}
    assert found["devcopilot_leases"] == {(): 1}
    assert found["devcopilot_cpu_seconds_total"] == {(): 34.5}


def test_what_is_not_known_is_missing() -> None:
    nothing = make_usage(**{**dict.fromkeys(vars(make_usage())), "disks": {}})
    found = read(make_status(
        phase="starting", ready_seconds=None, services=[], tokens=[], units=[], backups=[],
        problems=[], usage=nothing, activity=None, report=None,
    ))  # fmt: skip
    assert found.keys() == {
        "devcopilot_info", "devcopilot_phase", "devcopilot_start_time_seconds",
        "devcopilot_units", "devcopilot_problems",
    }  # fmt: skip


def test_damage_in_a_status_breaks_nothing() -> None:
    """A time that is none, and states that no version writes."""
    found = read(make_full(
        started="yesterday", phase="odd", tokens=[make_token(expires="soon", checked="")],
        problems=[Trouble("a", "b", level="odd")],
    ))  # fmt: skip
    assert "devcopilot_start_time_seconds" not in found
    assert set(found["devcopilot_phase"].values()) == {0}


@pytest.mark.parametrize("name", ['a"} 1\n# EOF', "caf\udce9", "\x1b]0;x\x07", "a\\", ""])
def test_hostile_names_stay_names(name: str) -> None:
    jobs = {name: Job(False, 1, 0, None, None)}
    found = read(make_full(
        services=[make_service(name=name)], tokens=[make_token(host=name)], jobs=jobs,
        backups=[make_backup(target=name)],
    ))  # fmt: skip
    assert found.keys() <= {family.name for family in FAMILIES}
    assert len(found["devcopilot_service_up"]) == 1


def test_no_label_tells_of_a_user_or_a_repository() -> None:
    text = render(FAMILIES, make_full())
    assert [word for word in SECRETS if word in text] == []


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_names_follow_the_conventions(family: Any) -> None:
    assert re.fullmatch(r"devcopilot(_[a-z]+)+", family.name)
    assert family.name.endswith("_total") == (family.kind is Kind.COUNTER)
    assert family.name.endswith("_info") == (family.kind is Kind.INFO)
    assert not re.search(r"_(age|ms|milliseconds|minutes|kb|mb|percent)\b", family.name)
    assert family.meaning.endswith(".")
    for sample in family.read(make_full()):
        assert tuple(sample.labels) == family.labels, "documented as they are"


def test_problems_are_looked_for_once_a_minute(tmp_path: Path) -> None:
    """They take a run of git, and a scrape comes each 15 s."""
    looked, now = [], [100.0]

    def find(_: Context) -> list[Trouble]:
        looked.append(now[0])
        return [Trouble("a", str(len(looked)))]

    current = Context({}, Settings.from_environ({}), make_facts(tmp_path))
    problems = Remembered(find, lambda: now[0])
    for now[0] in (100.0, 115.0, 159.0, 160.0, 219.0):
        problems(current)
    assert looked == [100.0, 160.0]
    assert [each.message for each in problems(current)] == ["2"]
