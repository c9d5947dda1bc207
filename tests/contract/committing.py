"""Somebody who works in a repository of git all the time: commits, repacks, branches, worktrees."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.worlds.programs import Awaited
from tests.worlds.waiting import wait_until

WORK = r"""
set -e
cd "$1"
number=0
while :; do
    number=$((number + 1))
    echo "$number" >"file$((number % 7))"
    head -c 3000 /dev/urandom >"noise$((number % 40))"
    git add -A
    git commit -qm "$number"
    case $((number % 12)) in
    3) git repack -adq ;;
    5) git checkout -q -B "branch$number" ;;
    7) git gc -q --prune=now ;;
    9) (cd "$2" && git commit -q --allow-empty -m "$number") ;;
    11) (cd inner && git commit -q --allow-empty -m "$number" && git repack -adq) ;;
    esac
    echo "$number" >"$3"
done
"""
IDENTITY = {
    "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_AUTHOR_NAME": "A", "GIT_AUTHOR_EMAIL": "a@example.com",
    "GIT_COMMITTER_NAME": "A", "GIT_COMMITTER_EMAIL": "a@example.com",
}  # fmt: skip


def git(folder: Path, *words: str) -> str:
    """Run git, which must succeed, and return what it says."""
    done = subprocess.run(
        ["git", "-c", "protocol.file.allow=always", *words], cwd=folder, check=False, text=True,
        env={**os.environ, **IDENTITY}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    assert done.returncode == 0, f"git {words}: {done.stdout}"
    return done.stdout


def make_repository(folder: Path) -> Path:
    """Make a repository with a submodule and a linked worktree beside it, and return the latter."""
    source = folder.with_name(f"{folder.name}-source")
    for path in (source, folder):
        path.mkdir()
        git(path, "init", "-qb", "main")
        git(path, "commit", "-q", "--allow-empty", "-m", "first")
    git(folder, "submodule", "-q", "add", str(source), "inner")
    git(folder, "commit", "-qam", "with a submodule")
    for number in range(300):
        (folder / f"noise{number}").write_bytes(os.urandom(2000))
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "much")
    worktree = folder.with_name(f"{folder.name}-worktree")
    git(folder, "worktree", "add", "-q", "--detach", str(worktree))
    return worktree


@contextmanager
def committing(folder: Path, worktree: Path, scratch: Path) -> Iterator[None]:
    """Have somebody work there meanwhile, and see that they did."""
    beat = scratch / "beat"
    argv = ["bash", "-c", WORK, "bash", str(folder), str(worktree), str(beat)]
    with Awaited(
        argv, env={**os.environ, **IDENTITY}, stdout=subprocess.DEVNULL, start_new_session=True
    ) as process:
        try:
            wait_until(beat.exists, "the first commit")
            before = beat.read_text()
            yield
            assert process.poll() is None
            wait_until(lambda: beat.read_text() != before, "another commit")
        finally:
            os.killpg(process.pid, 9)
            beat.unlink(missing_ok=True)
