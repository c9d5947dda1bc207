"""The home on a volume: an empty one however a platform made it, and one of an earlier version."""

import uuid
from collections.abc import Iterator

import pytest

from tests.containers import (
    ANY_UID,
    BASE,
    MVP,
    NO_PRIVILEGES,
    Container,
    Recipe,
    answers_http,
    docker,
    running,
)
from tests.e2e.conftest import Login

STRICT = (*NO_PRIVILEGES, "--read-only", "-v", "/workspace", "-v", "/tmp")
STATE = "/home/dev8/.local/state/devcopilot"
KEPT = f"cat {STATE}/ssh/ssh_host_ed25519_key.pub {STATE}/code-server/password ~/mine"

EMPTY = {
    "of-the-user": ("chown 1000:1000 /v; chmod 755 /v", ()),
    "private": ("chown 1000:1000 /v; chmod 700 /v", ()),
    "for-all": ("chown 0:0 /v; chmod 777 /v", ()),  # Kubernetes: emptyDir
    "of-a-group": ("chown 0:2000 /v; chmod 2775 /v", ("--group-add", "2000")),  # with fsGroup
    "for-all-any-uid": ("chown 0:0 /v; chmod 777 /v", ANY_UID),
    "of-a-group-any-uid": ("chown 0:2000 /v; chmod 2775 /v", (*ANY_UID, "--group-add", "2000")),
}
"""Name -> how the volume was made, and options of `docker run`."""

AGE = r"""
import hashlib, json, os, pathlib
home, there = pathlib.Path("/v"), "/home/dev8"
ledger_file = home / ".local/state/devcopilot/owned.json"
ledger = json.loads(ledger_file.read_text())

def own(step, path, content):
    (home / path).parent.mkdir(parents=True, exist_ok=True)
    (home / path).write_bytes(content)
    ledger[f"{there}/{path}"] = [step, hashlib.sha256(content).hexdigest()]

extensions = ".vscode-server/extensions"
new = f"{extensions}/devcopilot.workspace-defaults-1.0.0"
old = f"{extensions}/devcopilot.workspace-defaults-0.9.0"
os.rename(home / new, home / old)
del ledger[f"{there}/{new}/package.json"]
own("vscode", f"{old}/package.json", b'{"version": "0.9.0"}')
listed = json.loads((home / extensions / "extensions.json").read_text())
for entry in listed:
    entry["version"], entry["relativeLocation"] = "0.9.0", old.rpartition("/")[2]
(home / extensions / "extensions.json").write_text(json.dumps(listed))

own("git", ".local/state/devcopilot/gitconfig", b"[core]\n\tpager = cat\n")
own("ssh", ".local/state/devcopilot/ssh/list", b"no longer written")
own("gone", ".config/gone/file", b"of a step that is gone")
(home / ".local/state/devcopilot/ssh/ssh_host_ecdsa_key").write_bytes(b"no longer used")
(home / "mine").write_text("the user's own\n")
ledger_file.write_text(json.dumps(ledger))
for folder, _, files in os.walk(home):
    for name in (folder, *(f"{folder}/{file}" for file in files)):
        os.chown(name, 1000, 1000)
home.chmod(0o755)
"""
"""Turns a home of today, mounted at /v, into one of an earlier version of image and agent."""


TEMPORARY = "/dev/shm/devcopilot-{}/home"
"""The home while the real one is no use; ssh and the IDE have the same."""


@pytest.fixture
def volume() -> Iterator[str]:
    """A volume, gone at the end."""
    name = f"dev8-test-{uuid.uuid4().hex[:8]}"
    docker("volume", "create", name)
    yield name
    docker("volume", "rm", name)


def change(volume: str, program: str, script: str) -> None:
    """Run a script as root with the volume at /v, where the image has nothing to copy into it."""
    docker("run", "--rm", "--user", "0", "--entrypoint", program, "-v", f"{volume}:/v", BASE,
           "-c", script)  # fmt: skip


def workspace(volume: str, login: Login, *options: str, copy: str = ":nocopy") -> Recipe:
    """Return how to run a workspace whose home is this volume."""
    home = ("-v", f"{volume}:/home/dev8{copy}", "-e", f"SSH_PUBLIC_KEY={login.public}")
    return Recipe(MVP, (*STRICT, *home, *options))


