"""Run the benchmark: `python -m tests.bench [--minutes 10] [--runs 5]`; prints a table."""

import argparse
import json
import sys
from pathlib import Path

from tests.bench import figures, life, observe, tokens
from tests.bench.rows import Options, Row


def main() -> int:
    """Measure everything; exit 1 when a bar is missed."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument(
        "--minutes", type=float, default=10.0, help="length of the idle measurement"
    )
    parser.add_argument("--runs", type=int, default=5, help="runs of each start and stop")
    parser.add_argument("--output", type=Path, default=Path("bench.json"))
    arguments = parser.parse_args()
    rows: list[Row] = []
    for title, measure in (*figures.ALL, *tokens.ALL, *life.ALL, *observe.ALL):
        print(f"==> {title}", file=sys.stderr, flush=True)
        rows += measure(Options(arguments.runs, arguments.minutes * 60))
    print(format_table(rows))
    arguments.output.write_text(json.dumps([row.document() for row in rows], indent=2) + "\n")
    return 0 if all(row.holds for row in rows) else 1


def format_table(rows: list[Row]) -> str:
    """Return the rows as a Markdown table."""
    lines = ["| figure | measured | bar | holds |", "| --- | --- | --- | --- |"]
    lines += [
        f"| {row.figure} | {row.value:.3g} {row.unit}{row.note and f' ({row.note})'} "
        f"| ≤ {row.bar:g} {row.unit} | {'yes' if row.holds else 'NO'} |"
        for row in rows
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
