"""Backups as a person meets them: by themselves, by hand, at the stop; on a folder and on S3."""

import json
import re
import subprocess
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from tests.e2e import storage
from tests.e2e.conftest import NO_EDITOR, write_secret
from tests.e2e.storage import Storage
from tests.worlds import quick_key
from tests.worlds.backup_servers import SECRET, find_remote, name_to_rclone
from tests.worlds.containers import (
    ANY_UID,
    DOCKER,
    HARDENED,
    MVP,
    Container,
    Recipe,
    docker,
    running,
)
from tests.worlds.waiting import wait_until

PASSWORD = "a-password-of-the-control-plane"
LOCAL_REPOSITORY = "/backups/workspace"
MADE_PASSWORD = "/home/dev8/.local/state/devcopilot/backup/password"
LOCAL = ("-e", "BACKUP_DIR=/backups", "-e", "DEV8_BACKUP_SCHEDULE=off")


@contextmanager
def started(*options: str, published: bool = True) -> Iterator[Container]:
    """Run a workspace without an editor until the end; it is ready."""
    with running(Recipe(MVP, (*NO_EDITOR, *options), published=published)) as box:
        box.wait_ready()
        yield box


@contextmanager
def volumes(*names: str) -> Iterator[tuple[str, ...]]:
    """Make named volumes at these folders; yield the options that mount them."""
    made = {name: f"dev8-test-{uuid.uuid4().hex[:8]}" for name in names}
    try:
        yield tuple(word for name, volume in made.items() for word in ("-v", f"{volume}:{name}"))
    finally:
        for volume in made.values():
            docker("volume", "rm", "--force", volume)


def create(box: Container, *words: str) -> list[dict[str, object]]:
    """Make a backup; return what is told of each target."""
    rows: list[dict[str, object]] = json.loads(
        box.execute("devcopilot", "backup", "create", "--json", *words)
    )
    return rows


def quicken(box: Container, repository: str, password: str) -> None:
    """Give a repository in a container a key that is cheap to try; it is made as ever before.

    `password`: the file with it.
    """
    script = Path(quick_key.__file__).read_text()
    argv = [DOCKER, "exec", "--interactive", box.name, "/opt/devcopilot/bin/python", "-I", "-"]
    subprocess.run([*argv, repository, password], input=script, check=True, text=True, timeout=120)


QUICKEN_STORE = """
folder=$(mktemp -d)
printf %s "$2" >"$folder/password"
rclone copy "$1/keys" "$folder/keys"
/opt/devcopilot/bin/python -I - "$folder" "$folder/password"
rclone sync "$folder/keys" "$1/keys"
rm -r "$folder"
"""


def quicken_store(box: Container, store: Storage, place: str) -> None:
    """Do the same with a repository on a server, whose password is PASSWORD."""
    script = Path(quick_key.__file__).read_text()
    given = name_to_rclone(store.cloud, store.address)
    options = [word for item in given.items() for word in ("--env", "=".join(item))]
    argv = [DOCKER, "exec", "--interactive", *options, box.name, "sh", "-euc", QUICKEN_STORE, "sh"]
    words = (f"{find_remote(store.cloud)}/{place}", PASSWORD)
    subprocess.run([*argv, *words], input=script, check=True, text=True, timeout=120)


def find_snapshots(box: Container) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = json.loads(
        box.execute("devcopilot", "backup", "list", "--json")
    )
    return rows


def find_files(box: Container, snapshot: str = "latest") -> list[str]:
    """Return the paths in a snapshot, as the stock restic lists them.

    Without a lock, as whoever only reads: that of a scheduled check would refuse it.
    """
    words = ("ls", "--no-lock", snapshot)
    return box.execute("devcopilot", "backup", "restic", "--", *words).splitlines()


def test_a_backup_is_made_by_itself_and_at_the_stop() -> None:
    with volumes("/backups", "/home/dev8", "/workspace") as mounts:
        patient = ("-e", "DEV8_GRACE_PERIOD=60s", "--stop-timeout", "60")
        recipe = Recipe(MVP, (*NO_EDITOR, "-e", "BACKUP_DIR=/backups", *patient, *mounts))
        with running(recipe) as box:
            box.wait_ready()
            wait_until(lambda: len(find_snapshots(box)) == 1, "the first backup")
            box.execute("sh", "-c", "echo late >/workspace/late")
            _, code = box.stop()
            log = box.logs()
        assert code == 0
        assert "keep a copy of" in log
        assert "made the final backup" in log
        with running(recipe) as box:
            box.wait_ready()
            assert "/workspace/late" in find_files(box)
            assert len(find_snapshots(box)) == 2, "nothing was due: one had been made at the stop"


