"""Cases that a coverage-guided fuzzer makes: `python -m tests.fuzz CASES [NAME…]`.

libFuzzer changes the bytes from which hypothesis draws a case, keeps those that reach new code of
the agent, and goes on from there. It ends its process, so each property has one of its own.
https://github.com/google/atheris
"""

import importlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from tests.faults.tally import Tally
from tests.fuzz.properties import MEMORY, PLACE, Property, make_folder

FOLDER = Path(__file__).parent
LONGEST = 3000
"""Seconds of one property."""
PROCESSES = 2


def find_properties() -> Iterator[tuple[str, Property]]:
    """Yield the name of each property, MODULE::TEST, and the property."""
    for path in sorted(FOLDER.glob("test_*.py")):
        module = importlib.import_module(f"tests.fuzz.{path.stem}")
        for name, value in vars(module).items():
            if isinstance(found := getattr(value, "property", None), Property):
                yield f"{path.name}::{name}", found


def feed(name: str, count: int) -> None:
    """Try one property; does not return."""
    import atheris

    with atheris.instrument_imports(include=["agent"]):
        found = dict(find_properties())[name]
    given = found.given()
    corpus = make_folder()
    options = (
        f"-runs={count}", "-verbosity=0", "-print_final_stats=0", "-max_len=512",
        f"-artifact_prefix={corpus}/", "-rss_limit_mb=0", "-timeout=120",
    )  # fmt: skip
    atheris.Setup([sys.argv[0], *options, str(corpus)], given.hypothesis.fuzz_one_input)
    atheris.Fuzz()


def run(counts: dict[str, int], name: str) -> bool:
    """Try one property in a process of its own; tell whether it holds."""
    argv = [sys.executable, "-m", "tests.fuzz", "--feed", name, str(counts[name])]
    with tempfile.TemporaryDirectory(prefix="fuzz-", dir=MEMORY) as folder:
        done = subprocess.run(
            argv, check=False, capture_output=True, text=True, timeout=LONGEST,
            env={**os.environ, PLACE: folder},
        )  # fmt: skip
    tally = Tally(f"fuzz/{name} by coverage", counts[name])
    tally.tried = counts[name] if done.returncode == 0 else 0
    if done.returncode:
        tally.count(done.stderr[-4000:] or f"it ended with {done.returncode}")
    tally.write()
    return done.returncode == 0


def main(cases: int, names: list[str]) -> int:
    """Try them all; return the exit code."""
    found = {
        name: each
        for name, each in find_properties()
        if not names or any(word in name for word in names)
    }
    parts = sum(each.part for each in found.values())
    counts = {name: each.count_of(cases, parts) for name, each in found.items()}
    with ThreadPoolExecutor(PROCESSES) as pool:
        held = list(pool.map(partial(run, counts), counts))
    print(
        f"{sum(counts.values()):,} cases, {len(held)} properties: {held.count(False)} do not hold"
    )
    return int(not all(held))


if __name__ == "__main__":
    if sys.argv[1] == "--feed":
        feed(sys.argv[2], int(sys.argv[3]))
    sys.exit(main(int(sys.argv[1]), sys.argv[2:]))
