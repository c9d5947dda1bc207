"""docker/README.md has every variable of scripts/build.sh, and no other."""

import re
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
SCRIPT = (TOP / "scripts/build.sh").read_text()
NAME = re.compile(r"[A-Z][A-Z_]+")


def list_told() -> set[str]:
    """Return the variables that the script's head tells of."""
    head = SCRIPT.partition("set -euo pipefail")[0]
    rows = re.findall(r"(?m)^# ((?:[A-Z_]+, )*[A-Z_]+) {2,}\S", head)
    return {name for row in rows for name in row.split(", ")}


def list_read() -> set[str]:
    """Return the variables that the script reads of its caller."""
    loops = re.findall(r"for name in ([A-Z_ ]+); do", SCRIPT)
    found = {name for loop in loops for name in loop.split()}
    return found | set(re.findall(r"\$\{([A-Z_]+):[-+]", SCRIPT))


def list_documented() -> set[str]:
    """Return the variables in the table below the heading Build."""
    section = (TOP / "docker/README.md").read_text().partition("\n## Build\n")[2]
    rows = re.findall(r"(?m)^\| (`[A-Z].*?) \|", section.partition("\n## ")[0])
    return {name for row in rows for name in NAME.findall(row)}


def test_the_table_has_all_of_them() -> None:
    # What they start from is the business of rootfs.sh, which build.sh calls.
    assert list_documented() == list_read() | {"BASE_IMAGE"}


def test_the_scripts_head_tells_of_all_of_them() -> None:
    assert list_told() == list_documented()


HARMLESS = {
    "VERSION": "names the image here",
    "DOCKER_REGISTRY": "names the image elsewhere",
    "BUILD_BASE": "leaves an image out",
    "BUILD_MVP": "leaves an image out",
    "BASE_IMAGE": "has labels of its own",
    "DEBIAN_MIRROR": "what it serves is pinned by hash",
    "DEBIAN_ARCHIVE": "what it serves is pinned by hash",
    "CA_BUNDLE": "reaches no layer",
    "REFRESH": "the packages are the same, and newer",
}
"""The variables that any release may be built with, and why."""


def test_every_other_variable_is_a_label_that_push_asks_for() -> None:
    push = (TOP / "scripts/push.sh").read_text()
    made = "".join((TOP / f"docker/{name}/Dockerfile").read_text() for name in ("base", "mvp"))
    for name in list_documented() - HARMLESS.keys():
        label = f"devcopilot.{name.lower().replace('_', '-')}"
        assert f"{label}=" in made
        assert label in push or re.search(rf"(check_options|for language in) .*\b{name}\b", push), (
            name
        )
