"""Whether code of a repository may run: one decision for hooks, extensions, editor and AI tools.

Whoever starts the container decides with DEV8_TRUST, or leaves it to the user (`ask`). The user's
answer holds for the files that were there: when one of them changes, they are asked again. It is
kept in the state folder, so a new container on the same volume knows it. What a hook calls can be
anything in the repository, such as `npm install`: the files only decide when to ask again.
"""

import contextlib
import hashlib
import os
from collections import deque
from collections.abc import Iterator, Mapping
from enum import StrEnum
from itertools import islice
from pathlib import Path

from agent.machine.errors import AgentError, Problem
from agent.machine.light.files import SETTINGS, read_file
from agent.machine.light.human import list_some
from agent.machine.records.documents import STATE, Document, read_texts
from agent.machine.values import frozen
from agent.settings.context import Context
from agent.settings.repository import OURS
from agent.tools.all import TOOLS
from agent.tools.checkouts import has_left_files

NAMES = (
    ".devcontainer.json",
    *(f".vscode/{name}.json" for name in ("settings", "tasks", "launch", "extensions", "mcp")),
    *(name for tool in TOOLS for name in tool.project if not name.endswith("/")),
)
"""Files in which a repository can name commands, extensions or servers."""
SUFFIX = ".code-workspace"
TREES = (
    ".devcontainer",  # its scripts are what hooks usually call
    *(name.rstrip("/") for tool in TOOLS for name in tool.project if name.endswith("/")),
)
"""Folders all of whose files count."""
MOST, DEEPEST = 500, 4
"""Files and folders of a tree that are looked at, and how deep."""
UNSEEN = "!"
"""Begins a print that says why the content was not looked at: it can never be trusted."""
APART = ("lost+found", OURS)
"""What a volume and the agent put into an empty workspace."""

Prints = Mapping[str, str]
"""Name below the folder -> hash of the content."""


class Verdict(StrEnum):
    """Whether code of a folder may run."""

    OFF = "off"
    ASK = "ask"
    TRUSTED = "trusted"


ANSWERS = Document[dict[str, dict[str, str]]](
    STATE, "life/trust.json", "folders that the user trusts, with the files they saw",
    read_texts, dict,
)  # fmt: skip


def find_verdict(context: Context, folder: Path) -> Verdict:
    """Return whether code of this folder may run. A file that cannot be read counts as changed."""
    given = Verdict(context.settings.hooks.trust)
    if given is not Verdict.ASK:
        return given
    known = ANSWERS.read(context.facts).get(find_key(folder))
    prints = take_prints(context, folder)
    is_same = known == prints and not find_unseen(prints)
    return Verdict.TRUSTED if is_same else Verdict.ASK


def needs_question(context: Context, folder: Path) -> bool:
    """Return whether the user has to be asked: an empty folder has nothing to trust."""
    return find_verdict(context, folder) is Verdict.ASK and _has_content(folder)


def explain(context: Context, folder: Path) -> Problem | None:
    """Return why code of this folder does not run, and what changes that; None if it may run."""
    verdict = find_verdict(context, folder)
    if verdict is Verdict.TRUSTED:
        return None
    if verdict is Verdict.OFF:
        return Problem("DEV8_TRUST=off: code of a repository never runs", "set DEV8_TRUST=ask")
    known, prints = ANSWERS.read(context.facts).get(find_key(folder)), take_prints(context, folder)
    command = f"devcopilot trust {folder}"
    if unseen := find_unseen(prints):
        return Problem(f"cannot trust {folder}: {unseen[0]}", "fix it, or set DEV8_TRUST=trusted")
    if known is None:
        return Problem(f"{folder} is not trusted yet", f"if you trust its code: {command}")
    changed = list_some(find_changes(known, prints))
    return Problem(
        f"{folder} changed since you trusted it: {changed}", f"look at it, then: {command}"
    )


def give(context: Context, folder: Path) -> list[str]:
    """Trust a folder as it is now; return the names that are new or differ from those seen before.

    Raises AgentError if DEV8_TRUST forbids it or a file cannot be read, and OSError.
    """
    if context.settings.hooks.trust == Verdict.OFF:
        raise AgentError(
            Problem(
                "cannot trust a folder: DEV8_TRUST=off", "start the container with DEV8_TRUST=ask"
            )
        )
    prints = take_prints(context, folder)
    if unseen := find_unseen(prints):
        raise AgentError(*(Problem(f"cannot trust {folder}: {cause}") for cause in unseen))
    answers = ANSWERS.read(context.facts)
    changed = find_changes(answers.get(find_key(folder), {}), prints)
    ANSWERS.write(context.facts, {**answers, find_key(folder): dict(prints)})
    return changed


@frozen
class Seen:
    """A trusted folder as it was when its code began to run."""

    prints: Prints
    commit: bytes
    """What git has checked out; empty: nobody knows."""
    index: bytes
    """What git has of the files that can run code: a checkout writes it before it moves HEAD."""


def see(context: Context, folder: Path) -> Seen:
    """Return a folder as it is now."""
    # What is checked out meanwhile must not pass for what was there: first what git has.
    commit, index = _find_commit(context, folder), _read_index(context, folder)
    return Seen(take_prints(context, folder), commit, index)


