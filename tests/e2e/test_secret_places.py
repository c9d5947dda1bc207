"""A workspace with every secret there is, and errors everywhere: each is only where it may be.

docs/secrets-at-rest.md lists the places; a setting that is added is here at once.
"""

import base64
import fnmatch
import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from agent.machine.secret_forms import find_base64_forms, find_text_forms
from agent.settings import everything
from tests.worlds.containers import BASE, DOCKER, HARDENED, QUIET, Container, Recipe, running

TOP = Path(__file__).resolve().parents[2]
LIST = TOP / "docs/secrets-at-rest.md"
PYTHON = "/opt/devcopilot/bin/python"
LEFT_OUT = {"CODE_SERVER_HASHED_PASSWORD": "it excludes the password, and is none itself"}
OWN = {
    "MY_API_KEY": "own-api-key-0f1e2d3c4b",
    "DATABASE_URL": "postgres://app:own-url-password-5a6b7c@db/app",
}
SHAPED = {
    "AZURE_STORAGE_KEY": base64.b64encode(b"azure account key of this test!!" * 2).decode(),
    "AZURE_STORAGE_SAS_TOKEN": "sv=2024-11-04&ss=b&sig=c2lnbmF0dXJlIG9mIHRoaXMgdGVzdA%3D%3D",
}
"""Secrets that have a form."""
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
SEARCH = r"""
import glob, json, os, stat, sys, urllib.request
forms = json.loads(sys.stdin.readline())
forms = {name: [bytes.fromhex(text) for text in texts] for name, texts in forms.items()}
found, places, mine = [], 0, str(os.getpid())
def look(place, content, mode=""):
    names = [name for name, texts in forms.items() if any(text in content for text in texts)]
    found.extend([place, name, mode] for name in names)
for folder in glob.glob("/proc/[0-9]*"):
    if folder.split("/")[2] == mine:
        continue
    try:
        program = open(f"{folder}/comm").read().strip()
        for part in ("environ", "cmdline"):
            content = open(f"{folder}/{part}", "rb").read()
            places += 1
            look(f"{part}:{program}:{folder.split('/')[2]}", content)
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        continue
for top in ("/home", "/workspace", "/tmp", "/dev/shm", "/run", "/var", "/etc"):
    for folder, _, names in os.walk(top):
        for name in names:
            path = os.path.join(folder, name)
            try:
                status = os.lstat(path)
                if stat.S_ISREG(status.st_mode):
                    places += 1
                    look(path, open(path, "rb").read(), "%o" % stat.S_IMODE(status.st_mode))
            except OSError:
                continue
for port, path in ((8079, "/"), (8079, "/json"), (9100, "/metrics"), (9100, "/x")):
    try:
        look(f"http:{port}{path}", urllib.request.urlopen(f"http://127.0.0.1:{port}{path}").read())
    except OSError as error:
        look(f"http:{port}{path}", str(getattr(error, "fp", None) and error.fp.read()).encode())
print(json.dumps([places, found]))
"""


def make_values() -> dict[str, str]:
    """Return a value for each secret setting, none of which is part of another."""
    values = {}
    for number, (_, entry) in enumerate(everything.variables()):
        if not entry.secret or entry.name in LEFT_OUT:
            continue
        value = f"s{number:03d}-{base64.b32encode(entry.name.encode()).decode().strip('=').lower()}"
        values[entry.name] = SHAPED.get(entry.name) or (
            value if is_good(entry.parse, value) else ""
        )
        if "PRIVATE_KEY" in entry.name:
            key = rsa.generate_private_key(65537, 2048)
            values[entry.name] = key.private_bytes(
                Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()
            ).decode()
        assert values[entry.name], f"give {entry.name} a value here"
    return values


def is_good(parse: object, value: str) -> bool:
    assert callable(parse)
    try:
        return bool(parse(value) == value)
    except ValueError:
        return False


def find_forms(value: str) -> list[str]:
    """Return, as hex, all the ways in which a secret may be written."""
    lines = value.strip().split("\n")
    if len(lines) > 2:  # of a key, a line of its middle
        texts = [lines[len(lines) // 2].encode()]
    else:
        plain = value.encode()
        texts = [*find_text_forms(plain), *find_base64_forms(plain), plain.hex().encode()]
    return sorted({text.hex() for text in texts})


VALUES = {**make_values(), **OWN}
FORMS = {name: find_forms(value) for name, value in VALUES.items()}


@pytest.fixture(scope="module")
def box() -> Iterator[Container]:
    given = {**ERRORS, **VALUES}
    options = [word for item in given.items() for word in ("-e", "=".join(item))]
    with running(Recipe(BASE, (*HARDENED, *options))) as container:
        container.wait_ready()
        yield container


def read_list() -> list[tuple[str, str]]:
    """Return the rows of the list: the pattern of a place, and those of the secrets in it."""
    rows = re.findall(r"(?m)^\| `([^`|]+)` \| ([^|]+) \|", LIST.read_text())
    return [(place, name) for place, names in rows for name in re.findall(r"`([^`]+)`", names)]


def find_in_text(text: bytes) -> set[str]:
    return {
        name for name, forms in FORMS.items() if any(bytes.fromhex(form) in text for form in forms)
    }


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


def search(box: Container) -> tuple[int, list[tuple[str, str, str]]]:
    done = run(box, PYTHON, "-I", "-c", SEARCH, stdin=json.dumps(FORMS) + "\n")
    assert done.returncode == 0, done.stderr
    places, found = json.loads(done.stdout)
    return places, [(place, name, mode) for place, name, mode in found]


def test_no_secret_is_said_or_kept_anywhere_else(box: Container) -> None:
    """What verbs print, then a look at every process, file, answer and line of the log."""
    said = {verb: run(box, "devcopilot", *verb.split()) for verb in VERBS}
    leaks = {verb: names for verb, done in said.items()
             if (names := find_in_text(done.stdout + done.stderr))}  # fmt: skip
    assert leaks == {}
    traces = [verb for verb, done in said.items() if b"Traceback" in done.stderr + done.stdout]
    assert traces == []
    logs = subprocess.run([DOCKER, "logs", box.name], check=True, capture_output=True, timeout=60)
    assert find_in_text(logs.stdout + logs.stderr) == set()
    assert b"Traceback" not in logs.stdout + logs.stderr
    places, found = search(box)
    assert places > 100
    allowed = read_list()
    extra = sorted(
        (place, name) for place, name, _ in found
        if not any(fnmatch.fnmatchcase(place, pattern) and fnmatch.fnmatchcase(name, secret)
                   for pattern, secret in allowed)
    )  # fmt: skip
    assert extra == [], "not in docs/secrets-at-rest.md"
    wide = [(place, mode) for place, _, mode in found if mode and int(mode, 8) & 0o077]
    assert wide == []
    unseen = {name for name in VALUES if not any(name == secret for _, secret, _ in found)}
    assert unseen == set(), "what is nowhere proves nothing"


def test_no_secret_is_in_a_bundle(box: Container) -> None:
    done = run(box, "sh", "-c", "devcopilot support-bundle --out - | gzip -d")
    assert len(done.stdout) > 10_000, done.stderr
    assert find_in_text(done.stdout + done.stderr) == set()


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
    assert find_in_text(done.stdout) == set()
    assert b"Permission denied" in done.stdout
    assert b"<html" not in done.stdout
