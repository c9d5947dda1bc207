"""The two texts of metrics, as the parsers of Prometheus' own client read them."""

import math
from collections.abc import Iterable
from typing import Any

import pytest

from agent.observe.metrics.exposition import render, wants_openmetrics
from agent.observe.metrics.family import Family, Kind, Sample, moment, one
from tests.worlds.scrapes import read

HOSTILE = [
    'a"b', "a\\", "a\\n", "a\nb", "} 1\ndevcopilot_forged 1", "# EOF\n",
    "ü 漢 😀", "", " ", '{x="y"}',
]  # fmt: skip
SHOWN = {
    "a\rb": r"a\rb", "\x1b[31m": r"\x1b[31m", "caf\udce9": r"caf\xe9", "\u202egnp": r"\u202egnp",
    "\x00": r"\x00", "a\u2028b": r"a\u2028b", "\x85": r"\u0085",
}  # fmt: skip
"""What a terminal could take for a command, and no UTF-8 can hold."""


def make(kind: Kind, name: str, *samples: Sample) -> Family[None]:
    return Family(name, kind, 'What "it" is, with \\ and\na line.', lambda _: samples)


def find(families: Iterable[Any]) -> list[tuple[str, dict[str, str], float]]:
    return [(s.name, s.labels, s.value) for family in families for s in family.samples]


both = pytest.mark.parametrize("openmetrics", [False, True], ids=["text", "openmetrics"])


@both
@pytest.mark.parametrize("name", [*HOSTILE, *SHOWN])
def test_any_name_comes_back_and_forges_nothing(name: str, openmetrics: bool) -> None:
    family = make(Kind.GAUGE, "devcopilot_x", Sample(1, {"service": name, "next": "n"}))
    text = render([family], None, openmetrics=openmetrics)
    text.encode()
    assert find(read(text, openmetrics)) == [
        ("devcopilot_x", {"service": SHOWN.get(name, name), "next": "n"}, 1.0)
    ]
    assert all(letter == "\n" or letter.isprintable() for letter in text)


@both
@pytest.mark.parametrize(
    "value", [0, 1, -1.5, 1e-9, 1785000000.123, 2.0**53, 1e300, math.inf, -math.inf, math.nan]
)
def test_any_number_comes_back(value: float, openmetrics: bool) -> None:
    text = render([make(Kind.GAUGE, "x", Sample(value))], None, openmetrics=openmetrics)
    ((_, _, found),) = find(read(text, openmetrics))
    assert found == value or (math.isnan(found) and math.isnan(value))


@both
def test_kinds_names_units_and_help(openmetrics: bool) -> None:
    families = [
        make(Kind.INFO, "devcopilot_info", Sample(1, {"version": "1"})),
        make(Kind.COUNTER, "devcopilot_cpu_seconds_total", Sample(12.25)),
        make(Kind.GAUGE, "devcopilot_ready_seconds", Sample(0.7)),
        make(Kind.GAUGE, "devcopilot_pids", Sample(7)),
        make(Kind.GAUGE, "devcopilot_nothing"),
    ]
    found = read(render(families, None, openmetrics=openmetrics), openmetrics)
    assert [(each.type, each.unit) for each in found] == (
        [("info", ""), ("counter", "seconds"), ("gauge", "seconds"), ("gauge", "")]
        if openmetrics
        else [("gauge", ""), ("counter", ""), ("gauge", ""), ("gauge", "")]
    )
    assert [name for name, _, _ in find(found)] == [family.name for family in families[:-1]]
    assert {each.documentation for each in found} == {'What "it" is, with \\ and\na line.'}


def test_openmetrics_has_an_end_and_text_has_none() -> None:
    assert render([], None, openmetrics=True) == "# EOF\n"
    assert render([], None) == ""


PROMETHEUS = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,"
    "application/openmetrics-text;version=0.0.1;q=0.4,"
    "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1"
)


@pytest.mark.parametrize(
    ("accept", "wanted"),
    [
        (PROMETHEUS, True),
        ("application/openmetrics-text", True),
        ("Application/OpenMetrics-Text; Version=1.0.0; q=0.1", True),
        ("text/plain, application/openmetrics-text;q=0.9", False),
        ("application/openmetrics-text;version=2.0.0,*/*;q=0.1", False),
        ("application/openmetrics-text;q=0", False),
        ("text/html,application/xhtml+xml,*/*;q=0.8", False),
        ("", False),
        ("*/*", False),
        (";;,,=;q", False),
        ("application/openmetrics-text;q=nan", True),
        ("application/openmetrics-text;q=-5", True),
    ],
)
def test_who_asks_chooses_the_format(accept: str, wanted: bool) -> None:
    assert wants_openmetrics(accept) is wanted


def test_a_time_becomes_seconds_and_what_is_not_known_no_sample() -> None:
    assert moment("2026-01-01T00:00:00Z") == 1767225600
    assert moment("2026-01-01T01:00:00.5+01:00") == 1767225600.5
    assert [moment(text) for text in (None, "", "yesterday", "2026-01-01")] == [None] * 4
    assert one(None) == []
    assert one(3, host="x") == [Sample(3.0, {"host": "x"})]
