"""The doctor in a real workspace: what it finds, what it tells, and that it changes nothing."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.bench.connections import FAKE_GITHUB_OPTIONS, start_fake_github
from tests.e2e.conftest import write_secret
from tests.worlds.containers import BASE, HARDENED, Container, Recipe, running
from tests.worlds.waiting import wait_until

GOOD = "ghp_doctor000000000000000000000000000001"
DEAD = "ghp_doctor000000000000000000000000000002"
KEPT = ".local/state/devcopilot/doctor.json"
OF_PROGRAMS = (".cache/", ".local/state/gh/")
"""Where programs note things whenever they run: gh its number for telemetry."""


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("secrets")
    folder.chmod(0o755)
    write_secret(folder / "token", GOOD + "\n")
    return folder


@pytest.fixture(scope="module")
def box(secrets: Path) -> Iterator[Container]:
    options = (
        *HARDENED,
        *("-v", f"{secrets}:/run/secrets:ro", "-e", "GITHUB_TOKEN_FILE=/run/secrets/token"),
        *("-e", "GIT_USER_NAME=Octo", "-e", "GIT_USER_EMAIL=octo@example.com"),
        *FAKE_GITHUB_OPTIONS,
    )
    with running(Recipe(BASE, options)) as container:
        start_fake_github(container, GOOD)
        container.wait_ready()
        container.execute("devcopilot", "wait", "--for", "all")
        wait_until(lambda: has_refreshed(container), "the first refresh, which signs gh in")
        yield container


def has_refreshed(box: Container) -> bool:
    job = box.status()["jobs"]["refresh"]
    return bool(job["runs"] and not job["running"])


def find(box: Container, *words: str) -> tuple[int, list[dict[str, Any]]]:
    done = box.call("devcopilot", "doctor", "--json", *words)
    return done.returncode, json.loads(done.stdout)


def list_home(box: Container) -> set[str]:
    """Return the files of the home with their sizes and times, but the doctor's own result."""
    shown = box.execute("find", "/home/dev8", "-type", "f", "-printf", "%P %s %T@\\n")
    return {line for line in shown.splitlines() if not line.startswith((KEPT, *OF_PROGRAMS))}


def test_offline_finds_nothing_broken_and_changes_nothing(box: Container) -> None:
    before = list_home(box)
    code, rows = find(box, "--offline")
    assert code == 0, [row for row in rows if row["result"] == "fail"]
    assert {row["schema"] for row in rows} == {1}
    broken = [row for row in rows if "internal error" in row["summary"]]
    assert broken == []
    assert list_home(box) == before
    assert box.execute("stat", "-c", "%a", f"/home/dev8/{KEPT}").strip() == "600"


def test_a_good_token_and_then_a_dead_one(box: Container, secrets: Path) -> None:
    code, rows = find(box, "token", "helper")
    assert (code, [row["result"] for row in rows]) == (0, ["ok", "ok", "ok"]), rows
    write_secret(secrets / "new", DEAD + "\n").rename(secrets / "token")
    box.execute("devcopilot", "refresh", "--offline")
    wait_until(lambda: find(box, "token")[0] == 1, "the dead token")
    done = box.call("devcopilot", "doctor", "token")
    assert "github.com refuses the token of GITHUB_TOKEN_FILE" in done.stdout
    assert done.stdout.splitlines()[-1].startswith("fix ")
    assert DEAD not in done.stdout + box.execute("cat", f"/home/dev8/{KEPT}")


def test_a_wrong_name_is_refused_with_the_nearest(box: Container) -> None:
    done = box.call("devcopilot", "doctor", "tokens")
    assert done.returncode == 2
    assert "there is no check tokens (did you mean token?)" in done.stderr


def test_the_list_needs_no_check(box: Container) -> None:
    shown = box.execute("devcopilot", "doctor", "--list")
    assert shown.splitlines()[0].split() == ["NAME", "GROUP", "WHAT", "IT", "CHECKS"]
    assert "token" in shown
