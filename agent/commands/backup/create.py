"""Back up now, to every destination. If nothing changed since the last backup, none is made."""

import argparse
import time
from collections.abc import Iterable, Sequence
from contextlib import ExitStack

from agent.backup import lock, record, undo
from agent.backup.create import session
from agent.backup.create.snapshot import BackupResult
from agent.backup.open_targets import find_wanted_targets
from agent.backup.target import Target
from agent.commands.backup import progress, shared
from agent.commands.output import Printer
from agent.machine.light import proc
from agent.machine.light.exits import Exit
from agent.machine.light.human import format_age, format_duration, format_size
from agent.machine.programs.follow import Listener
from agent.settings import context
from agent.settings.context import Context

DOING = "a backup is being made"
RESERVE = 1.5
"""Seconds of a stop that are left for ending and for telling, so that nothing has to be killed: on
a busy machine 0.8 of one were not enough."""
SHORTEST = 2.0
"""Seconds below which a final backup is not even begun: opening a repository takes as long."""
MOST_SHOWN = 20
LONGEST = 300
"""Characters of a line."""
TOO_LONG = "it took longer than"
"""How a run tells that its time was over."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    shared.add_usual_options(parser)
    parser.add_argument(
        "--force",
        action="store_true",
        help="back up even if nothing changed, and read every file again",
    )
    parser.add_argument(
        "--accept-shrunk", action="store_true",
        help="accept that the workspace is this empty; old backups are removed again as usual",
    )  # fmt: skip
    parser.add_argument(
        "--anew",
        action="store_true",
        help="give up backups that a destination has lost, and continue with the rest",
    )
    parser.add_argument("--final", type=float, metavar="SECONDS", help=argparse.SUPPRESS)


def run(arguments: argparse.Namespace, printer: Printer) -> int:
    """Make it; exit 0 when every target lists it and nothing seems to be missing, else 1."""
    current = context.load()
    if arguments.final is not None:
        return run_final(current, arguments.final, printer)
    targets = find_wanted_targets(current, arguments.target)
    with shared.hold(current, printer, DOING):
        wishes = session.Wishes(force=arguments.force, accept_shrunk=arguments.accept_shrunk,
                                asked=True, anew=arguments.anew)  # fmt: skip
        outcome = make(current, targets.ready, wishes, printer)
    for target in targets.ready:
        known = record.read(current.facts, target.name)
        printer.note(*filter(None, (known.lost, known.rival)))
    made = [*outcome.made]
    made += [BackupResult(name, problem=why) for name, why in targets.in_trouble.items()]
    rows = [describe(item) | {"notices": list(outcome.notices)} for item in made]
    printer.show(rows, format_lines(made, outcome))
    return Exit.FAILED if any(map(is_flawed, made)) else Exit.OK


def is_flawed(made: BackupResult) -> bool:
    """Tell whether a person should look at what became of a backup."""
    return bool(made.problem or made.missing or made.shrunk)


def make(
    current: Context, targets: Sequence[Target], wishes: session.Wishes, printer: Printer
) -> session.Outcome:
    """Make a backup on these targets, with a bar for each; the lock is held."""
    with ExitStack() as bars:

        def watch(target: Target) -> Listener:
            return bars.enter_context(progress.show(printer, target.name))

        return session.Session(
            current.settings, current.facts, targets, shared.TOOL_FILES, wishes, watch
        ).back_up()


def run_final(current: Context, seconds: float, printer: Printer) -> int:
    """Make the backup of the container's stop in this time; say so when it does not fit.

    `seconds` count from the start of this process: on a busy machine that alone takes some.
    """
    log = printer.open_log("backup", current.settings.agent.log_level)
    targets = find_wanted_targets(current).ready
    left = seconds - proc.read_age() - RESERVE
    began = time.monotonic()
    made: Iterable[BackupResult] = ()
    if left >= SHORTEST:
        wishes = session.Wishes(hooks=False, seconds=left)
        with lock.hold(current.facts, DOING):
            made = make(current, targets, wishes, printer).made
    good = {item.target for item in made if not item.problem}
    for item in made:
        if item.snapshot and not item.problem:
            log.info(
                "made the final backup" if not item.unchanged else "no final backup needed: "
                "nothing changed",
                target=item.target, snapshot=item.snapshot.short,
                seconds=round(time.monotonic() - began, 1),
            )  # fmt: skip
    problems = {item.target: item.problem for item in made
                if item.problem and TOO_LONG not in item.problem.message}  # fmt: skip
    stopped = undo.find_unfinished(current.facts)
    unfinished = stopped.describe() if stopped else None
    for target in targets:
        if target.name not in good:
            known = record.read(current.facts, target.name)
            why = problems.get(target.name) or unfinished
            log.warning(
                f"the final backup was not made: {why.message}" if why
                else "no time left for the final backup",
                target=target.name, last_backup=known.snapshot[:8] or "none", made=known.made,
            )  # fmt: skip
    return Exit.OK if len(good) == len(targets) else Exit.FAILED


def describe(made: BackupResult) -> dict[str, object]:
    """Return what became of one target as values for JSON; sizes in bytes, times in seconds."""
    snapshot = made.snapshot
    return {
        "target": made.target,
        "snapshot": snapshot.id if snapshot else None,
        "unchanged": made.unchanged,
        "files": snapshot.files if snapshot else None,
        "size": snapshot.size if snapshot else None,
        "added": snapshot.added if snapshot and not made.unchanged else 0,
        "seconds": round(made.seconds, 1),
        "missing": list(made.missing),
        "shrunk": made.shrunk or None,
        "problem": str(made.problem) if made.problem else None,
    }


def format_lines(made: Iterable[BackupResult], outcome: session.Outcome) -> Iterable[str]:
    """Yield what became of all targets, for a person."""
    for item in made:
        yield f"{item.target}: {_format_result(item)}"
        if item.shrunk:
            yield f"{item.target}: {item.shrunk}"
    missing = list(dict.fromkeys(name for item in made for name in item.missing))
    yield from (f"missing: {shorten(name)}" for name in missing[:MOST_SHOWN])
    if len(missing) > MOST_SHOWN:
        rest = len(missing) - MOST_SHOWN
        yield f"missing: and {rest} more; `devcopilot backup create --json` lists all"
    yield from (f"skipped, the agent's own files through another mount: {path}"
                for path in outcome.mirrors)  # fmt: skip
    if outcome.excludes:
        yield f"skipped because of DEV8_BACKUP_EXCLUDE: {', '.join(outcome.excludes)}"
    for cache in outcome.caches[:MOST_SHOWN]:
        yield f"skipped because of a CACHEDIR.TAG: {cache}"
    if len(outcome.caches) > MOST_SHOWN:
        yield f"skipped because of a CACHEDIR.TAG: {len(outcome.caches) - MOST_SHOWN} more"
    yield from (f"note: {notice}" for notice in outcome.notices)


def shorten(text: str) -> str:
    """Return a text of which the middle is left out when it is very long, as a path may be."""
    return text if len(text) <= LONGEST else f"{text[: LONGEST // 2]}…{text[-LONGEST // 2 :]}"


def _format_result(made: BackupResult) -> str:
    snapshot = made.snapshot
    if made.problem or snapshot is None:
        return str(made.problem)
    if made.unchanged:
        return f"nothing has changed since {snapshot.short}, {format_age(snapshot.time)}"
    return (
        f"{snapshot.short}, {snapshot.files:,} files, {format_size(snapshot.size)}, "
        f"{format_size(snapshot.added)} added, in {format_duration(made.seconds)}"
    )
