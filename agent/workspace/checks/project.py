"""Whether git takes the project's folders for the user's own."""

import shlex
from collections.abc import Iterator
from pathlib import Path

from agent.machine.system import Facts
from agent.settings.check import Check, Finding, Result
from agent.settings.context import Context
from agent.settings.project import find_folder

DUBIOUS = b"dubious ownership"
"""git's words: https://git-scm.com/docs/git-config#Documentation/git-config.txt-safedirectory"""
NONE = b"not a git repository"


def look(current: Context) -> Iterator[Finding]:
    """Yield a finding for the project, and for each repository that was to be cloned."""
    workspace, facts = current.settings.workspace.folder, current.facts
    if facts.which("git") is None:
        yield Finding(Result.SKIPPED, "git is not installed")
        return
    entries = current.settings.repositories.entries or ()
    wanted = [find_folder(current), *(workspace / entry.folder for entry in entries)]
    folders = dict.fromkeys(folder for folder in wanted if (folder / ".git").exists())
    for folder in folders:
        yield judge(folder, facts)
    if not folders:
        yield Finding(Result.SKIPPED, f"{wanted[0]} is no repository")


def judge(folder: Path, facts: Facts) -> Finding:
    """Return whether git works in a folder."""
    done = facts.run(["git", "-C", str(folder), "rev-parse", "--git-dir"])
    if done.returncode == 0:
        return Finding(Result.OK, f"git works in {folder}", part=str(folder))
    owner = facts.owner(folder)
    uid = owner[0] if owner else None
    if DUBIOUS in done.stderr:
        place = shlex.quote(str(folder))
        summary = f"git refuses {folder}: it belongs to uid {uid}, and you are uid {facts.uid}"
        fix = f"git config --global --add safe.directory {place}; or as root: " \
            f"chown -R {facts.uid} {place}"  # fmt: skip
        return Finding(Result.FAIL, summary, fix, {"owner": uid}, str(folder))
    if NONE in done.stderr:
        summary = f"{folder} has a .git that is no repository"
        return Finding(Result.FAIL, summary, f"git -C {folder} fsck, or clone it again",
                       part=str(folder))  # fmt: skip
    words = done.stderr.decode(errors="replace").strip()
    return Finding(Result.UNKNOWN, f"git fails in {folder}: {words[:200]}", part=str(folder))


CHECK = Check(
    "project", "Repositories", "whether git works in the project's folders: their owner", look,
    documents="docs/workspace.md",
)  # fmt: skip
