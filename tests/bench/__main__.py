"""Run the benchmark: `python -m tests.bench [--only figures,versus,scale]`; prints tables."""

import argparse
import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

from tests.bench import figures, life, machine, observe, tokens
from tests.bench.rows import Options, Row, format_table
from tests.bench.samples import Comparison, Series
from tests.bench.versus import lives, scale

FIGURES, VERSUS, SCALE = "figures", "versus", "scale"
T = TypeVar("T")


def main() -> int:
    """Measure everything; exit 1 when a bar is missed, or something cannot be measured."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument(
        "--minutes", type=float, default=10.0, help="length of the idle measurement"
    )
    parser.add_argument("--runs", type=int, default=5, help="runs of each start and stop")
    parser.add_argument(
        "--only", default=f"{FIGURES},{VERSUS},{SCALE}",
        help="figures against their bars, versus other inits, how they scale",
    )  # fmt: skip
    parser.add_argument("--output", type=Path, default=Path("bench.json"))
    arguments = parser.parse_args()
    options, parts = Options(arguments.runs, arguments.minutes * 60), arguments.only.split(",")
    found = Found(arguments.output, parts)
    if FIGURES in parts:
        for title, measure in (*figures.ALL, *tokens.ALL, *life.ALL, *observe.ALL):
            found.add(title, found.rows, partial(measure, options))
    if VERSUS in parts:
        found.add("versus other inits", found.comparisons, partial(lives.compare_lives, options))
    if SCALE in parts:
        found.add("how it scales", found.series, partial(scale.grow, options))
    print(format_table(found.rows))
    return 0 if all(row.holds for row in found.rows) and not found.failures else 1


class Found:
    """All that was measured, and what could not be; a file has it after each part."""

    def __init__(self, output: Path, parts: Sequence[str]) -> None:
        """`output` keeps what an earlier run measured of other parts, and on which machine."""
        self._output = output
        self._parts = parts
        self._former = json.loads(output.read_text()) if output.exists() else {}
        self.rows: list[Row] = []
        self.comparisons: list[Comparison] = []
        self.series: list[Series] = []
        self.failures: list[str] = []

    def add(self, title: str, kept: list[T], measure: Callable[[], list[T]]) -> None:
        """Measure one part and keep it; where that fails, say so and go on."""
        print(f"==> {title}", file=sys.stderr, flush=True)
        try:
            kept += measure()
        except (OSError, RuntimeError, TimeoutError, subprocess.SubprocessError) as error:
            self.failures.append(f"{title}: {error}")
            print(f"error: cannot measure: {error}", file=sys.stderr, flush=True)
        self._output.write_text(json.dumps(self.document(), indent=2) + "\n")

    def document(self) -> dict[str, object]:
        """Return it for JSON."""
        measured: dict[str, tuple[str, Sequence[Row | Comparison | Series]]] = {
            "rows": (FIGURES, self.rows),
            "comparisons": (VERSUS, self.comparisons),
            "series": (SCALE, self.series),
        }
        document: dict[str, object] = {
            name: machine.note(kept)
            for name, (part, kept) in measured.items()
            if part in self._parts or name not in self._former
        }
        return {**self._former, **document, "failures": self.failures}


if __name__ == "__main__":
    sys.exit(main())
