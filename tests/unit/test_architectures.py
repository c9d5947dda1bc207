"""The images and their tests are for amd64 and arm64: nothing names one of them by accident."""

import re
from collections.abc import Iterator
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
FOLDERS = ("docker", "scripts", "tests", "requirements")
NAMES = re.compile(r"x86[_-]64|(?<![a-z0-9])(amd64|aarch64|arm64)")
ALLOWED = {
    "docker/base/restic.txt",  # a line for each
    "requirements/cosign.txt",  # a line for each
    "requirements/dev.txt",  # the marker of shellcheck
    "requirements/fuzz.txt",  # the marker of the coverage-guided fuzzer
    "scripts/check.sh",  # shellcheck
    "scripts/feature.sh",  # packs for both
    "scripts/fuzz.sh",  # the coverage-guided fuzzer
    "scripts/lock.sh",  # asks for the other architecture's packages
    "scripts/push.sh",  # explains the join of both
    "scripts/sign.sh",  # signs both
    "scripts/upstream.py",  # compares both
    "tests/e2e/test_push.py",  # joins both
    "tests/e2e/test_sign.py",  # as above
    "tests/image/tools/test_go.py",  # builds for another system
    "tests/unit/test_architectures.py",
    "tests/unit/test_reproduce.py",  # what an image says of itself
    "tests/unit/test_updates.py",  # what apt prints
    "tests/unit/test_upstream.py",  # compares one
    "tests/unit/test_workflows.py",  # shellcheck
}


def list_files() -> Iterator[Path]:
    """Yield what people wrote; manifests of npm have a package for each architecture."""
    for folder in FOLDERS:
        for file in (TOP / folder).rglob("*"):
            skipped = file.suffix in (".md", ".pyc") or "package" in file.stem
            if file.is_file() and not skipped and file.parent.name != "secrets":
                yield file


def test_no_file_names_an_architecture() -> None:
    found = {str(file.relative_to(TOP)) for file in list_files() if NAMES.search(file.read_text())}
    assert found - ALLOWED == set()
