"""Cases that a coverage-guided fuzzer makes: `python -m tests.fuzz CASES [NAME…]`.

libFuzzer changes the bytes from which hypothesis draws a case, keeps those that reach new code of
the agent, and goes on from there. It ends its process, so each property has a separate one.
https://github.com/google/atheris
"""

import importlib
import os
import random
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial, wraps
from pathlib import Path
from typing import Any, NoReturn

from tests.faults.tally import Tally
from tests.fuzz import planted
from tests.fuzz.properties import MEMORY, PLACE, Property, make_folder

FOLDER = Path(__file__).parent
PLANTED = "planted"
PLANTED_CASES = 100_000
"""A fuzzer that does not find the planted fault in so many would miss others, too."""
LONGEST = 3000
"""Seconds of one property."""
PROCESSES = 2
LARGEST = 8192
"""Bytes that hypothesis reads of an input, at most: its BUFFER_SIZE."""
SEEDS = 64
"""Inputs to begin with; from none at all, libFuzzer takes long to find that length pays."""


def find_properties(pattern: str = "test_*.py") -> Iterator[tuple[str, Property]]:
    """Yield the name of each property, MODULE::TEST, and the property."""
    for path in sorted(FOLDER.glob(pattern)):
        module = importlib.import_module(f"tests.fuzz.{path.stem}")
        for name, value in vars(module).items():
            if isinstance(found := getattr(value, "property", None), Property):
                yield f"{path.name}::{name}", found


def load(name: str) -> Property:
    """Return a property, with all code of the agent that is loaded from now on watched."""
    import atheris

    if name == PLANTED:
        atheris.instrument_func(planted.check)
        return planted.PROPERTY
    with atheris.instrument_imports(include=["agent"]):
        return dict(find_properties(name.partition("::")[0]))[name]


def feed(name: str, count: int) -> NoReturn:
    """Try so many cases of one property, and end the process: with 1 at the first that fails."""
    import atheris

    found = load(name)
    tried, last = 0, ""

    @wraps(found.check)
    def check(**values: Any) -> None:
        nonlocal tried, last
        tried, last = tried + 1, repr(values)
        found.check(**values)

    one_input = found.given(check).hypothesis.fuzz_one_input

    def try_input(content: bytes) -> None:
        try:
            one_input(content.ljust(LARGEST, b"\0"))  # zeros end lists, and are the first choices
        except BaseException:
            traceback.print_exc()
            print(f"case {tried}: {last}", file=sys.stderr, flush=True)
            os._exit(1)
        if tried >= count:
            print(tried, flush=True)
            os._exit(0)

    corpus = make_folder()
    for number in range(SEEDS):
        corpus.joinpath(str(number)).write_bytes(random.randbytes(8 * (number + 1)))
    options = (
        "-verbosity=0", "-print_final_stats=0", "-max_len=1024", "-len_control=0",
        f"-artifact_prefix={corpus}/", "-rss_limit_mb=0", "-timeout=120",
    )  # fmt: skip
    atheris.Setup([sys.argv[0], *options, str(corpus)], try_input)
    atheris.Fuzz()
    sys.exit("the fuzzer has ended before all cases were tried")


def try_apart(name: str, count: int) -> str:
    """Try one property in a separate process; return what was wrong."""
    argv = [sys.executable, "-m", "tests.fuzz", "--feed", name, str(count)]
    with tempfile.TemporaryDirectory(prefix="fuzz-", dir=MEMORY) as folder:
        try:
            done = subprocess.run(
                argv, check=False, capture_output=True, text=True, timeout=LONGEST,
                env={**os.environ, PLACE: folder},
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            return f"not done within {LONGEST} s"
    if done.returncode == 0 and done.stdout.strip() == str(count):
        return ""
    return done.stderr[-4000:] or f"it ended with {done.returncode}"


def run(counts: dict[str, int], name: str) -> bool:
    """Try one property and keep the counts; tell whether it holds."""
    failure = try_apart(name, counts[name])
    tally = Tally(f"fuzz/{name} by coverage", counts[name])
    if failure:
        tally.count(failure)
    else:
        tally.tried = counts[name]
    tally.write()
    return not failure


def main(cases: int, names: list[str]) -> int:
    """Try them all; return the exit code."""
    if planted.FAULT not in (said := try_apart(PLANTED, PLANTED_CASES)):
        sys.exit(f"the fuzzer does not find a fault that is there: {said or 'all cases held'}")
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
