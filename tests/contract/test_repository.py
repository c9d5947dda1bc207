"""What holds for the repository itself: locks, targets, the scripts' answers to bad input."""

import os
import re
import subprocess
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

TOP = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((TOP / "pyproject.toml").read_text())
RUNTIME = PROJECT["project"]["dependencies"]
GROUPS = PROJECT["dependency-groups"]
LOCKS = {
    "requirements/runtime.txt": RUNTIME,
    "requirements/dev.txt": RUNTIME + GROUPS["dev"],
    "requirements/fuzz.txt": GROUPS["fuzz"],
    "requirements/outside.txt": GROUPS["outside"],
    "requirements/build.txt": PROJECT["build-system"]["requires"],
}
TARGETS = (
    "up down logs shell status clean build feature sizes check-image reproduce test check "
    "conformance faults floods fuzz soak test-kubernetes test-own-image bench bench-backup "
    "bench-pull bench-page lock push sbom check-updates help engine"
)


def run(*words: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        words, cwd=TOP, env=os.environ | variables, check=False, capture_output=True, text=True,
        timeout=120,
    )  # fmt: skip


@pytest.mark.parametrize("lock", LOCKS)
def test_lock_pins_what_is_declared(lock: str) -> None:
    pins = dict(re.findall(r"^([a-z0-9-]+)==(\S+)", (TOP / lock).read_text(), re.MULTILINE))
    for wanted in map(Requirement, LOCKS[lock]):
        name = canonicalize_name(wanted.name)
        assert name in pins, f"`make lock` is due: {name}"
        assert wanted.specifier.contains(pins[name]), f"`make lock` is due: {wanted}"


@pytest.mark.parametrize("lock", LOCKS)
def test_lock_holds_hashes_and_no_addresses(lock: str) -> None:
    text = (TOP / lock).read_text()
    assert "://" not in text
    for entry in re.split(r"\n(?=[a-z])", text)[1:]:
        assert "--hash=sha256:" in entry, entry


def test_help_names_every_target_with_a_line() -> None:
    listed = run("make", "--no-print-directory", "help").stdout
    assert re.findall(r"^  make (\S+) +\S", listed, re.MULTILINE) == TARGETS.split()


def test_recipes_are_short() -> None:
    recipes = re.findall(
        r"^[a-z-]+:.*\n((?:\t.*\n)+)", (TOP / "Makefile").read_text(), re.MULTILINE
    )
    assert len(recipes) == len(TARGETS.split())
    assert all(recipe.count("\n") <= 3 for recipe in recipes)


@pytest.mark.parametrize(
    ("words", "variables", "named"),
    [
        (("scripts/engine.sh",), {"DOCKER_HOST": "unix:///nowhere.sock"}, "DOCKER_HOST="),
        (("scripts/engine.sh", "restart"), {}, "start, stop or status"),
        (("scripts/up.sh",), {"IMAGE": "gui"}, "one of base ide"),
        (("scripts/workspace.sh", "restart"), {}, "down, logs"),
    ],
)
def test_bad_input_gets_one_line(
    words: tuple[str, ...], variables: dict[str, str], named: str
) -> None:
    done = run(*words, **variables)
    assert done.returncode != 0
    assert named in done.stderr
    assert done.stderr.count("\n") == 1
