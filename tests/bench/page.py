"""Write docs/benchmarks.md from what was measured: `python -m tests.bench.page`.

`tests.bench.plots` makes its pictures.
"""

import argparse
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tests.bench.rows import Row, format_table, format_value
from tests.bench.samples import SCALE_PICTURE, VERSUS_PICTURE, Comparison, Samples, Series
from tests.bench.versus.rivals import ORIGINAL

OURS, BARE = "DevCopilot Agent", "tini"
NOTHING = "-"
HEAD = """\
# Benchmarks

<!-- Written by `make bench bench-backup bench-pull bench-page`. Do not edit. -->

What does the agent cost, compared with starting the same two services without it?
Each table was measured in one run on one machine, in turn, so compare its columns, and not
its numbers with those of another machine. Measure your own with `make bench`.

"""
VERSUS = """\
## Against other inits

The same image, started by the agent and by what people use instead. The others start code-server
and sshd and do nothing else; they find a host key that was made before. The agent also makes keys,
checks the home, sets up git, gh, the editor and AI tools, and keeps tokens, backups and the log.
Its editor sends scripts that the image holds compressed; others compress them for each visit.
{note}Each cell has the median, and in brackets the range of the middle half of {runs} runs.

"""
ORIGINAL_NOTE = """\
The bash entrypoint is the one that the agent replaces: it writes keys and settings as well. After
that its PID 1 is a program that ignores TERM, so each stop of it ends in a kill.
"""
SCALE = """\
## As things grow

The lines are medians; the shaded area is the middle half of the runs.

"""
BACKUPS = """\
## Backups

{machine}{table}

Where the time of a restore goes: `tar` unpacks one stream, while restic finds and decrypts each
piece of each file, which is why restic alone is slower. The agent starts restic twice: to list
the backups, and to restore the files with the copies of databases. Each start derives the
repository's key from the password with scrypt, which is slow on purpose.

"""
IMAGES = """\
## Images

What a machine pulls from a registry on loopback into an empty store.

{machine}{table}

"""
BEHIND = """\
## Where it is behind

"""


def main() -> int:
    """Write the page and its pictures."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.page", description=__doc__)
    parser.add_argument("--measured", type=Path, default=Path("bench.json"))
    parser.add_argument("--backups", type=Path, default=Path("bench-backup.json"))
    parser.add_argument("--images", type=Path, default=Path("bench-pull.json"))
    parser.add_argument("--page", type=Path, default=Path("docs/benchmarks.md"))
    arguments = parser.parse_args()
    try:
        found = json.loads(arguments.measured.read_text())
    except OSError as error:
        print(f"error: cannot read {arguments.measured}: {error.strerror} (run `make bench` first)",
              file=sys.stderr)  # fmt: skip
        return 1
    others = [
        (text, json.loads(path.read_text()))
        for text, path in ((BACKUPS, arguments.backups), (IMAGES, arguments.images))
        if path.exists()
    ]
    arguments.page.write_text(compose(found, others, arguments.page.stem))
    return 0


def compose(
    found: dict[str, Any], others: Iterable[tuple[str, dict[str, Any]]], folder: str
) -> str:
    """Return the page; `folder` is where its pictures are, beside it.

    `others`: further sections, each with what was measured for it alone.
    """
    machine, measured = read_part(found, "comparisons")
    comparisons = [Comparison.read(each) for each in measured]
    text = HEAD
    if comparisons:
        runs = max(len(each.values) for one in comparisons for each in one.measured.values())
        note = ORIGINAL_NOTE if ORIGINAL in comparisons[0].measured else ""
        text += VERSUS.format(runs=runs, note=note) + machine + format_comparisons(comparisons)
        text += embed(folder, VERSUS_PICTURE, "Bars of each figure for each init, as in the table")
    machine, measured = read_part(found, "series")
    if series := [Series.read(each) for each in measured]:
        text += SCALE + machine
        text += embed(folder, SCALE_PICTURE, "Lines of each figure, as in the tables below")
        text += "\n".join(map(format_series, series)) + "\n"
    machine, measured = read_part(found, "rows")
    rows = [Row.read(each) for each in measured]
    text += f"## Against its own bars\n\n{machine}{format_table(rows)}\n\n"
    for section, document in others:
        machine, measured = read_part(document, "rows")
        further = [Row.read(each) for each in measured]
        text += section.format(machine=machine, table=format_table(further))
        rows += further
    return text + format_behind(rows, found.get("failures", [])).rstrip("\n") + "\n"


def read_part(found: dict[str, Any], name: str) -> tuple[str, list[dict[str, Any]]]:
    """Return what to say of the machine of a part, and its figures.

    A file of an earlier version has one machine for all.
    """
    part = found[name]
    if isinstance(part, list):
        part = {"machine": found["machine"], "measured": part}
    return describe_machine(part["machine"]), part["measured"]


def describe_machine(facts: dict[str, str]) -> str:
    """Return the machine as one paragraph."""
    return (
        f"The machine: {facts['processors']}, {facts['memory']} of memory, Linux "
        f"{facts['kernel']}, {facts['engine']}; {facts['date']}. Load: {facts['load']}.\n\n"
    )


def embed(folder: str, name: str, words: str) -> str:
    """Return the lines that show a picture."""
    return f"![{words}]({folder}/{name}.svg)\n\n([as PNG]({folder}/{name}.png))\n\n"


def format_comparisons(comparisons: list[Comparison]) -> str:
    """Return all comparisons as one table, with how the agent compares with the barest."""
    names = list(dict.fromkeys(name for each in comparisons for name in each.measured))
    lines = ["| figure | " + " | ".join(names) + f" | {OURS} / {BARE} |",
             "| --- |" + " ---: |" * (len(names) + 1)]  # fmt: skip
    for each in comparisons:
        cells = [format_samples(each.measured.get(name), each.unit) for name in names]
        ratio = compare(each.measured.get(OURS), each.measured.get(BARE))
        lines.append(f"| {each.figure} | " + " | ".join(cells) + f" | {ratio} |")
    return "\n".join(lines) + "\n\n"


def compare(ours: Samples | None, bare: Samples | None) -> str:
    """Return how many times as much the agent takes."""
    return f"{ours.median / bare.median:.2f} times" if ours and bare and bare.median else NOTHING


def format_samples(samples: Samples | None, unit: str) -> str:
    """Return a median and its spread."""
    if samples is None:
        return NOTHING
    low, high = samples.spread
    return f"{samples.median:.3g} {unit} ({low:.3g} to {high:.3g})"


def format_series(series: Series) -> str:
    """Return a series as a table."""
    sizes = sorted({size for line in series.lines.values() for size in line})
    lines = [f"| {series.figure}, by {series.size} | "
             + " | ".join(f"{size:,}" for size in sizes) + " |",
             "| --- |" + " ---: |" * len(sizes)]  # fmt: skip
    for name, line in series.lines.items():
        cells = [f"{line[size].median:.3g} {series.unit}" if size in line else NOTHING
                 for size in sizes]  # fmt: skip
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def format_behind(rows: list[Row], failures: list[str]) -> str:
    """Return which bars were missed, and what could not be measured."""
    lines = [f"- {row.figure}: {format_value(row.value)} {row.unit} instead of {row.bar:g}."
             for row in rows if not row.holds]  # fmt: skip
    lines += [f"- Not measured: {each.splitlines()[0][:200]}" for each in failures]
    return BEHIND + ("\n".join(lines) if lines else "No bar was missed in this run.") + "\n"


if __name__ == "__main__":
    sys.exit(main())