def renew(context: Context, folder: Path, before: Seen) -> list[str]:
    """Go on trusting a folder that its own trusted code has changed; return the changed files.

    Not if another commit was checked out meanwhile, or is just now, or in part: what comes with
    that nobody has looked at.
    `before`: the folder when that code began. Raises OSError.
    """
    now = take_prints(context, folder)
    if find_unseen(now) or _may_have_checked_out(context, folder, before):
        return []
    answers = ANSWERS.read(context.facts)
    if answers.get(find_key(folder)) != before.prints:
        return []
    changed = find_changes(before.prints, now)
    if before.commit and has_left_files(context.facts, folder, changed):
        return []
    ANSWERS.write(context.facts, {**answers, find_key(folder): dict(now)})
    return changed


def take(context: Context, folder: Path) -> bool:
    """Trust a folder no more; return whether the user trusted it. Raises OSError."""
    answers = ANSWERS.read(context.facts)
    if answers.pop(find_key(folder), None) is None:
        return False
    ANSWERS.write(context.facts, answers)
    return True


def _may_have_checked_out(context: Context, folder: Path, before: Seen) -> bool:
    """Tell whether git has brought files since then.

    A checkout locks the index, writes the files, replaces the index by its lock and moves HEAD. So
    whoever looks in this order misses none that has written a file.
    """
    return (
        _is_checking_out(context, folder)
        or _read_index(context, folder) != before.index
        or _find_commit(context, folder) != before.commit
    )


def _read_index(context: Context, folder: Path) -> bytes:
    """Return the objects of the files that can run code, as git has them; nothing: it has none."""
    chosen = filter(None, [context.settings.hooks.devcontainer])
    names = [*(f":(literal){name}" for name in (*NAMES, *chosen, *TREES)), f":(glob)*{SUFFIX}"]
    words = ("git", "-C", str(folder), "-c", "core.fsmonitor=false", "ls-files", "--stage", "-z")
    done = context.facts.run((*words, "--", *names))
    return done.stdout if done.returncode == 0 else b""


def _is_checking_out(context: Context, folder: Path) -> bool:
    """Tell whether git writes files just now."""
    done = context.facts.run(("git", "-C", str(folder), "rev-parse", "--git-path", "index.lock"))
    lock = folder / os.fsdecode(done.stdout.removesuffix(b"\n"))
    return done.returncode == 0 and os.path.lexists(lock)


def _find_commit(context: Context, folder: Path) -> bytes:
    done = context.facts.run(("git", "-C", str(folder), "rev-parse", "HEAD"))
    return done.stdout if done.returncode == 0 else b""


# --- the files ---


def find_key(folder: Path) -> str:
    """Return the name under which a folder is remembered, whatever links lead to it."""
    return os.path.realpath(folder)


def take_prints(context: Context, folder: Path) -> Prints:
    """Return the prints of the files that can run code. Links out of the folder are not followed.

    Such a link counts with where it leads: what is there is not the repository's.
    """
    top = Path(find_key(folder))
    found: dict[str, str] = {}
    chosen = filter(None, [context.settings.hooks.devcontainer])
    workspaces = _list_workspaces(top)
    if len(workspaces) > MOST:
        found[f"*{SUFFIX}"] = f"{UNSEEN}there are more than {MOST} such files"
        workspaces = []
    for name in sorted({*NAMES, *chosen, *workspaces}):
        if value := _take_print(top, name):
            found[name] = value
    for tree in TREES:
        found |= _take_tree(top, tree)
    return found


def _take_tree(top: Path, tree: str) -> dict[str, str]:
    """Return the prints of all files in a folder below a real one, also where it is a link."""
    real = Path(os.path.realpath(top / tree))
    if real != top and top not in real.parents:
        return {tree: f"-> {real}"}
    files, is_all = _list_tree(top, tree)
    found = {name: value for name in files if (value := _take_print(top, name))}
    if not is_all:
        found[tree] = f"{UNSEEN}it holds more than {MOST} files, or more than {DEEPEST} levels"
    return found


def find_unseen(prints: Prints) -> list[str]:
    """Return a sentence for each file that could not be looked at."""
    return [f"{name}: {value[1:]}" for name, value in prints.items() if value.startswith(UNSEEN)]


def find_changes(known: Prints, prints: Prints) -> list[str]:
    """Return the names of files that were added, changed or removed."""
    return sorted(name for name in {*known, *prints} if known.get(name) != prints.get(name))


def _take_print(top: Path, name: str) -> str | None:
    """Return the print of a file below a real folder, or None if there is nothing."""
    path = top / name
    real = Path(os.path.realpath(path))
    if top not in real.parents:
        return f"-> {real}" if os.path.lexists(path) else None
    try:
        return hashlib.sha256(read_file(real, SETTINGS)).hexdigest()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        return f"{UNSEEN}{error.strerror}"


def _list_workspaces(top: Path) -> list[str]:
    """Return the workspace files among all in a folder, at most one more than may be looked at."""
    names = (entry.name for entry in _scan(top) if entry.name.endswith(SUFFIX))
    return list(islice(names, MOST + 1))


def _list_tree(top: Path, tree: str) -> tuple[list[str], bool]:
    """Return the files below a tree that are looked at, and whether these are all."""
    files: list[str] = []
    waiting = deque([(tree, 1)])
    seen = 0
    while waiting:
        name, depth = waiting.popleft()
        for entry in islice(_scan(top / name), MOST + 1):
            seen += 1
            if seen > MOST or depth > DEEPEST:
                return files, False
            inner = f"{name}/{entry.name}"
            if entry.is_dir(follow_symlinks=False):
                waiting.append((inner, depth + 1))
            else:
                files.append(inner)
    return files, True


def _scan(folder: Path) -> Iterator["os.DirEntry[str]"]:
    """Yield what is in a folder, until it cannot be read."""
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        yield from entries


def _has_content(folder: Path) -> bool:
    return any(not entry.name.startswith(APART) for entry in _scan(folder))
