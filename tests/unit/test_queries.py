"""The alert rules and the dashboard ask only for what there is."""

import re

import pytest

from agent.observe.metrics.all import FAMILIES
from tests.worlds.queries import DASHBOARD, find_queries, read_dashboard, read_rules

KNOWN = {family.name: family for family in FAMILIES}
QUERIES = list(find_queries())
METRIC = re.compile(r"\b(devcopilot_\w+)(?:\{([^}]*)\})?")
ADDED = {"instance", "job"}
"""Labels that Prometheus itself adds."""


@pytest.mark.parametrize(("place", "query"), QUERIES)
def test_each_metric_and_label_exists(place: str, query: str) -> None:
    asked = METRIC.findall(query)
    assert asked, f"{place} asks for nothing of ours"
    for name, selector in asked:
        assert name in KNOWN, f"{place} asks for what nobody writes"
        labels = set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", selector))
        assert labels <= {*KNOWN[name].labels, *ADDED}


@pytest.mark.parametrize(("place", "query"), QUERIES)
def test_what_only_grows_is_asked_for_its_growth(place: str, query: str) -> None:
    for name, _ in METRIC.findall(query):
        grows = re.search(rf"\b(rate|increase)\({name}\b", query) is not None
        assert grows == name.endswith("_total"), place


def test_texts_name_labels_that_the_query_has() -> None:
    for rule in read_rules():
        ((name, _), *_) = METRIC.findall(rule["expr"])
        named = re.findall(r"\$labels\.(\w+)", " ".join(rule["annotations"].values()))
        assert set(named) <= {*KNOWN[name].labels, "instance"}
    for panel in read_dashboard()["panels"]:
        for target in panel["targets"]:
            ((name, _), *_) = METRIC.findall(target["expr"])
            named = re.findall(r"{{(\w+)}}", target["legendFormat"])
            assert set(named) <= {*KNOWN[name].labels, "instance"}


def test_the_panels_lie_side_by_side() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in read_dashboard()["panels"]:
        place = panel["gridPos"]
        cells = {
            (place["x"] + column, place["y"] + row)
            for column in range(place["w"])
            for row in range(place["h"])
        }
        assert not cells & taken
        assert all(column < 24 for column, _ in cells)
        taken |= cells


def test_the_dashboard_names_no_machine_of_ours() -> None:
    """Whoever imports it chooses the data source."""
    sources = re.findall(r'"uid": "([^"]+)"', DASHBOARD.read_text())
    assert set(sources) == {"${datasource}", "devcopilot-workspaces"}
    ids = [panel["id"] for panel in read_dashboard()["panels"]]
    assert len(set(ids)) == len(ids)