@pytest.mark.parametrize("how", [HARDENED, (*ANY_UID, *HARDENED)], ids=["hardened", "any-uid"])
def test_a_backup_works_wherever_the_workspace_does(how: tuple[str, ...]) -> None:
    with started(*how, *LOCAL, "-v", "/backups") as box:
        box.execute("sh", "-c", "mkdir /workspace/build && echo kept >/workspace/build/.env")
        (row,) = create(box)
        assert (row["problem"], row["missing"]) == (None, [])
        assert "/workspace/build/.env" in find_files(box)


def test_what_a_person_sees() -> None:
    with started(*LOCAL, "-v", "/backups", "-e", "DEV8_BACKUP_EXCLUDE=/data") as box:
        box.execute("sh", "-c", (
            "cd /workspace && mkdir cache data && echo x >data/x && echo x >cache/x && "
            "echo 'Signature: 8a477f597d28d172789f06886806bc55' >cache/CACHEDIR.TAG && "
            "echo x >closed && chmod 0 closed"
        ))  # fmt: skip
        done = box.call("devcopilot", "backup", "create")
        quicken(box, LOCAL_REPOSITORY, MADE_PASSWORD)
        assert done.returncode == 1, "something is missing"
        assert "missing: /workspace/closed" in done.stdout
        assert "skipped because of DEV8_BACKUP_EXCLUDE: /workspace/data" in done.stdout
        assert "skipped because of a CACHEDIR.TAG: /workspace/cache" in done.stdout
        box.execute("chmod", "600", "/workspace/closed")
        first, second = (
            box.call("devcopilot", "backup", "create"),
            box.call("devcopilot", "backup", "create"),
        )
        assert first.returncode == second.returncode == 0
        assert "nothing has changed since" in second.stdout
        table = box.execute("devcopilot", "backup", "list").splitlines()
        assert table[0].split() == ["ID", "TARGET", "MADE", "FILES", "SIZE", "ADDED", "KIND"]
        assert len(table) == 3
        files = find_files(box)
        assert "/workspace/closed" in files
        assert not [name for name in files if name in ("/workspace/data", "/workspace/cache/x")]


def test_secrets_stay_out_of_the_backup_and_away_from_everybody() -> None:
    variables = (
        "-e",
        f"DEV8_BACKUP_PASSWORD={PASSWORD}",
        "-e",
        "GITHUB_TOKEN=ghp_backup0123456789",
    )
    with running(Recipe(MVP, (*LOCAL, "-v", "/backups", *variables))) as box:
        box.wait_ready()
        box.execute("sh", "-c", "mkdir -p ~/.ssh ~/.config/gh && touch ~/.ssh/id_rsa ~/.ssh/config")
        create(box)
        home = [name for name in find_files(box) if name.startswith("/home")]
        assert "/home/dev8/.ssh/config" in home
        assert not [name for name in home if name.endswith(("hosts.yml", "id_rsa", "password"))]
        script = "cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline | tr '\\0' '\\n'"
        assert PASSWORD not in docker("exec", "--user", "0", "--env", "DEV8_BACKUP_PASSWORD=",
                                      box.name, "sh", "-c", script)  # fmt: skip
        assert PASSWORD not in box.logs()


@pytest.mark.parametrize("name", storage.SERVERS)
def test_a_store_takes_a_backup_and_the_stock_restic_reads_it(name: str, tmp_path: Path) -> None:
    word = write_secret(tmp_path / "word", PASSWORD)
    variables = ("-v", f"{word}:/run/secrets/word:ro", "-e", "ENVIRONMENT_ID=env-7",
                 "-e", f"DEV8_BACKUP_PASSWORD={PASSWORD}")  # fmt: skip
    with storage.SERVERS[name]() as server:
        options = (*server.options, *variables, *LOCAL, "-v", "/backups")
        with started(*options, published=False) as box:
            box.execute("sh", "-c", "echo kept >/workspace/file")
            rows = create(box)
            cloud = server.cloud
            assert {row["target"]: row["problem"] for row in rows} == {"local": None, cloud: None}
            quicken(box, "/backups/env-7", "/run/secrets/word")
            quicken_store(box, server, "backups/env-7")
            assert {row["target"] for row in find_snapshots(box)} == {"local", cloud}
            stock = ("devcopilot", "backup", "restic", "--target", cloud, "--")
            assert box.execute(*stock, "dump", "latest", "/workspace/file") == "kept"
            (snapshot,) = json.loads(box.execute(*stock, "snapshots", "--json"))
            kind, workspace = snapshot["tags"]
            assert (snapshot["hostname"], kind) == ("env-7", "devcopilot")
            assert re.fullmatch(r"workspace-[0-9a-f]{16}", workspace)
            assert box.call(*stock, "check", "--read-data").returncode == 0
            restore_and_care(box, cloud)


