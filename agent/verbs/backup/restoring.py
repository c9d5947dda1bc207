"""What `restore` and `undo` share: preview, question, safety backup, result."""

import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from agent.backup import databases, preview, session, undo
from agent.backup.clearing import Scope
from agent.backup.creation import SAFETY
from agent.backup.preview import Preview
from agent.backup.restoration import Restorer, Result
from agent.backup.selection import Chosen
from agent.errors import AgentError, Problem
from agent.exits import Exit
from agent.follow import Listener, Message
from agent.restic import Snapshot
from agent.system import Facts
from agent.target import Target
from agent.verbs.backup import work
from agent.verbs.backup.progress import Progress
from agent.verbs.context import Context

MOST_SHOWN = 20


def make_restorer(current: Context, chosen: Chosen, listener: Listener) -> Restorer:
    """Return what restores from this snapshot."""
    copies = session.find_staging(current.facts)
    return Restorer(chosen, current.facts, copies, databases.put_in_place, listener)


def find_places(current: Context) -> tuple[Path, Path]:
    """Return where files are restored in place."""
    return find_workspace(current), Path(os.path.realpath(current.facts.home))


def find_workspace(current: Context) -> Path:
    """Return the workspace as backups name it: without links on the way."""
    return Path(os.path.realpath(current.settings.workspace.folder))


def look(current: Context, chosen: Chosen, scopes: Sequence[Scope]) -> Preview:
    """Return what a restore in place would change."""
    excludes = session.find_content(current.settings, current.facts).excludes
    return preview.look(chosen, scopes, [current.facts.state], excludes)


@contextmanager
def show_progress(title: str) -> Iterator[Listener]:
    """Yield the listener of a line of progress, which is gone afterwards."""
    line = Progress(sys.stderr, title)

    def listen(message: Message) -> None:
        if message.get("message_type") == "status":
            line.listen(message)

    try:
        yield listen
    finally:
        line.end()


def make_safety(current: Context, target: Target) -> Snapshot:
    """Make the backup that a restore is taken back with. Raises AgentError."""
    wishes = session.Wishes(tag=SAFETY, hooks=False)
    with show_progress(f"{target.name}, safety backup") as listener:
        work_on = session.Session(
            current.settings, current.facts, [target], wishes, lambda _: listener
        )
        (made,) = work_on.back_up().made
    if made.problem or made.snapshot is None:
        hint = "--to DIR restores to a new place without one"
        raise AgentError(Problem(f"cannot make the safety backup: {made.problem}", hint))
    for text in made.missing:
        sys.stderr.write(f"devcopilot: not in the safety backup: {text}\n")
    return made.snapshot


def confirm(lines: Sequence[str], *, is_sure: bool) -> bool:
    """Show what would change and ask. Raises AgentError (exit 2) when there is nobody to ask."""
    if is_sure:
        return True
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        problem = Problem(
            "cannot ask whether to change files in place: there is no terminal",
            "--yes changes them, --dry-run only shows what would change",
        )
        raise AgentError(problem, exit_code=Exit.USAGE)
    sys.stderr.writelines(f"{line}\n" for line in lines)
    sys.stderr.write("A safety backup is made first. Change these files? [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")


@contextmanager
def tell_of_interruption(facts: Facts) -> Iterator[None]:
    """Tell how to go on when a restore in place is stopped or fails, if it had changed anything.

    What is promised is what the record of the way back says now.
    """
    before = undo.find_unfinished(facts)
    try:
        yield
    except (KeyboardInterrupt, AgentError) as error:
        after = undo.find_unfinished(facts)
        problem = Problem("nothing was changed")
        if after and after != before:
            problem = after.describe()
        if isinstance(error, AgentError):
            raise AgentError(*error.problems, problem, exit_code=error.exit_code) from error
        sys.stderr.write(f"devcopilot: stopped: {problem}\n")
        raise


def ask_and_restore(
    current: Context,
    restorer: Restorer,
    scopes: Sequence[Scope],
    title: str,
    *,
    is_sure: bool,
    kind: str = undo.RESTORE,
) -> Result | None:
    """Show what would change, ask, and restore in place; None: nothing was to be changed."""
    undo.check_goes_on(current.facts, (scope.path for scope in scopes))
    lines = [title]
    if not is_sure:
        lines += format_preview(look(current, restorer.chosen, scopes))
    if not confirm(lines, is_sure=is_sure):
        sys.stderr.write("devcopilot: nothing was changed\n")
        return None
    target = restorer.chosen.restic.target
    with tell_of_interruption(current.facts):
        return restorer.restore_in_place(scopes, lambda: make_safety(current, target), kind)


# --- what is said of it -------------------------------------------------------------------------


def format_preview(found: Preview) -> list[str]:
    """Return what would change, for a person."""
    lines = [
        f"to restore: {len(found.new):,} files that are gone, {len(found.changed):,} that changed, "
        f"{work.format_size(found.size)}; to delete: {len(found.deleted):,} that the backup lacks"
    ]
    groups = (("new", found.new), ("changed", found.changed), ("delete", found.deleted))
    for title, names in groups:
        lines += [f"  {title:<8} {show_name(name)}" for name in names[:MOST_SHOWN]]
        if len(names) > MOST_SHOWN:
            lines.append(f"  {title:<8} {len(names) - MOST_SHOWN:,} more")
    return lines


def show_name(name: str) -> str:
    """Return a file's name without what would disturb a terminal."""
    text = os.fsencode(name).decode(errors="replace")
    return "".join(char if char.isprintable() else "\ufffd" for char in text)


def print_preview(found: Preview, *, as_json: bool) -> None:
    """Print what would change: --dry-run."""
    if as_json:
        sys.stdout.write(json.dumps({"dry_run": True, **asdict(found)}, indent=2) + "\n")
    else:
        sys.stdout.writelines(f"{line}\n" for line in format_preview(found))


def finish(result: Result, source: str, place: str, *, as_json: bool) -> int:
    """Print what became of it; return the exit code."""
    if as_json:
        row = {
            "source": source, "place": place, "files": result.files, "size": result.size,
            "deleted": result.deleted, "kept": list(map(str, result.kept)),
            "skipped": list(result.skipped), "failures": list(result.failures),
            "safety": result.way_back or None,
        }  # fmt: skip
        sys.stdout.write(json.dumps(row, indent=2) + "\n")
    else:
        deleted = f", {result.deleted:,} deleted" if result.deleted else ""
        what = f"{show_name(source)} to {show_name(place)}"
        sys.stdout.write(
            f"restored {what}: {result.files:,} files and folders, "
            f"{work.format_size(result.size)} written{deleted}\n"
        )
        for path in result.kept:
            sys.stdout.write(f"kept what no backup holds: {show_name(str(path))}\n")
        if result.way_back:
            words = f"what was there before is in {result.way_back[:8]}"
            sys.stdout.write(f"{words}: `devcopilot backup undo` brings it back\n")
    for text in result.skipped:
        sys.stderr.write(f"devcopilot: left out: {show_name(text)}\n")
    for text in result.failures:
        sys.stderr.write(f"devcopilot: not restored: {show_name(text)}\n")
    if result.unfinished:
        sys.stderr.write(f"devcopilot: {result.unfinished}\n")
    return Exit.FAILED if result.failures else Exit.OK
