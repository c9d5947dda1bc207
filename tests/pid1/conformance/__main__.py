"""`python -m tests.pid1.conformance [CASE…]`: try every case everywhere, and write the tables."""

import shutil
import subprocess
import sys
import traceback
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.pid1.conformance.cases import CASES, Case
from tests.pid1.conformance.inits import INITS, OURS, InitKind
from tests.pid1.conformance.places import (
    PIDNS_ROOT,
    PLACES,
    NotApplicableError,
    Place,
    open_world,
)

DOCUMENT = Path(__file__).resolve().parents[3] / "docs/conformance.md"
BEGIN, END = "<!-- begin: make conformance -->\n", "<!-- end -->\n"
FAILURES = (
    AssertionError,
    TimeoutError,
    subprocess.TimeoutExpired,
    OSError,
    IndexError,
    ValueError,
)
WORKERS = 3
"""Cases mostly wait."""
YES, NO, NONE = "✓", "✗", "-"


@dataclass(frozen=True)
class Column:
    """One init in one place."""

    title: str
    init: InitKind
    place: Place


SIDE_BY_SIDE = tuple(Column(init.name, init, PIDNS_ROOT) for init in INITS)
EVERYWHERE = tuple(Column(place.name, OURS, place) for place in PLACES)


def try_case(case: Case, column: Column) -> tuple[str, str]:
    """Return whether the case passes, and why not."""
    world = open_world(column.init, column.place)
    try:
        case.check(world)
    except NotApplicableError as reason:
        return NONE, str(reason)
    except FAILURES:
        return NO, traceback.format_exc(limit=3)
    finally:
        world.close()
        shutil.rmtree(world.folder, ignore_errors=True)
    return YES, ""


def render(columns: Sequence[Column], results: Iterable[Sequence[str]]) -> str:
    """Return one table in Markdown."""
    titles = ("case", "what happens", "what must be seen", *(column.title for column in columns))
    rows = [titles, ("---",) * len(titles)]
    rows += [
        (case.name, case.action, case.must_see, *marks)
        for case, marks in zip(CASES, results, strict=True)
    ]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def run(columns: Sequence[Column], names: Sequence[str]) -> tuple[str, bool]:
    """Run the cases in these columns; return the table, and whether ours passed them all."""
    results, good = [], True
    for case in CASES:
        chosen = not names or case.name in names
        with ThreadPoolExecutor(WORKERS) as pool:
            found = (
                list(pool.map(lambda column, case=case: try_case(case, column), columns))
                if chosen
                else [(NONE, "")] * len(columns)
            )
        for column, (mark, why) in zip(columns, found, strict=True):
            if chosen:
                print(f"{case.name:<16} {column.title:<24} {mark}", flush=True)
            if mark == NO and column.init is OURS:
                good = False
                print(why, flush=True)
        results.append([mark for mark, _ in found])
    return render(columns, results), good


def main(names: list[str]) -> int:
    missing = [init.program for init in INITS if not shutil.which(init.program)]
    if missing:
        print(f"error: there is no {', '.join(missing)}; run: scripts/programs.sh", file=sys.stderr)
        return 1
    first, first_good = run(SIDE_BY_SIDE, names)
    second, second_good = run(EVERYWHERE, names)
    text = f"## Side by side\n\n{first}\n## Ours, everywhere\n\n{second}"
    if names:
        print(f"\n{text}")
    else:
        before, rest = DOCUMENT.read_text().split(BEGIN)
        DOCUMENT.write_text(f"{before}{BEGIN}{text}{END}{rest.split(END)[1]}")
    return 0 if first_good and second_good else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
