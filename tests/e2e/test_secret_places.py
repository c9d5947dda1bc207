"""A workspace with every secret there is, and errors everywhere: each is only where it may be.

docs/secrets-at-rest.md lists the places; a setting that is added is here at once. A whole day of
errors in the full image is tests/faults/test_secret_day.py.
"""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.worlds.containers import BASE, DOCKER, HARDENED, QUIET, Container, Recipe, running
from tests.worlds.secret_values import (
    EXCLUDED,
    OWN,
    Trace,
    find_all_forms,
    find_in_text,
    find_unlisted,
    find_wide,
    make_values,
)

TOP = Path(__file__).resolve().parents[2]
SEARCHER = (TOP / "tests/worlds/searcher.py").read_text()
PYTHON = "/opt/devcopilot/bin/python"
ERRORS = {
    **QUIET,
    "DEV8_CA_FILE": "/nowhere/ca.pem",
    "BACKUP_DIR": "/home/dev8/backups",
    "DEV8_METRICS_ADDRESS": "127.0.0.1:9100",
    "GITHUB_APP_ID": "4711",
    "GITHUB_APP_CLIENT_ID": "Iv1.0123456789",
    "DEV8_LOG_LEVEL": "debug",
}
"""Nothing that is asked answers, a file is missing, and the log tells all it can."""
VERBS = (
    "status", "status --json", "plan --json", "refresh", "doctor --offline --json", "audit --json",
    "metrics", "settings", "ports --json", "log", "explain code-server",
)  # fmt: skip
FOLDERS = ("/home", "/workspace", "/tmp", "/dev/shm", "/run", "/var", "/etc")
ASKS = [
    ["GET", f"http://127.0.0.1:{port}{path}", {}, ""]
    for port, path in ((8079, "/"), (8079, "/json"), (9100, "/metrics"), (9100, "/x"))
]
GIVEN = {name: value for name, value in make_values().items() if name not in EXCLUDED}
VALUES = {**GIVEN, **OWN}
FORMS = find_all_forms(VALUES)


@pytest.fixture(scope="module")
def box() -> Iterator[Container]:
    given = {**ERRORS, **VALUES}
    options = [word for item in given.items() for word in ("-e", "=".join(item))]
    with running(Recipe(BASE, (*HARDENED, *options))) as container:
        container.wait_ready()
        yield container


def run(box: Container, *words: str, stdin: str = "") -> "subprocess.CompletedProcess[bytes]":
    """Run a command of the user's without what docker gives it of the container's start."""
    clean = (
        "env",
        "-i",
        "HOME=/home/dev8",
        "PATH=/usr/local/bin:/usr/bin:/bin:/opt/devcopilot/bin",
    )
    return subprocess.run(
        [DOCKER, "exec", "-i", box.name, *clean, *words], input=stdin.encode(), check=False,
        capture_output=True, timeout=180,
    )  # fmt: skip


def search(box: Container) -> tuple[int, set[Trace]]:
    """Return how many places were looked at, and what was found."""
    forms = {name: [form.hex() for form in texts] for name, texts in FORMS.items()}
    order = json.dumps({"forms": forms, "folders": FOLDERS, "asks": ASKS}) + "\n"
    done = run(box, PYTHON, "-I", "-c", SEARCHER, "look", stdin=order)
    assert done.returncode == 0, done.stderr
    places, found = json.loads(done.stdout)
    return places, {Trace(*row) for row in found}


def test_no_secret_is_said_or_kept_anywhere_else(box: Container) -> None:
    """What verbs print, then a look at every process, file, answer and line of the log."""
    said = {verb: run(box, "devcopilot", *verb.split()) for verb in VERBS}
    leaks = {verb: names for verb, done in said.items()
             if (names := find_in_text(done.stdout + done.stderr, FORMS))}  # fmt: skip
    assert leaks == {}
    traces = [verb for verb, done in said.items() if b"Traceback" in done.stderr + done.stdout]
    assert traces == []
    logs = subprocess.run([DOCKER, "logs", box.name], check=True, capture_output=True, timeout=60)
    assert find_in_text(logs.stdout + logs.stderr, FORMS) == set()
    assert b"Traceback" not in logs.stdout + logs.stderr
    places, found = search(box)
    assert places > 100
    assert find_unlisted(found) == [], "not in docs/secrets-at-rest.md"
    assert find_wide(found) == []
    unseen = VALUES.keys() - {each.name for each in found}
    assert unseen == set(), "what is nowhere proves nothing"


def test_no_secret_is_in_a_bundle(box: Container) -> None:
    done = run(box, "sh", "-c", "devcopilot support-bundle --out - | gzip -d")
    assert len(done.stdout) > 10_000, done.stderr
    assert find_in_text(done.stdout + done.stderr, FORMS) == set()


def test_nobody_else_gets_anything_from_our_sockets(box: Container) -> None:
    """Another uid: the files are closed, the sockets of the runtime folder and the page as well."""
    script = (
        "ls /dev/shm/devcopilot-1000 /dev/shm/devcopilot-1000/broker.sock 2>&1;"
        "curl -s http://127.0.0.1:8079/ -o - ; cat /proc/1/environ 2>&1"
    )
    done = subprocess.run(
        [DOCKER, "exec", "--user", "4242:4242", "--env", "HOME=/", box.name, "env", "-i",
         "PATH=/usr/bin:/bin", "sh", "-c", script],
        check=False, capture_output=True, timeout=60,
    )  # fmt: skip
    assert find_in_text(done.stdout, FORMS) == set()
    assert b"Permission denied" in done.stdout
    assert b"<html" not in done.stdout
