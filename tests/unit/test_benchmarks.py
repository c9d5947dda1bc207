"""The benchmark's own parts: its tables say what was measured, and its files are there."""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.bench import life, machine, page
from tests.bench.__main__ import Found
from tests.bench.rows import Row
from tests.bench.samples import Comparison, Samples, Series

MACHINE = {"date": "2026-01-01", "processors": "2 of Fast", "memory": "8 GiB", "kernel": "6.1",
           "engine": "docker 20", "load": "0.1"}  # fmt: skip
STARTS = Comparison("start", "s", {"DevCopilot Agent": Samples((1.0, 1.2, 1.1)),
                                   "tini": Samples((1.0, 1.0, 1.0))})  # fmt: skip
FILES = Series("start", "s", "files", {"tini": {10: Samples((1.0,)), 1000: Samples((2.0,))}})


def compose(*rows: Row, comparisons: tuple[Comparison, ...] = (), failures: tuple[str, ...] = (),
            series: tuple[Series, ...] = ()) -> str:  # fmt: skip
    parts: dict[str, Sequence[machine.Figure]] = {
        "rows": rows, "comparisons": comparisons, "series": series,
    }  # fmt: skip
    document = {name: {"machine": MACHINE, "measured": [each.document() for each in part]}
                for name, part in parts.items()} | {"failures": failures}  # fmt: skip
    return page.compose(json.loads(json.dumps(document)), [], "benchmarks")


def test_the_agent_stands_beside_the_others_with_its_ratio() -> None:
    text = compose(comparisons=(STARTS,))
    assert "| start | 1.1 s (1.05 to 1.15) | 1 s (1 to 1) | 1.10 times |" in text
    assert "(benchmarks/versus.svg)" in text


def test_who_could_not_be_measured_has_an_empty_cell() -> None:
    alone = Comparison("stop", "s", {"tini": Samples((1.0,))})
    assert "| stop | - | 1 s (1 to 1) | - |" in compose(comparisons=(STARTS, alone))


def test_a_series_is_a_table_by_size() -> None:
    text = compose(series=(FILES,))
    assert "| start, by files | 10 | 1,000 |" in text
    assert "| tini | 1 s | 2 s |" in text


def test_what_is_behind_is_said() -> None:
    text = compose(Row("stop", 2, 1, "s"), Row("start", 1, 2, "s"), failures=("pull: no registry",))
    behind = text.partition("## Where it is behind")[2]
    assert "- stop: 2 s instead of 1." in behind
    assert "start" not in behind
    assert "- Not measured: pull: no registry" in behind


def test_a_part_that_is_kept_stays_with_its_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, other = tmp_path / "bench.json", {**MACHINE, "processors": "64 of Faster"}
    for part, where in (("figures", MACHINE), ("scale", other)):
        monkeypatch.setattr(machine, "describe", lambda where=where: where)
        found = Found(file, [part])
        found.add("one", found.rows, lambda: [Row("start", 1, 2, "s")])
        found.series.append(FILES)
        found.add("two", found.series, list)
    text = page.compose(json.loads(file.read_text()), [], "benchmarks")
    grown, own = text.partition("## As things grow")[2].split("## Against its own bars")
    assert "64 of Faster" in grown
    assert "2 of Fast," in own
    assert "64 of Faster" not in own


def test_further_sections_have_their_machine_and_their_misses() -> None:
    found = {
        part: {"machine": MACHINE, "measured": []} for part in ("comparisons", "series", "rows")
    }
    rows = [Row("pulled", 2140, 5, "s").document()]
    document = {"rows": {"machine": {**MACHINE, "processors": "64 of Faster"}, "measured": rows}}
    text = page.compose(found, [(page.IMAGES, document)], "benchmarks")
    images, behind = text.partition("## Images")[2].split("## Where it is behind")
    assert "64 of Faster" in images
    assert "| pulled | 2,140 s | ≤ 5 s | NO |" in images
    assert "- pulled: 2,140 s instead of 5." in behind


def test_without_a_measurement_it_says_what_to_run(tmp_path: Path) -> None:
    argv = [sys.executable, "-m", "tests.bench.page", "--measured", str(tmp_path / "none.json")]
    done = subprocess.run(argv, check=False, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith("error: cannot read")
    assert "make bench" in done.stderr


@pytest.mark.parametrize("path", [life.GIT_HOST])
def test_what_is_copied_into_containers_is_there(path: Path) -> None:
    assert path.is_file()
