"""Wait until a part of the workspace is there: by default all services.

It exits with 0 when it is done (or there is nothing to do), with 1 when it has failed, and with 124
when the time is over.
"""

import argparse
import os
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict
from functools import partial
from pathlib import Path

from agent.commands.layout import Bar
from agent.commands.options import add_json_option, reader
from agent.commands.output import Printer
from agent.commands.unit_reports import show_progress
from agent.machine.errors import Problem
from agent.machine.formats.lines import find_last_line
from agent.machine.light import runtime
from agent.machine.light.exits import Exit
from agent.machine.records.unit_record import BAD, GOOD, State
from agent.machine.storage.inotify import Changes
from agent.settings import context
from agent.settings.context import Context
from agent.units import waiting
from agent.units.waiting import Answer

LOOK = 1.0
"""Seconds between two looks at what no folder of the agent's tells of, such as a port."""
SELDOM = 15.0
"""The same where one does: a change that went unnoticed costs no more. Many may wait for long."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's options."""
    words = ", ".join(waiting.list_words())
    parser.add_argument("--for", dest="what", action="append", metavar="WHAT",
                        help=f"what to wait for; may be repeated: {words}")  # fmt: skip
    parser.add_argument("--timeout", type=reader("duration"), metavar="TIME",
                        help="give up after this time (30s, 5m); 0 only looks")  # fmt: skip
    parser.add_argument("--login", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--quiet", action="store_true", help="print nothing, only exit")
    add_json_option(parser)


def run(arguments: argparse.Namespace, printer: Printer) -> int:
    """Wait for all that is named."""
    if arguments.login:
        return wait_at_login(printer)
    questions = {what: waiting.find_question(what) for what in arguments.what or ["services"]}
    limit = arguments.timeout
    deadline = float("inf") if limit is None else time.monotonic() + limit
    with printer.watch("waiting") as bar:
        current = context.load_by(deadline)
        answers = (
            {}
            if current is None
            else wait(current, questions, deadline, lambda answer: show(answer, bar), bar.is_drawn)
        )
    answer = waiting.join(answers.values()) if answers else Answer(State.WAITING, NOT_RUNNING)
    rows = [{"what": what, **_describe(each)} for what, each in answers.items()]
    if answer.state in GOOD:
        printer.show({"state": "done", "waited_for": rows}, [])
        return Exit.OK
    failed = answer.state in BAD
    problem = Problem(answer.reason or "it is still at work", answer.hint)
    if not failed:
        problem = Problem(f"not done after {limit:g} s: {problem.message}", problem.hint)
    if not arguments.quiet:
        printer.fail(problem)
    printer.show({"state": str(answer.state), "waited_for": rows}, [])
    return Exit.FAILED if failed else Exit.TIMED_OUT


def wait_at_login(printer: Printer) -> int:
    """Keep a person who logs in until DEV8_SSH_WAIT is done; session.sh ends it at Enter."""
    from agent.commands import arrival  # noqa: PLC0415 - most waits are none of a login

    current = context.load()
    what = current.settings.ssh.wait
    line = arrival.Line(printer.err)
    tell = partial(arrival.tell, current.facts, line)
    question = waiting.find_question(what)
    with suppress(arrival.IdleError):
        wait(current, {what: question}, float("inf"), tell, is_seen=True)
    line.clear()
    answer = question(current)
    if answer.state not in GOOD:
        how = "failed" if answer.state in BAD else "is waiting"
        printer.note(str(Problem(f"{what} {how}: {answer.reason}", answer.hint)))
        return Exit.FAILED
    (current.facts.runtime / runtime.SSH / arrival.OVER).touch(0o600)
    return Exit.OK


NOT_RUNNING = "the agent is not running here yet"


def wait(
    current: Context,
    questions: dict[str, waiting.Question],
    deadline: float,
    tell: Callable[[Answer], None],
    is_seen: bool,
) -> dict[str, Answer]:
    """Return the answers once all are good, one is bad, or the time is over.

    `is_seen`: somebody looks at what `tell` shows.
    """
    changes = Changes(waiting.list_folders(current.facts))
    open_ones, answers = dict(questions), {}
    try:
        while True:
            for what in list(open_ones):
                answers[what] = open_ones[what](current)
                if answers[what].state in GOOD:
                    del open_ones[what]
            left = deadline - time.monotonic()
            bad = any(answer.state in BAD for answer in answers.values())
            if not open_ones or bad or left <= 0:
                return answers
            tell(answers[next(iter(open_ones))])
            is_told = all(map(waiting.is_told, open_ones)) and not changes.is_blind
            changes.wait(min(SELDOM if is_told and not is_seen else LOOK, left))
    finally:
        changes.close()


def show(answer: Answer, bar: Bar) -> None:
    """Show what is waited for, and the last line of the unit that is at work."""
    unit = answer.unit
    if unit and unit.state is State.RUNNING and unit.progress is not None:
        show_progress(bar, unit)
        return
    words: Sequence[str] = [answer.reason]
    if answer.unit and answer.unit.state is State.RUNNING and answer.unit.log:
        try:
            with Path(answer.unit.log).open("rb") as log:
                log.seek(max(0, os.fstat(log.fileno()).st_size - 4096))
                words = [answer.unit.name, find_last_line(log.read(), "")]
        except OSError:
            pass
    bar.spin(": ".join(filter(None, words)))


def _describe(answer: Answer) -> dict[str, object]:
    row = asdict(answer)
    del row["unit"]
    return row
