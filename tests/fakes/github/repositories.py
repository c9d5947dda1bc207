"""Real repositories behind `git http-backend`. https://git-scm.com/docs/git-http-backend"""

import subprocess
from collections.abc import Mapping
from pathlib import Path


def make_repository(root: Path, name: str) -> Path:
    """Make the bare repository root/NAME.git with one commit and return its path."""
    path = root / f"{name}.git"
    identity = {"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@example.com",
                "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@example.com",
                "GIT_CONFIG_NOSYSTEM": "1", "HOME": "/nonexistent", "PATH": "/usr/bin:/bin",
                "GIT_DIR": str(path)}  # fmt: skip

    def git(*words: str) -> str:
        done = subprocess.run(["git", *words], check=True, env=identity, capture_output=True)
        return done.stdout.decode().strip()

    git("init", "-q", "--bare", "--initial-branch", "main", str(path))
    tree = git("hash-object", "-w", "-t", "tree", "/dev/null")
    git("update-ref", "refs/heads/main", git("commit-tree", "-m", "first", tree))
    return path


def run_backend(
    root: Path, request: Mapping[str, str], body: bytes
) -> tuple[int, dict[str, str], bytes]:
    """Run git's CGI program; return status, headers and content of its answer."""
    environ = {"GIT_PROJECT_ROOT": str(root), "GIT_HTTP_EXPORT_ALL": "1", "PATH": "/usr/bin:/bin",
               "GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "safe.directory",
               "GIT_CONFIG_VALUE_0": "*", **request}  # fmt: skip
    done = subprocess.run(
        ["git", "http-backend"], input=body, env=environ, capture_output=True, check=False
    )
    head, _, content = done.stdout.partition(b"\r\n\r\n")
    pairs = (line.partition(": ") for line in head.decode().split("\r\n") if line)
    headers = {name: value for name, _, value in pairs}
    return int(headers.pop("Status", "200").split()[0]), headers, content
