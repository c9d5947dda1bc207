"""Draw the pictures of docs/benchmarks.md: `python -m tests.bench.plots`.

It needs matplotlib, so it runs in a venv of its own; see scripts/bench.sh.
"""

import argparse
import json
import math
import sys
from pathlib import Path

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tests.bench.page import read_part
from tests.bench.samples import SCALE_PICTURE, VERSUS_PICTURE, Comparison, Series

COLORS = ("#0b62c4", "#8a8f98", "#c26a00", "#2b8a5a", "#7a4fb0")
"""Told apart also by who does not see all colours; the agent's is the first."""
COLUMNS = 3
EACH = (4.2, 2.9)
"""Inches."""

matplotlib.use("Agg")
matplotlib.rcParams.update({
    "font.size": 9, "axes.spines.top": False, "axes.spines.right": False,
    "svg.hashsalt": "benchmarks", "svg.fonttype": "none", "figure.facecolor": "white",
})  # fmt: skip


def main() -> int:
    """Draw small charts side by side, one a figure."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.plots", description=__doc__)
    parser.add_argument("--measured", type=Path, default=Path("bench.json"))
    parser.add_argument("--folder", type=Path, default=Path("docs/benchmarks"))
    arguments = parser.parse_args()
    found = json.loads(arguments.measured.read_text())
    arguments.folder.mkdir(exist_ok=True)
    if comparisons := [Comparison.read(each) for each in read_part(found, "comparisons")[1]]:
        save(draw_comparisons(comparisons), arguments.folder, VERSUS_PICTURE)
    if series := [Series.read(each) for each in read_part(found, "series")[1]]:
        save(draw_series(series), arguments.folder, SCALE_PICTURE)
    return 0


def draw_comparisons(comparisons: list[Comparison]) -> Figure:
    """Return bars of each figure, with lines for the middle half of the runs."""
    names = list(dict.fromkeys(name for each in comparisons for name in each.measured))
    figure, places = _make_grid(len(comparisons))
    for axes, each in zip(places, comparisons, strict=True):
        for number, name in enumerate(names):
            if samples := each.measured.get(name):
                low, high = samples.spread
                around = [[samples.median - low], [high - samples.median]]
                axes.barh(number, samples.median, color=COLORS[number % len(COLORS)],
                          xerr=around, ecolor="#333", capsize=2)  # fmt: skip
                axes.annotate(f" {samples.median:.3g}", (high, number), va="center", fontsize=8)
        axes.set_yticks(range(len(names)), names)
        axes.invert_yaxis()
        axes.set_title(f"{each.figure}\n{each.unit}", fontsize=9, loc="left")
        axes.margins(x=0.15)
    return figure


def draw_series(series: list[Series]) -> Figure:
    """Return how each figure grows."""
    figure, places = _make_grid(len(series))
    for axes, each in zip(places, series, strict=True):
        for number, (name, line) in enumerate(each.lines.items()):
            sizes, color = sorted(line), COLORS[number % len(COLORS)]
            spreads = [line[size].spread for size in sizes]
            axes.plot(sizes, [line[size].median for size in sizes], "o-", color=color, label=name)
            axes.fill_between(sizes, [low for low, _ in spreads], [high for _, high in spreads],
                              color=color, alpha=0.2)  # fmt: skip
        axes.set_xscale("log")
        axes.set_ylim(bottom=0)
        axes.set_xlabel(each.size)
        axes.set_title(f"{each.figure}\n{each.unit}", fontsize=9, loc="left")
        axes.legend(frameon=False, fontsize=8)
    return figure


def save(figure: Figure, folder: Path, name: str) -> None:
    """Write both forms of a picture; nothing in them changes from one day to another."""
    figure.savefig(folder / f"{name}.svg", metadata={"Date": None})
    figure.savefig(folder / f"{name}.png", dpi=110, metadata={"Software": None})


def _make_grid(count: int) -> tuple[Figure, list[Axes]]:
    columns = min(count, COLUMNS)
    rows = math.ceil(count / columns)
    figure = Figure(figsize=(EACH[0] * columns, EACH[1] * rows), layout="constrained")
    places = [figure.add_subplot(rows, columns, number + 1) for number in range(count)]
    return figure, places


if __name__ == "__main__":
    sys.exit(main())
