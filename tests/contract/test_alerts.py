"""Prometheus' own promtool: it takes the queries of docs/, and each rule fires when it should."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from agent.observe.metrics.all import FAMILIES
from agent.observe.metrics.exposition import render
from agent.observe.status import Job
from tests.worlds.needs import need
from tests.worlds.queries import ALERTS, find_queries
from tests.worlds.statuses import make_status

HOUR = 60  # minutes


@pytest.fixture(autouse=True)
def promtool() -> None:
    need(shutil.which("promtool"), "needs promtool, which scripts/programs.sh fetches")


def run(*words: str | Path, text: str = "") -> str:
    done = subprocess.run(
        ["promtool", *words], check=False, input=text, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_metrics_follow_its_conventions() -> None:
    jobs = {"refresh": Job(False, 3, 0, "2026-12-01T12:00:00Z", None)}
    status = make_status(jobs=jobs, lost_lines={"sshd": 1})
    assert run("check", "metrics", text=render(FAMILIES, status)) == "", "it has nothing to say"


def test_the_rules_are_rules() -> None:
    assert "SUCCESS: 2 rules found" in run("check", "rules", "--lint-fatal", ALERTS)


def test_every_query_is_promql(tmp_path: Path) -> None:
    rules = [{"record": f"query:{n}", "expr": query} for n, (_, query) in enumerate(find_queries())]
    path = tmp_path / "rules.yml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "queries", "rules": rules}]}))
    assert f"SUCCESS: {len(rules)} rules found" in run("check", "rules", path)


def check(tmp_path: Path, alert: str, series: dict[str, str], times: dict[int, list[Any]]) -> None:
    """Let the rules see these series, a value a minute; expect alerts with these labels."""
    tests = [{
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "alert_rule_test": [
            {"eval_time": f"{minutes}m", "alertname": alert,
             "exp_alerts": [{"exp_labels": labels} for labels in labels_of_all]}
            for minutes, labels_of_all in times.items()
        ],
    }]  # fmt: skip
    plain = yaml.safe_load(ALERTS.read_text())
    for group in plain["groups"]:
        for rule in group["rules"]:
            del rule["annotations"]  # promtool would compare their text
    (tmp_path / "alerts.yml").write_text(yaml.safe_dump(plain))
    path = tmp_path / "tests.yml"
    path.write_text(yaml.safe_dump({"rule_files": ["alerts.yml"], "tests": tests}))
    run("test", "rules", path)


def test_a_token_that_is_not_renewed(tmp_path: Path) -> None:
    """It ends after an hour; another host's is renewed in time, a third has no end."""
    name = "devcopilot_github_token_expiry_timestamp_seconds"
    fires = {"host": "github.com", "instance": "a", "severity": "warning"}
    check(
        tmp_path,
        "DevCopilotTokenEnds",
        {
            f'{name}{{host="github.com",instance="a"}}': "3600+0x100",
            f'{name}{{host="ghe",instance="a"}}': "3600+0x50 7200+0x50",
            'devcopilot_github_token_ok{host="b",instance="a"}': "1+0x100",
        },
        {54: [], 58: [fires], 70: [fires]},
    )


def test_a_backup_that_is_too_old_fails_or_was_never_made(tmp_path: Path) -> None:
    seen, good = "devcopilot_backup_last_success_timestamp_seconds", "devcopilot_backup_ok"
    old = {"instance": "a", "target": "local", "severity": "critical"}
    fails = {"instance": "b", "target": "s3", "severity": "critical"}
    check(
        tmp_path,
        "DevCopilotBackupTooOld",
        {
            f'{seen}{{instance="a",target="local"}}': "0+0x2000",
            f'{good}{{instance="a",target="local"}}': "1+0x2000",
            f'{good}{{instance="b",target="s3"}}': "0+0x2000",
            f'{seen}{{instance="c",target="s3"}}': "0+60x2000",
            f'{good}{{instance="c",target="s3"}}': "1+0x2000",
        },
        {10: [], HOUR: [fails], 24 * HOUR: [fails], 25 * HOUR: [old, fails]},
    )
