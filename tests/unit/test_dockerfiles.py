"""What linters do not hold of the Dockerfiles."""

import re
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[2]
FILES = sorted((TOP / "docker").glob("*/Dockerfile"))
COPY = re.compile(r"(?m)^COPY ((?:--\S+ )*)(.+(?:\\\n.+)*)$")


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.parent.name)
def test_no_mode_of_the_clone_reaches_an_image(file: Path) -> None:
    """Who cloned at umask 077 has files that only they may read; git keeps no more than a bit."""
    for options, words in COPY.findall(file.read_text()):
        *sources, target = words.replace("\\\n", " ").split()
        if target.startswith("/out") and "--from" not in options:
            assert "--chmod=" in options, sources
            assert not any((TOP / source).is_dir() for source in sources), "a folder needs x"
