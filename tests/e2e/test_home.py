"""The home on a volume: an empty one however a platform made it, and one of an earlier version."""

import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import Login
from tests.worlds.containers import (
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
from tests.worlds.shares import fixed_share

STRICT = (*NO_PRIVILEGES, "--read-only", "-v", "/workspace", "-v", "/tmp")
STATE = "/home/dev8/.local/state/devcopilot"
KEPT = f"cat {STATE}/ssh/ssh_host_ed25519_key.pub {STATE}/code-server/password ~/mine"

EMPTY = {
    "of-the-user": ("chown 1000:1000 /v; chmod 755 /v", ()),
    "private": ("chown 1000:1000 /v; chmod 700 /v", ()),
    "umask-002": ("chown 1000:1000 /v; chmod 775 /v", ()),
    "opened-to-a-group": ("chown 1000:2000 /v; chmod 2775 /v", ("--group-add", "2000")),
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
"""The home while the real one is no use; ssh and the editor have the same."""


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
        assert box.warnings() == []
        login.run(box, "echo mine >~/mine")
        before = login.run(box, KEPT)
    with running(workspace(volume, login, *options)) as box:
        assert_works(box, login)
        assert box.warnings() == []
        assert login.run(box, KEPT) == before


def test_a_volume_that_docker_fills_from_the_image_serves_first_one_uid_then_another(
    volume: str, login: Login
) -> None:
    with running(workspace(volume, login, *ANY_UID, copy="")) as box:
        assert_works(box, login)
        assert box.warnings() == []
        assert ".bashrc" in login.run(box, "ls -A")
    with running(workspace(volume, login)) as box:
        assert_works(box, login, TEMPORARY.format(1000))
        (warning,) = box.warnings()
        assert "belong to another uid than 1000" in warning
        assert "chown -R 1000:1000 /home/dev8" in warning


def test_a_volume_of_root_is_one_line_and_a_temporary_home(volume: str, login: Login) -> None:
    change(volume, "sh", "chown 0:0 /v; chmod 755 /v")
    with running(workspace(volume, login)) as box:
        assert_works(box, login, TEMPORARY.format(1000))
        (warning,) = box.warnings()
        assert "chown -R 1000:1000 /home/dev8" in warning


HOST_KEY = "sha256sum /dev/shm/devcopilot-1000/ssh/ssh_host_ed25519_key"
IDENTITY = ("-e", "GIT_USER_NAME=Ada Lovelace")


@pytest.mark.parametrize("owner", [1000, 0], ids=["ours", "of-root"])
def test_a_share_with_fixed_modes_becomes_the_home(
    tmp_path: Path, login: Login, owner: int
) -> None:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / "key"],
                   check=True, timeout=120)  # fmt: skip
    key = ("-e", f"SSH_PRIVATE_KEY={(tmp_path / 'key').read_text()}")
    with fixed_share(tmp_path, owner) as share:
        home = ("-v", f"{share}:/home/dev8", "-e", f"SSH_PUBLIC_KEY={login.public}")
        recipe = Recipe(MVP, (*STRICT, *home, *IDENTITY, *key))
        seen = []
        for _ in range(2):
            with running(recipe) as box:
                assert_works(box, login)
                (warning,) = box.warnings()
                assert "file system of /home/dev8 gives every file mode 0777" in warning
                assert "file_mode=0700" in warning
                assert box.execute("git", "config", "user.name") == "Ada Lovelace"
                assert "/id_ed25519" in login.run(box, "ssh -G github.com | grep /dev/shm")
                public = login.run(box, "ssh-keygen -y -f /dev/shm/devcopilot-1000/ssh/id_ed25519")
                assert public.split()[1] in (tmp_path / "key.pub").read_text()
                assert '"changes": 0' in box.call("devcopilot", "configure").stderr
                seen.append(login.run(box, HOST_KEY))
        assert seen[0] == seen[1], "the host is known again"


def test_a_share_whose_fixed_modes_are_private_costs_nothing(tmp_path: Path, login: Login) -> None:
    with fixed_share(tmp_path, 1000, 0o700) as share:
        home = ("-v", f"{share}:/home/dev8", "-e", f"SSH_PUBLIC_KEY={login.public}")
        with running(Recipe(MVP, (*STRICT, *home))) as box:
            assert_works(box, login)
            assert box.warnings() == []


