"""Keep the workspace in use: for a time, or as long as a command or a process runs.

`devcopilot keep 2h`, `keep -- make test`, `keep --pid 123`; `keep list` shows what holds it, and
`keep end [NAME]` ends that.
"""

import argparse
import os
import shlex
from collections.abc import Sequence
from dataclasses import asdict

from agent.commands.options import add_json_option
from agent.commands.output import Printer
from agent.machine.errors import AgentError, Problem, UsageError
from agent.machine.light.escaping import escape_line
from agent.machine.light.exits import Exit
from agent.machine.light.human import format_duration
from agent.observe import activity
from agent.observe.activity import answer, leases, moment
from agent.observe.activity.leases import Lease
from agent.settings import context
from agent.settings.context import Context
from agent.settings.parsers import any_duration

LIST, END = "list", "end"
LONGEST_REASON = 200


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's options."""
    parser.usage = (
        "devcopilot keep [--why TEXT] TIME | -- COMMAND… | --pid N\n"
        "       devcopilot keep list | end [NAME]"
    )
    parser.add_argument("--why", metavar="TEXT", help="what for; `devcopilot activity` shows it")
    parser.add_argument("--pid", type=int, metavar="N", help="as long as this process runs")
    add_json_option(parser)
    parser.add_argument("words", nargs="*", metavar="TIME | -- COMMAND…",
                        help="how long (2h, 90m), or a command to run meanwhile")  # fmt: skip


def run(arguments: argparse.Namespace, printer: Printer) -> int:
    """Add a lease, or list or end them."""
    current = context.load()
    words, pid, why = list(arguments.words), arguments.pid, arguments.why
    if pid is not None and not words:
        confirm(add(current, why or f"process {pid}", pid=pid), printer)
    elif pid is not None or not words or not words[0]:
        raise UsageError("say for how long, or as long as what", "devcopilot keep 2h")
    elif words == [LIST]:
        show(find(current), printer)
    elif words[0] == END and len(words) <= 2:
        end(current, words[1:])
        show(find(current), printer)
    elif len(words) == 1 and (seconds := read_time(words[0])):
        confirm(add(current, why or f"for {words[0]}", seconds=seconds), printer)
    else:
        return run_command(current, words, why, printer)
    return Exit.OK


def read_time(text: str) -> float | None:
    """Return the seconds that are asked for; None: it is no time, so it is a command."""
    try:
        return any_duration(text)
    except ValueError:
        return None


def add(
    current: Context, why: str, *, seconds: float | None = None, pid: int | None = None
) -> Lease:
    """Add a lease. Raises AgentError."""
    limit = current.settings.activity.keep_max
    if seconds is not None and seconds > limit:
        longest = format_duration(limit)
        raise UsageError(
            f"cannot keep it for longer than {longest}", "DEV8_KEEP_MAX sets the limit"
        )
    until = moment.read().boot + (seconds if seconds is not None else limit)
    reason = escape_line(why)[:LONGEST_REASON]
    try:
        lease = leases.write(str(current.facts.runtime), until, reason, pid)
        activity.find(current, 0.0)  # whoever asks from now on knows of it
        return lease
    except ProcessLookupError:
        raise AgentError(Problem(f"there is no process {pid}", "ps shows the processes")) from None
    except OSError as error:
        raise AgentError(Problem(f"cannot keep it: {error.strerror}")) from error


def run_command(current: Context, command: Sequence[str], why: str | None, printer: Printer) -> int:
    """Become the command: the lease is this process's, and ends with it."""
    lease = add(current, why or shlex.join(command), pid=os.getpid())
    try:
        os.execvp(command[0], list(command))  # noqa: S606 - its purpose
    except OSError as error:
        leases.remove(str(current.facts.runtime), lease.name)
        hint = "a time is written as 2h or 90m"
        printer.fail(Problem(f"cannot execute {command[0]}: {error.strerror}", hint))
        missing = isinstance(error, FileNotFoundError)
        return Exit.NOT_FOUND if missing else Exit.NOT_EXECUTABLE


def find(current: Context) -> list[Lease]:
    """Return the leases that hold."""
    return leases.read_all(str(current.facts.runtime), "/proc", moment.read().boot)


def end(current: Context, names: Sequence[str]) -> None:
    """End one lease, or all of them. Raises AgentError where there is none of that name."""
    held = [lease.name for lease in find(current)]
    for name in names:
        if name not in held:
            raise AgentError(Problem(f"there is no lease {name}", "devcopilot keep list"))
    for name in names or held:
        leases.remove(str(current.facts.runtime), name)
    activity.find(current, 0.0)


def confirm(lease: Lease, printer: Printer) -> None:
    """Tell of a new lease."""
    left = format_duration(lease.until - moment.read().boot)
    until = f"for {left}" if lease.pid is None else f"as long as process {lease.pid} runs"
    limit = "" if lease.pid is None else f", {left} at most"
    words = f"kept in use {until}{limit}; `devcopilot keep end {lease.name}` ends that"
    printer.show(make_rows([lease]), [words])


def make_rows(held: Sequence[Lease]) -> list[dict[str, object]]:
    """Return leases as programs read them."""
    now = moment.read()
    return [
        asdict(answer.Lease(each.name, now.tell(each.until) or "", each.why, each.pid))
        for each in held
    ]


def show(held: Sequence[Lease], printer: Printer) -> None:
    """Print leases."""
    now = moment.read()
    cells = [
        (each.name, format_duration(each.until - now.boot),
         "" if each.pid is None else str(each.pid), each.why)
        for each in held
    ]  # fmt: skip
    head = ("LEASE", "AT MOST", "PROCESS", "WHY")
    printer.show_table(
        make_rows(held), head, cells, "no leases; take one with `devcopilot keep 2h`"
    )
