"""scripts/release-notes.sh: the part of CHANGELOG.md that is about one release."""

import shutil
import subprocess
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
CHANGELOG = """# Changelog

## Unreleased: 2.0.0

Not yet.

## 1.10.0 (2026-02-03)

- **New**: this.

And that.

## 1.1.0

Old.
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("release-notes.sh", "lib/messages.sh"):
        target = tmp_path / "scripts" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(SCRIPTS / name, target)
    (tmp_path / "CHANGELOG.md").write_text(CHANGELOG)
    return tmp_path


def call(folder: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [folder / "scripts/release-notes.sh", *words], check=False, capture_output=True, text=True
    )


@pytest.mark.parametrize(
    ("tag", "notes"), [("v1.10.0", "- **New**: this.\n\nAnd that.\n"), ("v1.1.0", "Old.\n")]
)
def test_only_the_part_of_that_release_is_printed(folder: Path, tag: str, notes: str) -> None:
    assert call(folder, tag).stdout == notes


@pytest.mark.parametrize("tag", ["v2.0.0", "v1.1", "v9.9.9"])
def test_a_release_without_notes_is_one_clear_line(folder: Path, tag: str) -> None:
    done = call(folder, tag)
    assert (done.returncode, done.stdout) == (1, "")
    version = tag[1:]
    assert done.stderr == (
        f"error: CHANGELOG.md says nothing of {version} (its heading begins: ## {version})\n"
    )
