"""Doctor and the support bundle in hardened containers that lack something."""

import gzip
import io
import json
import subprocess
import tarfile
from pathlib import Path
from typing import Any

from tests.worlds.containers import BASE, DOCKER, HARDENED, Container, Recipe, running
from tests.worlds.small_folder import small_volume
from tests.worlds.waiting import wait_until

KNOWN = {
    "GITHUB_TOKEN": "a-token-whose-shape-nobody-knows",
    "OPENAI_API_KEY": "openai-value-0123456789",
    "MY_OWN_PASSWORD": "mine-and-nobody-elses",
    "DATABASE_URL": "postgres://me:url-password-01@db/x",
}
UNKNOWN = "ghp_" + "a1B2" * 9
TALKER = f"""command = ["sh", "-c", "echo GET https://u:p4ssw0rd@h/ {UNKNOWN} \
$MY_OWN_PASSWORD; exec sleep 1d"]"""


def examine(box: Container, *names: str) -> dict[tuple[str, str], dict[str, Any]]:
    """Return what doctor finds, by check and part."""
    argv = [DOCKER, "exec", box.name, "devcopilot", "doctor", "--json", *names]
    done = subprocess.run(argv, check=False, capture_output=True, text=True, timeout=120)
    assert done.returncode in (0, 1), done.stderr
    return {(row["name"], row["part"]): row for row in json.loads(done.stdout)}


def test_what_a_container_lacks_is_told_with_what_fixes_it() -> None:
    options = (
        *HARDENED, "--network", "none", "--pids-limit", "100",
        "--memory", "300m", "--memory-swap", "300m",
        *small_volume("/workspace", megabytes=5), "-e", "BACKUP_DIR=/workspace/../home/dev8/b",
    )  # fmt: skip
    with running(Recipe(BASE, options)) as box:
        box.wait_ready()
        box.call("dd", "if=/dev/zero", "of=/workspace/filling", "bs=64k")
        box.call("sh", "-c", "head -c 1G /dev/zero | tail >/dev/null")  # one line, kept whole
        found = examine(box, "volumes", "disk", "memory", "limits", "network", "clock")
        assert found["disk", "the workspace"]["result"] == "fail"
        assert "is full" in found["disk", "the workspace"]["summary"]
        assert "du -xhd2 /workspace" in found["disk", "the workspace"]["fix"]
        assert found["volumes", "the workspace"]["result"] == "fail"
        assert "No space left" in found["volumes", "the workspace"]["summary"]
        assert "killed because the memory was used up" in found["memory", "kills"]["summary"]
        assert "--memory" in found["memory", "kills"]["fix"]
        assert found["limits", "processes"]["result"] == "warn"
        assert "--pids-limit" in found["limits", "processes"]["fix"]
        assert found["hosts", "github.com"]["result"] == "fail"
        assert "its name is not known here" in found["hosts", "github.com"]["summary"]
        assert found["clock", ""]["result"] == "unknown"


def test_a_backup_folder_is_tried_and_left_as_it_was() -> None:
    options = (*HARDENED, "-e", "BACKUP_DIR=/home/dev8/backups", "-e", "DEV8_BACKUP=false")
    with running(Recipe(BASE, options)) as box:
        box.wait_ready()
        row = examine(box, "backup-write")["backup-write", "local"]
        assert row["result"] == "ok", row
        assert row["facts"]["object"].startswith("/home/dev8/devcopilot-doctor-")
        assert "devcopilot-doctor" not in box.execute("ls", "-a", "/home/dev8")


def unpack(packed: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        files = {entry.name: archive.extractfile(entry) for entry in archive}
        return {name.partition("/")[2]: file.read() for name, file in files.items() if file}


def collect(*words: str) -> dict[str, bytes]:
    """Run a command that prints a bundle; no secret may be in it."""
    done = subprocess.run([DOCKER, *words], check=False, capture_output=True, timeout=120)
    assert done.returncode == 0, done.stderr
    plain = gzip.decompress(done.stdout)
    for secret in (*KNOWN.values(), UNKNOWN, "url-password-01", "p4ssw0rd"):
        assert secret.encode() not in plain
    return unpack(done.stdout)


def test_no_secret_is_in_a_bundle(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    (tmp_path / "talker.toml").write_text(TALKER)
    variables = [word for item in KNOWN.items() for word in ("-e", "=".join(item))]
    mount = ("-v", f"{tmp_path}:/etc/devcopilot/services.d:ro")
    options = (*HARDENED, "--network", "none", *variables, *mount)
    with running(Recipe(BASE, options)) as box:
        box.wait_ready()
        wait_until(lambda: "***" in box.logs(), "the service speaks")
        command = ("devcopilot", "support-bundle", "--out", "-")
        files = collect("exec", box.name, *command)
        assert b"https://***@h/ *** ***" in files["logs/recent"]
        rows = json.loads(files["manifest.json"])["members"]
        assert [row for row in rows if row["error"]] == []
        assert {row["part"] for row in json.loads(files["doctor.json"])["now"]} >= {"git", "sshd"}
        assert json.loads(files["services.json"])["registered"] == ["sshd", "talker"]
        box.execute("sh", "-c", "cd && devcopilot support-bundle --out it.tar.gz")
        assert box.execute("stat", "-c", "%a", "/home/dev8/it.tar.gz").strip() == "600"


def test_a_bundle_comes_where_no_agent_runs() -> None:
    variables = [word for item in KNOWN.items() for word in ("-e", "=".join(item))]
    files = collect(
        "run", "--rm", *HARDENED, "--network", "none", *variables, "-e", "DEV8_SSH_PORT=many",
        "--entrypoint", "devcopilot", BASE, "support-bundle", "--out", "-",
    )  # fmt: skip
    rows = {row["name"]: row for row in json.loads(files["manifest.json"])["members"]}
    assert "cannot read the settings" in rows["settings.json"]["error"]
    assert b"restic" in files["versions.json"]
