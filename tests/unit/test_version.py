"""There is one version: pyproject.toml's, which everything that names it repeats."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from agent import __version__

TOP = Path(__file__).resolve().parents[2]
VERSION = tomllib.loads((TOP / "pyproject.toml").read_text())["project"]["version"]
NAMED = re.compile(r"dev8-(?:base|mvp):(\d+\.\d+\.\d+)\b|(?m:^(?:appV|v)ersion: \"?([\d.]+))")
"""A tag of an image, and the versions of a Helm chart."""
FILES = sorted(
    path
    for folder in ("deploy", "docs")
    for path in (TOP / folder).rglob("*")
    if path.suffix in {".md", ".yaml"} and "decisions" not in path.parts
)


def find_versions(text: str) -> set[str]:
    """Return the versions of ours that a text names; 1.2.3 stands for any."""
    return {"".join(found) for found in NAMED.findall(text)} - {"1.2.3"}


def test_the_agent_knows_its_version() -> None:
    assert __version__ == VERSION


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(TOP)))
def test_manifests_and_pages_name_this_version(path: Path) -> None:
    assert find_versions(path.read_text()) <= {VERSION}


def test_a_version_is_found_in_an_image_and_in_a_chart() -> None:
    assert find_versions("image: dev8-mvp:0.9.1\nversion: 0.9.2\nappVersion: 0.9.3\n") == {
        "0.9.1", "0.9.2", "0.9.3",
    }  # fmt: skip


def test_users_of_the_version_before_are_told_what_to_do() -> None:
    minor = ".".join(VERSION.split(".")[:2])
    assert f" to {minor}\n" in (TOP / "docs/upgrading.md").read_text()


def test_the_changelog_has_the_text_of_this_release() -> None:
    done = subprocess.run(
        [TOP / "scripts/release-notes.sh", f"v{VERSION}"],
        check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
