"""What `restore` and `undo` say: what would change, what became of it, and why they refuse."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict

from agent.backup.restore.preview import Preview
from agent.backup.restore.result import Result
from agent.commands.output import Printer
from agent.machine.errors import Problem
from agent.machine.light.exits import Exit
from agent.machine.light.human import format_size
from agent.machine.values import frozen

MOST_SHOWN = 20
MOST_ALIKE = 3
"""Files of which the names are shown that could not be restored for the same reason."""


@frozen
class Subject:
    """What is restored, and to where."""

    source: str = ""
    """Full id of the backup, or path of the archive."""
    name: str = ""
    """What people see: its short id and age."""
    target: str = ""
    """Name of the target that holds it."""
    places: tuple[str, ...] = ()
    """What is restored in place, or the new place."""


def describe(
    subject: Subject,
    result: Result | None = None,
    preview: Preview | None = None,
    problems: Iterable[Problem] = (),
) -> dict[str, object]:
    """Return the document of --json: it has the same names, whatever the result.

    `done`: whether all of it came back; `changes`: of --dry-run alone.
    """
    given = result or Result()
    return {
        "done": result is not None and not given.failures,
        "source": subject.source or None,
        "target": subject.target or None,
        "places": list(subject.places),
        "files": given.files,
        "size": given.size,
        "deleted": given.deleted,
        "kept": list(map(str, given.kept)),
        "skipped": list(given.skipped),
        "failures": list(given.failures),
        "safety": given.way_back or None,
        "changes": asdict(preview) if preview else None,
        "problems": [asdict(problem) for problem in problems],
    }


def describe_refusal(problems: Iterable[Problem]) -> dict[str, object]:
    """Return the document when nothing was restored."""
    return describe(Subject(), problems=problems)


def finish(subject: Subject, result: Result, printer: Printer) -> int:
    """Print what became of it; return the exit code."""
    unfinished = [result.unfinished] if result.unfinished else []
    printer.show(describe(subject, result, problems=unfinished), format_result(subject, result))
    printer.note(*(f"left out: {text}" for text in result.skipped))
    printer.fail(*(Problem(f"not restored: {text}") for text in group(result.failures)))
    printer.fail(*unfinished)
    return Exit.FAILED if result.failures else Exit.OK


def format_result(subject: Subject, result: Result) -> Iterator[str]:
    """Yield what became of it, for a person."""
    deleted = f", {result.deleted:,} deleted" if result.deleted else ""
    yield (
        f"restored {subject.name} to {', '.join(subject.places)}: {result.files:,} files and "
        f"folders, {format_size(result.size)} written{deleted}"
    )
    yield from (f"kept a file that is in no backup: {path}" for path in result.kept)
    if result.way_back:
        words = f"the previous state is in {result.way_back[:8]}"
        yield f"{words}: `devcopilot backup undo` restores it"


def group(failures: Iterable[str]) -> Iterator[str]:
    """Yield what could not be restored, many with the same cause as one.

    Each is a name and a cause; restic tells some of them twice.
    """
    alike: dict[str, list[str]] = {}
    for text in dict.fromkeys(failures):
        name, _, cause = text.rpartition(": ")
        alike.setdefault(cause, []).append(name.partition(": ")[0])
    for cause, names in alike.items():
        found = list(dict.fromkeys(names))
        if len(found) <= MOST_ALIKE:
            yield from (f"{name}: {cause}" if name else cause for name in found)
        else:
            shown = ", ".join(found[:MOST_ALIKE])
            yield f"{len(found):,} files, such as {shown}: {cause}"


def format_preview(found: Preview) -> Sequence[str]:
    """Return what would change, for a person."""
    lines = [
        f"to restore: {len(found.new):,} missing files, {len(found.changed):,} changed, "
        f"{format_size(found.size)}; to delete: {len(found.deleted):,} that are not in the backup"
    ]
    groups = (("new", found.new), ("changed", found.changed), ("delete", found.deleted))
    for title, names in groups:
        lines += [f"  {title:<8} {name}" for name in names[:MOST_SHOWN]]
        if len(names) > MOST_SHOWN:
            lines.append(f"  {title:<8} {len(names) - MOST_SHOWN:,} more")
    return lines