def restore_and_care(box: Container, target: str) -> None:
    """Do on a target what follows a backup, each as a person would."""
    on_it = ("--target", target)
    box.execute("sh", "-c", "echo changed >/workspace/file && touch /workspace/more")
    (row,) = create(box, *on_it)
    first = next(item for item in find_snapshots(box) if item["target"] == target)
    box.execute("devcopilot", "backup", "restore", str(first["id"]), "--yes", *on_it)
    assert box.execute("sh", "-c", "cat /workspace/file; ls /workspace") == "kept\nfile"
    box.execute("devcopilot", "backup", "undo", "--yes")
    assert box.execute("sh", "-c", "cat /workspace/file; ls /workspace") == "changed\nfile\nmore"
    box.execute("devcopilot", "backup", "restore", "--path", "file", "--to", "/tmp/x", *on_it)
    assert box.execute("cat", "/tmp/x") == "changed"
    for verb in ("prune", "verify"):
        (row,) = json.loads(box.execute("devcopilot", "backup", verb, "--json", *on_it))
        assert row["problem"] is None, row
    assert row["finding"] is None
    assert box.execute("devcopilot", "backup", "key", "add", *on_it)


def test_secrets_of_a_store_come_as_files(tmp_path: Path) -> None:
    word = write_secret(tmp_path / "word", PASSWORD + "\n")
    secret = write_secret(tmp_path / "secret", SECRET + "\n")
    options = (
        *("-v", f"{word}:/run/secrets/word:ro", "-v", f"{secret}:/run/secrets/s3:ro"),
        *("-e", "DEV8_BACKUP_PASSWORD_FILE=/run/secrets/word", "-e", "DEV8_BACKUP_SCHEDULE=off"),
        *("-e", "DEV8_BACKUP_S3_SECRET_ACCESS_KEY=", "-e"),
        "DEV8_BACKUP_S3_SECRET_ACCESS_KEY_FILE=/run/secrets/s3",
    )
    with (
        storage.serving_s3_by_rclone() as server,
        started(*server.options, *options, published=False) as box,
    ):
        (row,) = create(box)
        assert row["problem"] is None


@pytest.mark.parametrize(("change", "cause"), [
    ({"DEV8_BACKUP_S3_SECRET_ACCESS_KEY": "wrong-secret-000"}, "does not match the signature"),
    ({"AWS_S3_BUCKET": "no-such-bucket"}, "bucket does not exist"),
])  # fmt: skip
def test_what_will_not_get_better_is_told_at_once(change: dict[str, str], cause: str) -> None:
    with storage.serving_s3_by_rclone() as server:
        options = replace(server, variables={**server.variables, **change}).options
        word = ("-e", f"DEV8_BACKUP_PASSWORD={PASSWORD}", "-e", "DEV8_BACKUP_SCHEDULE=off")
        with started(*options, *word, published=False) as box:
            began = time.monotonic()
            done = box.call("devcopilot", "backup", "create")
            assert done.returncode == 1
            assert cause in done.stdout
            assert time.monotonic() - began < 300, "restic itself asks again for 15 minutes"


def test_another_password_is_told_and_makes_no_repository() -> None:
    with volumes("/backups") as mounts:
        for word, code, text in ((PASSWORD, 0, "added"), ("another", 1, "does not open")):
            options = ("-e", f"DEV8_BACKUP_PASSWORD={word}", *LOCAL, *mounts)
            with started(*options) as box:
                done = box.call("devcopilot", "backup", "create")
                assert (done.returncode, text in done.stdout) == (code, True), done