def find_warnings(box: Container) -> list[str]:
    return [event["message"] for event in box.events() if event["level"] in ("warning", "error")]


def assert_works(box: Container, login: Login, home: str = "/home/dev8") -> None:
    """Everything answers, and a person gets in and is at home."""
    box.wait_ready()
    assert answers_http(box.ide_port)
    assert login.run(box, "cd; pwd").strip() == home


@pytest.mark.parametrize("case", EMPTY)
def test_an_empty_volume_becomes_the_home(volume: str, login: Login, case: str) -> None:
    script, options = EMPTY[case]
    change(volume, "sh", script)
    with running(workspace(volume, login, *options)) as box:
        assert_works(box, login)
        assert find_warnings(box) == []
        login.run(box, "echo mine >~/mine")
        before = login.run(box, KEPT)
    with running(workspace(volume, login, *options)) as box:
        assert_works(box, login)
        assert find_warnings(box) == []
        assert login.run(box, KEPT) == before


def test_a_volume_that_docker_fills_from_the_image_serves_first_one_uid_then_another(
    volume: str, login: Login
) -> None:
    with running(workspace(volume, login, *ANY_UID, copy="")) as box:
        assert_works(box, login)
        assert find_warnings(box) == []
        assert ".bashrc" in login.run(box, "ls -A")
    with running(workspace(volume, login)) as box:
        assert_works(box, login, TEMPORARY.format(1000))
        (warning,) = find_warnings(box)
        assert "of another uid than 1000" in warning
        assert "chown -R 1000:1000 /home/dev8" in warning


def test_a_volume_of_root_is_one_line_and_a_temporary_home(volume: str, login: Login) -> None:
    change(volume, "sh", "chown 0:0 /v; chmod 755 /v")
    with running(workspace(volume, login)) as box:
        assert_works(box, login, TEMPORARY.format(1000))
        (warning,) = find_warnings(box)
        assert "chown -R 1000:1000 /home/dev8" in warning


def test_a_uid_outside_group_0_is_told_what_mends_it(login: Login) -> None:
    options = ("--user", "12345:12345", "-e", f"SSH_PUBLIC_KEY={login.public}")
    with running(Recipe(MVP, (*NO_PRIVILEGES, *options))) as box:
        assert_works(box, login, TEMPORARY.format(12345))
        home, folder = find_warnings(box)
        for warning, path in ((home, "/home/dev8"), (folder, "/workspace")):
            assert f"{path}: it belongs to uid 1000" in warning
            assert "--user 12345:0" in warning


@pytest.mark.parametrize("ledger", ["old", "damaged"])
def test_a_home_of_an_earlier_version_is_brought_up_to_date(
    volume: str, login: Login, ledger: str
) -> None:
    with running(workspace(volume, login, copy="")) as box:
        assert_works(box, login)
    change(volume, "/opt/devcopilot/bin/python", AGE)
    if ledger == "damaged":
        change(volume, "sh", "echo '{ not json' >/v/.local/state/devcopilot/owned.json")
    before = read(volume, KEPT.replace("/home/dev8", "/v").replace("~", "/v"))
    with running(workspace(volume, login)) as box:
        assert_works(box, login)
        assert find_warnings(box) == []
        assert login.run(box, KEPT).strip() == before
        assert "pager" not in login.run(box, f"cat {STATE}/gitconfig")
        extensions = login.run(box, "cat .vscode-server/extensions/extensions.json")
        assert extensions.count('"version"') == 1
        assert "0.9.0" not in extensions
        left = login.run(box, f"ls .vscode-server/extensions/*/package.json {STATE}/ssh/list "
                              "~/.config/gone/file 2>/dev/null; true").split()  # fmt: skip
        assert "/home/dev8/.config/gone/file" in left, "nobody knows what it is for"
        ours = [path for path in left if "0.9.0" in path or path.endswith("ssh/list")]
        assert bool(ours) == (ledger == "damaged"), "what is not known to be ours stays"


def read(volume: str, script: str) -> str:
    """Return what a script prints that finds the volume at /v."""
    return docker("run", "--rm", "--user", "0", "--entrypoint", "sh", "-v", f"{volume}:/v", BASE,
                  "-c", script)  # fmt: skip
