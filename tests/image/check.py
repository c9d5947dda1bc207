"""`make check-image IMAGE=…`: ask an image for what any image with the agent promises.

Runs tests/image/any on it and prints a line for each promise that it breaks. Exit code 0: it keeps
all; 1: it breaks some; 2: it could not be asked.
"""

import sys
from collections.abc import Generator
from contextlib import redirect_stdout
from pathlib import Path

import pytest

TESTS = Path(__file__).with_name("any")
OK, BROKEN, FAILED = 0, 1, 2


class Findings:
    """A plugin of pytest: collects what is missing, and how it is fixed, each once."""

    def __init__(self) -> None:
        self.lines: dict[str, None] = {}

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Note the promise of a test that failed, or what the test itself has found."""
        report = yield
        if report.failed:
            found = [str(value) for name, value in report.user_properties if name == "finding"]
            self.lines |= dict.fromkeys(found or [read_promise(item)])
        return report


def read_promise(item: pytest.Item) -> str:
    """Return the line that says what an image lacks where this test fails, and what fixes that."""
    mark = item.get_closest_marker("promise")
    assert mark, item.nodeid
    missing, fix = mark.args
    return f"missing: {missing} ({fix})"


def check(image: str, log: Path) -> int:
    """Ask the image; the whole output of the tests goes to the log."""
    findings = Findings()
    with log.open("w") as output, redirect_stdout(output):
        code = pytest.main(
            ["-p", "no:cacheprovider", "--tb=short", f"--image={image}", str(TESTS)], [findings]
        )
    if code not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        print(f"error: cannot check {image}: see {log}", file=sys.stderr)
        return FAILED
    for line in findings.lines:
        print(line)
    if findings.lines:
        print(f"{len(findings.lines)} missing in {image}; details are in {log}", file=sys.stderr)
        return BROKEN
    print(f"nothing is missing in {image}")
    return OK


if __name__ == "__main__":
    sys.exit(check(sys.argv[1], Path(sys.argv[2])))