def test_a_store_that_falls_silent_is_given_up_at_the_stop() -> None:
    word = ("-e", f"DEV8_BACKUP_PASSWORD={PASSWORD}", "-e", "DEV8_BACKUP_SCHEDULE=off")
    with (
        storage.serving_s3_by_rclone() as server,
        started(*server.options, *word, published=False) as box,
    ):
        (row,) = create(box)
        box.execute("touch", "/workspace/late")
        with server.silent():
            _, code = box.stop()
        assert code == 0
        (event,) = [
            event
            for event in box.events()
            if "no time left for the final backup" in event["message"]
        ]
        assert event["last_backup"] == str(row["snapshot"])[:8]


def test_a_cloud_without_a_password_is_told_and_the_workspace_works() -> None:
    with running(Recipe(MVP, ("-e", "AWS_S3_BUCKET=bucket"))) as box:
        box.wait_ready()
        assert "no password is set" in box.logs()
        done = box.call("devcopilot", "backup", "create")
        assert done.returncode == 1
        assert "devcopilot backup key make" in done.stdout


def test_a_target_that_does_not_answer_is_given_up_and_no_process_is_left(tmp_path: Path) -> None:
    word = write_secret(tmp_path / "word", PASSWORD)
    options = (
        *("-v", f"{word}:/run/secrets/word:ro", "-e", "DEV8_BACKUP_SCHEDULE=off"),
        *("-e", "DEV8_BACKUP_PASSWORD_FILE=/run/secrets/word", "-e", "AWS_S3_BUCKET=bucket"),
        *("-e", "DEV8_BACKUP_S3_ENDPOINT=http://127.0.0.1:9000"),
        *("-e", "DEV8_BACKUP_S3_ACCESS_KEY_ID=K", "-e", "DEV8_BACKUP_S3_SECRET_ACCESS_KEY=S"),
    )
    with started(*options) as box:
        done = subprocess.run(
            [DOCKER, "exec", box.name, "devcopilot", "backup", "create"],
            capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip
        assert done.returncode == 1
        assert "connection refused" in done.stdout
        assert box.call("pgrep", "-x", "restic").returncode == 1
        _, code = box.stop()
        assert code == 0
        assert "no time left for the final backup" in box.logs()


def test_ctrl_c_is_clean() -> None:
    with started(*LOCAL, "-v", "/backups") as box:
        box.execute("sh", "-c", "head -c 100M /dev/urandom >/workspace/big")
        script = (  # env: what a shell starts in the background ignores ^C
            "env --default-signal=INT devcopilot backup create & "
            "until pgrep -x restic >/dev/null; do :; done; kill -INT $!; wait $!; echo code $?"
        )
        done = box.call("sh", "-c", script)
        assert "code 130" in done.stdout, done
        assert "cancelled" in done.stderr
        assert "Traceback" not in done.stderr
        assert box.call("pgrep", "-x", "restic").returncode == 1
        (row,) = create(box)
        assert row["problem"] is None


TWO_AT_ONCE = """
devcopilot backup create --json >/tmp/first &
first=$!
until pgrep -x restic >/dev/null; do :; done
kill -STOP "$first"
devcopilot backup create 2>/tmp/told &
second=$!
until grep -q waiting /tmp/told; do sleep 0.1; done
kill -CONT "$first"
wait "$second"
echo "second $?"
wait
cat /tmp/first
cat /tmp/told >&2
"""
"""The first is held up until the second has found it."""


def test_two_at_once_the_second_waits() -> None:
    with started(*LOCAL, "-v", "/backups") as box:
        create(box)
        quicken(box, LOCAL_REPOSITORY, MADE_PASSWORD)
        box.execute("touch", "/workspace/more")
        done = box.call("bash", "-c", TWO_AT_ONCE)
        assert "second 0" in done.stdout
        assert "nothing has changed since" in done.stdout
        assert "waiting up to 15 s: a backup is being made (process" in done.stderr
        assert len(find_snapshots(box)) == 2


ODD_TREE = r"""
import os, socket, sqlite3
os.chdir("/workspace")
for name in (b"plain", b"sp ace", b"new\nline", b"\xff\xfe", b"-dash", b"[a]*?", b"x" * 255,
             "\u00e9\u4e16".encode(), b".env", b"back\\slash", b"!bang", b"$HOME", b"#hash"):
    with open(name, "wb") as file:
        file.write(name * 100)
    os.utime(name, ns=(10**18, 10**18 + 123456789))
for name in ("dist", "build", "target", ".git/objects", "empty/deep"):
    os.makedirs(name)
    open(f"{name}/kept", "w").close()
os.remove("empty/deep/kept")
os.link("plain", "hard link")
os.symlink("plain", "link")
os.symlink("nowhere", "dangling")
os.symlink(b"\xff", b"odd link")
os.chmod("plain", 0o4751)
os.chmod("build", 0o2750)
os.setxattr("sp ace", "user.note", b"value")
os.mkfifo("pipe")
with open("sparse", "wb") as file:
    file.truncate(50 * 2**20)
    file.seek(10**7)
    file.write(b"data")
socket.socket(socket.AF_UNIX).bind("socket")
base = sqlite3.connect("app.db")
base.execute("PRAGMA journal_mode=wal")
base.execute("CREATE TABLE t (n)")
base.executemany("INSERT INTO t VALUES (?)", [(n,) for n in range(1000)])
base.commit()
os.utime("/workspace", ns=(10**18, 10**18))
"""


def test_a_new_container_gets_everything_back(tmp_path: Path) -> None:
    word = write_secret(tmp_path / "word", PASSWORD)
    given = ("-v", f"{word}:/run/secrets/word:ro", "-e",
             "DEV8_BACKUP_PASSWORD_FILE=/run/secrets/word", *LOCAL)  # fmt: skip
    with volumes("/backups", "/var/tmp") as mounts:
        own = ("-v", "/home/dev8", "-v", "/workspace")
        recipe = Recipe(MVP, (*NO_EDITOR, *given, *mounts, *own))
        with running(recipe) as box:
            box.wait_ready()
            box.execute("python3", "-c", ODD_TREE)
            box.execute("sh", "-c", "echo alias >~/.bash_aliases")
            box.execute("cp", "-a", "/workspace", "/var/tmp/judge", user="0")
            (row,) = create(box)
            quicken(box, LOCAL_REPOSITORY, "/run/secrets/word")
            assert row["missing"] == []
        with running(recipe) as box:
            box.wait_ready()
            box.execute("touch", "/workspace/extra")
            done = box.call("devcopilot", "backup", "restore", "--yes")
            assert done.returncode == 0, done
            judge = ("rsync", "-aHAXn", "--checksum", "--delete", "--itemize-changes")
            found = box.execute(*judge, "/var/tmp/judge/", "/workspace/", user="0")
            differing = found.splitlines()
            assert [line for line in differing if not line.startswith("cS") and "app.db" not in line
                    ] == []  # fmt: skip
            assert box.execute("cat", "/home/dev8/.bash_aliases") == "alias"
            script = "import sqlite3; b = sqlite3.connect('/workspace/app.db'); " \
                     "print(b.execute('PRAGMA integrity_check').fetchone()[0], " \
                     "b.execute('SELECT count(*) FROM t').fetchone()[0])"  # fmt: skip
            assert box.execute("python3", "-c", script) == "ok 1000"
            assert "safety" in box.execute("devcopilot", "backup", "list")
            box.execute("devcopilot", "backup", "undo", "--yes")
            assert box.execute("ls", "/workspace") == "extra"


def test_one_file_beside_and_a_folder_in_place() -> None:
    with started(*LOCAL, "-v", "/backups") as box:
        box.execute("sh", "-c", "mkdir -p /workspace/src /workspace/doc; cd /workspace; "
                                "echo one >src/a; echo one >doc/b")  # fmt: skip
        create(box)
        quicken(box, LOCAL_REPOSITORY, MADE_PASSWORD)
        box.execute("sh", "-c", "cd /workspace; echo two >src/a; echo two >doc/b; touch src/new")
        box.execute("devcopilot", "backup", "restore", "--path", "src/a", "--to", "/tmp/a")
        assert box.execute("cat", "/tmp/a", "/workspace/src/a").split() == ["one", "two"]
        asked = box.call("devcopilot", "backup", "restore", "--path", "src")
        assert asked.returncode == 2, "nobody can be asked here"
        shown = box.execute("devcopilot", "backup", "restore", "--path", "src", "--dry-run")
        assert "to delete: 1" in shown
        assert box.execute("cat", "/workspace/src/a") == "two"
        box.execute("devcopilot", "backup", "restore", "--path", "src", "--yes")
        assert box.execute("sh", "-c", "cat src/* doc/*; ls src").split() == ["one", "two", "a"]
