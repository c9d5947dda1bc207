"""The queries of docs/: what the alert rules and the dashboard ask Prometheus."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

DOCS = Path(__file__).parent.parent.parent / "docs"
ALERTS = DOCS / "prometheus/alerts.yml"
DASHBOARD = DOCS / "grafana/dashboard.json"


def read_dashboard() -> dict[str, Any]:
    """Return the dashboard."""
    found: dict[str, Any] = json.loads(DASHBOARD.read_text())
    return found


def read_rules() -> list[dict[str, Any]]:
    """Return the alert rules."""
    return [
        rule for group in yaml.safe_load(ALERTS.read_text())["groups"] for rule in group["rules"]
    ]


def find_queries() -> Iterator[tuple[str, str]]:
    """Yield (where it stands, query) of all, as Grafana hands them to Prometheus."""
    for rule in read_rules():
        yield rule["alert"], rule["expr"]
    for panel in read_dashboard()["panels"]:
        for target in panel["targets"]:
            query = target["expr"].replace("$__rate_interval", "5m").replace("$instance", ".*")
            yield panel["title"], query
