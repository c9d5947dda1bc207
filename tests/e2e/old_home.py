"""A home folder as the bash entrypoint left it behind, with what people did in it."""

import gzip
import io
import json
import subprocess
import tarfile
from collections.abc import Mapping
from pathlib import Path

from tests.e2e.conftest import WORKSPACE_UID
from tests.worlds.containers import DOCKER, Container

HOME = "/home/dev8"

STALE = {
    "ANTHROPIC_API_KEY": "sk-ant-stale-0123456789",
    "OPENAI_API_KEY": "sk-stale-openai-0123456789",
    "GITHUB_TOKEN": "ghp_stale000000000000000000000000000001",
}
BASHRC = "# ~/.bashrc\nalias gs='git status'\n"
BACKUP = ".backups/workspace-20250101_000000.tar.gz"


def make_key(path: Path) -> str:
    """Make a private key and return it."""
    subprocess.run(["ssh-keygen", "-q", "-t", "rsa", "-N", "", "-f", path], check=True)
    return path.read_text()


def list_files(private_key: str, authorized_key: str) -> dict[str, tuple[int, bytes]]:
    """Return mode and content of each file; `private_key` came with its line breaks as \\n."""
    exports = "".join(
        f"export {name}='{STALE[name]}'\n" for name in ("ANTHROPIC_API_KEY", "OPENAI_API_KEY")
    )
    escaped = private_key.replace("\n", "\\n")
    files = {
        ".bashrc": (BASHRC + exports * 3, 0o644),
        ".profile": (f"export GITHUB_TOKEN={STALE['GITHUB_TOKEN']}\n", 0o644),
        ".ssh/id_rsa": (f"{escaped}\n", 0o600),
        ".ssh/id_rsa.pub": ("", 0o644),
        ".ssh/authorized_keys": (f"{authorized_key}\n", 0o600),
        ".config/code-server/config.yaml": (
            "bind-addr: 0.0.0.0:8080\nauth: password\npassword: dev8dev\ncert: false\n",
            0o600,
        ),
        ".local/share/code-server/User/settings.json": (
            json.dumps({
                "workbench.colorTheme": "Default Dark+",
                "terminal.integrated.defaultProfile.linux": "bash",
                "github.copilot.enable": {"*": True},
            }),
            0o600,
        ),
        ".gitconfig": (
            "[user]\n\tname = Old Name\n\temail = old@example.com\n"
            "[credential]\n\thelper = store\n",
            0o644,
        ),
        ".git-credentials": (f"https://octo:{STALE['GITHUB_TOKEN']}@github.com\n", 0o600),
        ".config/gh/hosts.yml": (
            "github.com:\n    user: octo\n"
            f"    oauth_token: {STALE['GITHUB_TOKEN']}\n    git_protocol: https\n",
            0o600,
        ),
    }  # fmt: skip
    found = {name: (mode, text.encode()) for name, (text, mode) in files.items()}
    return {**found, BACKUP: (0o644, gzip.compress(b"a workspace"))}


def put_files(box: Container, files: Mapping[str, tuple[int, bytes]]) -> None:
    """Put files into the home of a container that is not started yet."""
    buffer = io.BytesIO()
    folders = sorted({path for name in files for path in Path(name).parents})
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for folder in folders:
            entry = _make_entry(str(folder), 0o700 if folder.name == ".ssh" else 0o755)
            entry.type = tarfile.DIRTYPE
            archive.addfile(entry)
        for name, (mode, content) in files.items():
            entry = _make_entry(name, mode)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    argv = [DOCKER, "cp", "-", f"{box.name}:{HOME}"]
    subprocess.run(argv, input=buffer.getvalue(), check=True, capture_output=True)


def _make_entry(name: str, mode: int) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.mode = mode
    entry.uid = entry.gid = WORKSPACE_UID
    return entry


def read_files(box: Container) -> dict[str, tuple[int, bytes]]:
    """Return mode and content of every file in the home."""
    done = subprocess.run(
        [DOCKER, "cp", f"{box.name}:{HOME}/.", "-"], check=True, capture_output=True
    )
    found = {}
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
        for entry in archive:
            file = archive.extractfile(entry) if entry.isfile() else None
            if file:
                found[entry.name.removeprefix("./")] = (entry.mode & 0o7777, file.read())
    return found
