"""What `restore` and `undo` share: preview, question, safety backup, interruption."""

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from agent.backup import record
from agent.backup.make import comparison, preparation, session
from agent.backup.make.creation import SAFETY
from agent.backup.restic.client import Snapshot
from agent.backup.restic.follow import Listener, Message
from agent.backup.restore import placing, preview, undo
from agent.backup.restore.in_place import Scope
from agent.backup.restore.preview import Preview
from agent.backup.restore.restoration import Restorer, Result
from agent.backup.restore.selection import Chosen
from agent.backup.target import Target
from agent.commands.backup.outcome import format_preview
from agent.commands.backup.progress import Progress
from agent.machine.errors import AgentError, Problem
from agent.machine.escaping import make_lines
from agent.machine.exits import Exit
from agent.machine.system import Facts
from agent.settings.context import Context


def make_restorer(current: Context, chosen: Chosen, listener: Listener) -> Restorer:
    """Return what restores from this snapshot."""
    copies = preparation.find_staging(current.facts)
    return Restorer(chosen, current.facts, copies, placing.put_in_place, listener)


def find_places(current: Context) -> tuple[Path, Path]:
    """Return where files are restored in place."""
    return find_workspace(current), Path(os.path.realpath(current.facts.home))


def find_workspace(current: Context) -> Path:
    """Return the workspace as backups name it: without links on the way."""
    return Path(os.path.realpath(current.settings.workspace.folder))


def look(current: Context, chosen: Chosen, scopes: Sequence[Scope]) -> Preview:
    """Return what a restore in place would change."""
    held = session.find_content(current.settings, current.facts)
    return preview.look(chosen, scopes, held, [current.facts.state])


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
        sys.stderr.write(make_lines(f"devcopilot: not in the safety backup: {text}"))
    return made.snapshot


def confirm(lines: Sequence[str], *, is_sure: bool) -> None:
    """Show what would change and ask.

    Raises AgentError when the answer is no, or (exit 2) when there is nobody to ask.
    """
    if is_sure:
        return
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        problem = Problem(
            "cannot ask whether to change files in place: there is no terminal",
            "--yes changes them, --dry-run only shows what would change",
        )
        raise AgentError(problem, exit_code=Exit.USAGE)
    sys.stderr.write(make_lines(*lines))
    sys.stderr.write("A safety backup is made first. Change these files? [y/N] ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise AgentError(Problem("nothing was changed"))


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
        sys.stderr.write(make_lines(f"devcopilot: stopped: {problem}"))
        raise


def ask_and_restore(
    current: Context,
    restorer: Restorer,
    scopes: Sequence[Scope],
    title: str,
    *,
    is_sure: bool,
    kind: str = undo.RESTORE,
) -> Result:
    """Show what would change, ask, and restore in place. Raises AgentError, also for a no."""
    undo.check_goes_on(current.facts, (scope.path for scope in scopes))
    lines = [title]
    if not is_sure:
        lines += format_preview(look(current, restorer.chosen, scopes))
    confirm(lines, is_sure=is_sure)
    target = restorer.chosen.restic.target
    with tell_of_interruption(current.facts):
        result = restorer.restore_in_place(scopes, lambda: make_safety(current, target), kind)
    known = record.read(current.facts, target.name)
    if not (known.snapshot or known.accepted or result.failures):
        comparison.accept(current.facts, target.name)  # a new workspace goes on with what it got
    return result
