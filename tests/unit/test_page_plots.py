"""The plots of the workspace page, and where their numbers come from."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agent.backup.history import DAYS, Day
from agent.observe.metrics.history import HOME, MEMORY, PROCESSOR, SCALES, WORKSPACE, Sample
from agent.observe.page.gauges import find_gauges, find_memory
from agent.observe.page.markup import Markup, element, join
from agent.observe.page.plots import GAP, HEIGHT, WIDTH, YOUNG, plot_days, plot_gauge, split_runs
from agent.observe.page.view import Gauge
from agent.observe.usage import Disk
from tests.worlds.statuses import make_usage

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
END = NOW.timestamp()


def plot(samples: Sequence[tuple[float, float]]) -> str | None:
    return plot_gauge(Gauge("CPU", "0.50", "of 1 core", 0.5, samples), NOW)


def find_lines(svg: str | None) -> list[list[tuple[float, float]]]:
    """Return the points of each line."""
    lines = re.findall(r'd="(M[^"]+)" class="line"', svg or "")
    return [[(float(x), float(y)) for x, y in re.findall(r"([\d.]+) ([\d.]+)", line)]
            for line in lines]  # fmt: skip


def test_a_day_is_as_wide_as_the_plot_and_the_limit_as_high() -> None:
    (line,) = find_lines(plot([(END - ago, 0.0 if ago else 1.0) for ago in range(86400, -1, -300)]))
    assert line[0] == (0, HEIGHT)
    assert line[-1] == (WIDTH, 0)
    assert len(line) == WIDTH + 1


def test_a_gap_is_no_line_and_one_sample_alone_is_seen() -> None:
    samples = [(END - 7200, 0.5), (END - 6900, 0.5), (END - 3600, 0.5)]
    assert [len(run) for run in split_runs(samples)] == [2, 1]
    lone = find_lines(plot(samples))[1]
    assert len({x for x, _ in lone}) == 2
    assert [*split_runs([(0, 1), (GAP, 1)])] == [[(0, 1), (GAP, 1)]]


@pytest.mark.parametrize("share", [-1.0, 0.0, 1.5, 1e300])
def test_no_value_leaves_the_plot(share: float) -> None:
    (line,) = find_lines(plot([(END - YOUNG, 0.5), (END, share)]))
    assert all(0 <= x <= WIDTH and 0 <= y <= HEIGHT for x, y in line)


def test_of_many_samples_in_one_place_the_highest_counts() -> None:
    samples = [(END - back, 0.9 if back == 30 else 0.1) for back in (YOUNG, *range(60, -1, -10))]
    (line,) = find_lines(plot(samples))
    assert line[-1][1] == pytest.approx(HEIGHT * 0.1, abs=0.06)
    assert len(line) == 2


@pytest.mark.parametrize(
    "samples", [[], [(END - 1100, 0.5), (END, 0.5)], [(END - 90_000, 0.1), (END + 9e9, 0.1)]]
)
def test_hardly_anything_to_show_is_no_plot(samples: list[tuple[float, float]]) -> None:
    assert plot(samples) is None


def test_who_does_not_see_it_gets_the_same_numbers() -> None:
    svg = plot([(END - 3600, 0.25), (END - 300, 0.9), (END, 0.5)]) or ""
    assert "At most 90 % of the limit in the last 24 hours." in svg
    rows = re.findall(r'<th scope="row">(.*?)</th><td>(.*?)</td>', svg)
    assert rows == [("31 Jan 11:00", "90 %"), ("31 Jan 12:00", "50 %")]
    assert 'role="img" aria-labelledby="plot-cpu-title plot-cpu-desc"' in svg


def make_day(back: int, **changes: int) -> Day:
    return Day(str((NOW - timedelta(days=back)).date()), **{"good": 1, "size": 100, **changes})


def test_each_of_the_last_days_has_its_place() -> None:
    days = [make_day(40), make_day(29, size=50), make_day(3, good=0, failed=2), make_day(0)]
    svg = plot_days("s3", days, NOW) or ""
    kinds = re.findall(r'<rect x="(\d+)".*?class="(\w+)"', svg)
    assert len(kinds) == DAYS
    assert {number: kind for number, (_, kind) in enumerate(kinds) if kind != "none"} == {
        0: "good", 26: "failed", 29: "good",
    }  # fmt: skip
    assert "Backups on 2 of the last 30 days; 2 attempts failed." in svg
    assert "<title>28 Jan: 2 failed</title>" in svg
    assert "<title>31 Jan: 100 B, 0 s</title>" in svg
    assert svg.count('<th scope="row">') == 3


def test_no_backup_in_these_days_is_no_plot() -> None:
    assert plot_days("s3", [], NOW) is None
    assert plot_days("s3", [make_day(31)], NOW) is None


def make_sample(ago: float, seconds: float) -> Sample:
    values: list[float | None] = [None] * len(SCALES)
    values[PROCESSOR], values[MEMORY], values[WORKSPACE], values[HOME] = seconds, 2e9, 1e9, 1e9
    return ago, tuple(values)


def test_the_gauges_are_measured_against_the_limits() -> None:
    samples = [make_sample(360, 10), make_sample(60, 160)]
    disk = Disk(40, 100)
    usage = make_usage(cpu_limit_cores=2.0, disks={"workspace": disk, "home": disk})
    found = [*find_gauges(samples, END, usage)]
    assert [gauge.name for gauge in found] == ["CPU", "Memory", "Disk"], "one disk, told once"
    assert (found[0].used, found[0].limit, found[0].share) == ("0.50", "of 2 cores", 0.25)
    assert (found[1].used, found[1].limit, found[1].share) == ("500 MB", "of 2.0 GB", 0.25)
    assert found[1].samples == [(END - 360, 1.0), (END - 60, 1.0)]
    assert found[2].share == 0.4


def test_two_disks_are_told_apart() -> None:
    assert [gauge.name for gauge in find_gauges([], END, make_usage())] == [
        "Memory", "Disk", "Home",
    ]  # fmt: skip


def test_what_is_old_is_not_told_as_now() -> None:
    samples = [make_sample(4000, 10), make_sample(3700, 20)]
    (processor, *_) = find_gauges(samples, END, make_usage())
    assert (processor.used, processor.share) == ("unknown", None)


def test_without_a_kernel_that_tells_there_are_no_gauges() -> None:
    nothing = make_usage(working_set_bytes=None, memory_limit_bytes=None, disks={})
    assert [*find_gauges([], END, nothing)] == []


@pytest.mark.parametrize(
    ("text", "size"),
    [("MemTotal:  1024 kB\n", 1048576), ("MemTotal: x kB", None), ("", None), ("MemFree: 1", None)],
)
def test_the_memory_of_the_machine(text: str, size: int | None, tmp_path: Path) -> None:
    (tmp_path / "meminfo").write_text(text)
    assert find_memory(tmp_path / "meminfo") == size


def test_markup_escapes_whatever_is_none() -> None:
    found = element("p", "<b>", element("b", "&"), None, ["x", ("y",)], class_="a\"b", hidden=True,
                    title=None, aria_label="<", size=1.5)  # fmt: skip
    assert found == ('<p class="a&quot;b" hidden aria-label="&lt;" size="1.5">'
                     "&lt;b&gt;<b>&amp;</b>xy</p>")  # fmt: skip
    assert join("<", Markup("<")) == "&lt;<"
    assert element("meta", charset="utf-8") == '<meta charset="utf-8">'