@pytest.mark.parametrize("on_a_volume", [True, False])
def test_a_volume_deeper_in_the_home_is_one_line_and_the_rest_works(
    volume: str, login: Login, on_a_volume: bool
) -> None:
    change(volume, "sh", "chown 1000:1000 /v")
    deeper = ("-v", "/home/dev8/.local/share/code-server/extensions", *IDENTITY)
    plain = (*NO_PRIVILEGES, "-e", f"SSH_PUBLIC_KEY={login.public}", *deeper)
    recipe = workspace(volume, login, *deeper) if on_a_volume else Recipe(MVP, plain)
    seen = []
    for _ in range(2 if on_a_volume else 1):
        with running(recipe) as box:
            assert_works(box, login)
            (warning,) = box.warnings()
            assert "cannot write /home/dev8/.local" in warning
            assert "chown -R 1000:1000 /home/dev8/.local" in warning
            assert box.execute("git", "config", "user.name") == "Ada Lovelace"
            assert login.run(box, "git config user.name") == "Ada Lovelace\n"
            data = box.execute("sh", "-c", "ls -d ~/.devcopilot/code-server/data/*")
            assert data, "the editor has a place for its settings"
            seen.append(login.run(box, HOST_KEY))
    assert len(set(seen)) == 1, "the host is known again"


def test_a_host_key_that_a_power_cut_emptied_is_made_anew(volume: str, login: Login) -> None:
    key = ".local/state/devcopilot/ssh/ssh_host_ed25519_key"
    change(volume, "sh", "chown 1000:1000 /v")
    with running(workspace(volume, login)) as box:
        assert_works(box, login)
    change(volume, "sh", f": >/v/{key}")
    with running(workspace(volume, login)) as box:
        assert_works(box, login)
        (warning,) = box.warnings()
        assert f"the ssh host key /home/dev8/{key} is damaged" in warning
        new = login.run(box, HOST_KEY)
    with running(workspace(volume, login)) as box:
        assert_works(box, login)
        assert box.warnings() == []
        assert login.run(box, HOST_KEY) == new


@pytest.mark.parametrize(
    ("limit", "fill"),
    [
        ("size=1m", "head -c 2m /dev/zero >/home/dev8/full 2>/dev/null"),
        ("nr_inodes=6", "touch /home/dev8/1 /home/dev8/2 /home/dev8/3 /home/dev8/4 /home/dev8/5"),
    ],
    ids=["bytes", "inodes"],
)
def test_a_full_home_lets_people_in(login: Login, limit: str, fill: str) -> None:
    options = (
        *("--tmpfs", f"/home/dev8:uid=1000,gid=1000,{limit}", "--entrypoint", "sh"),
        *("-e", f"SSH_PUBLIC_KEY={login.public}", *IDENTITY),
    )
    script = f"{fill}; exec /usr/local/bin/devcopilot run"
    with running(Recipe(MVP, options, ("-c", script))) as box:
        assert_works(box, login)
        assert login.run(box, "git config user.name") == "Ada Lovelace\n"
        found = [text for text in box.warnings() if "state folder" in text]
        assert len(found) == 1
        assert "No space left on device" in found[0]
        assert not [text for text in box.warnings() if "sshd" in text]


def test_a_uid_outside_group_0_is_told_what_mends_it(login: Login) -> None:
    options = ("--user", "12345:12345", "-e", f"SSH_PUBLIC_KEY={login.public}")
    with running(Recipe(MVP, (*NO_PRIVILEGES, *options))) as box:
        assert_works(box, login, TEMPORARY.format(12345))
        home, folder = box.warnings()
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
        assert box.warnings() == []
        assert login.run(box, KEPT).strip() == before
        assert "pager" not in login.run(box, f"cat {STATE}/gitconfig")
        extensions = login.run(box, "cat .vscode-server/extensions/extensions.json")
        assert extensions.count('"version"') == 2, "the defaults and the companion"
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
