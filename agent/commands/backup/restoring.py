"""What `restore` and `undo` share: preview, question, safety backup, interruption."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from agent.backup import record, undo
from agent.backup.create import comparison
from agent.backup.restic.client import Snapshot
from agent.backup.restore import way_back
from agent.backup.restore.in_place import Scope
from agent.backup.restore.restoration import Restorer
from agent.backup.restore.result import Result
from agent.backup.target import Target
from agent.commands.backup import progress
from agent.commands.backup.outcome import format_preview
from agent.commands.backup.shared import TOOL_FILES
from agent.commands.output import Printer
from agent.machine.errors import AgentError, Problem, UsageError
from agent.machine.system import Facts
from agent.machine.values import frozen
from agent.settings.context import Context


def make_safety(current: Context, target: Target, source: str, printer: Printer) -> Snapshot:
    """Make the backup that a restore of `source` is taken back with. Raises AgentError."""
    with progress.show(printer, f"{target.name}, safety backup") as listener:
        made = way_back.make_safety(current, target, source, TOOL_FILES, listener)
    printer.note(*(f"not in the safety backup: {text}" for text in made.missing))
    assert made.snapshot  # noqa: S101 - it raises where there is none
    return made.snapshot


@frozen
class Consent:
    """How a person agrees to a change."""

    is_sure: bool
    """Whether that was announced."""
    hint: str
    """What to do where there is nobody to ask."""


def confirm(lines: Sequence[str], consent: Consent, printer: Printer) -> None:
    """Show what would change and ask.

    Raises AgentError when the answer is no, UsageError when there is nobody to ask.
    """
    if consent.is_sure:
        return
    answer = printer.ask(lines, "A safety backup comes first. Change these files?")
    if answer is None:
        raise UsageError("cannot ask for confirmation: there is no terminal", consent.hint)
    if not answer:
        raise AgentError(Problem("nothing was changed"))


@contextmanager
def tell_of_interruption(facts: Facts, printer: Printer) -> Iterator[None]:
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
        printer.fail(replace(problem, message=f"stopped: {problem.message}"))
        raise


def ask_and_restore(
    current: Context,
    restorer: Restorer,
    scopes: Sequence[Scope],
    title: str,
    consent: Consent,
    printer: Printer,
    *,
    kind: str = undo.RESTORE,
) -> Result:
    """Show what would change, ask, and restore in place. Raises AgentError, also for a no."""
    undo.check_goes_on(current.facts, (scope.path for scope in scopes))
    lines = [title]
    if not consent.is_sure:
        lines += format_preview(way_back.look(current, restorer.chosen, scopes, TOOL_FILES))
    confirm(lines, consent, printer)
    chosen = restorer.chosen
    target, source = chosen.restic.target, chosen.snapshot.short
    with tell_of_interruption(current.facts, printer):
        result = restorer.restore_in_place(
            scopes, lambda: make_safety(current, target, source, printer), kind
        )
    known = record.read(current.facts, target.name)
    if not (known.snapshot or known.accepted or result.failures):
        comparison.accept(current.facts, target.name)  # a new workspace goes on with what it got
    return result
