"""Collect what support needs in one archive, without secrets.

It also works if the agent does not run. Nothing of the home folder and the workspace is included.
"""

import argparse
import os
import time
from contextlib import suppress
from pathlib import Path

from agent.commands.checks import CHECKS
from agent.commands.output import Printer
from agent.machine.deadline import refusal_after
from agent.machine.errors import AgentError, Problem, UsageError
from agent.machine.hints import explain
from agent.machine.light import runtime
from agent.machine.light.exits import Exit
from agent.machine.light.human import format_size
from agent.machine.storage.owners import explain_access
from agent.machine.storage.volumes import STATE_FOLDER
from agent.machine.system import Facts, System
from agent.observe.bundle.all import PARTS
from agent.observe.bundle.archive import NO_PROMISE, Archive
from agent.observe.bundle.cleaning import Cleaner
from agent.observe.bundle.part import Source
from agent.observe.bundle.secrets import find_texts
from agent.settings import context

DEADLINE = 10.0
"""Seconds to read the settings and the secrets: the home may be on a server that is gone."""
STANDARD_OUTPUT = "-"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's options."""
    parser.add_argument("--out", metavar="FILE",
                        help="where to write it; - is standard output")  # fmt: skip
    parser.add_argument("--no-logs", action="store_true", help="leave all logs out")


def run(arguments: argparse.Namespace, printer: Printer) -> int:
    """Write the archive and tell what is in it."""
    out = arguments.out or time.strftime("devcopilot-support-%Y%m%d-%H%M%S.tar.gz", time.gmtime())
    if out == STANDARD_OUTPUT and printer.out.isatty():
        raise UsageError(
            "cannot print an archive on a terminal", "devcopilot support-bundle --out - >FILE"
        )
    check_place(out)
    source, cleaner = prepare()
    archive = Archive(cleaner)
    parts = [part for part in PARTS if not (part.is_log and arguments.no_logs)]
    archive.collect(parts, source)
    packed = archive.finish()
    if out == STANDARD_OUTPUT:
        printer.pour(packed)
    else:
        write(out, packed)
    missing = [member for member in archive.members if member.error]
    lines = [
        f"{out}: {format_size(len(packed))}, {len(archive.members) - len(missing)} files",
        *(f"without {member.name}: {member.error}" for member in missing),
        *(f"masked: {name}, {count} times" for name, count in cleaner.counts.items() if count),
        NO_PROMISE,
    ]
    (printer.note if out == STANDARD_OUTPUT else printer.say)(*lines)
    return Exit.OK


def check_place(out: str) -> None:
    """Raise AgentError at once if the archive could not be written in the end."""
    folder = Path(out).absolute().parent
    if out != STANDARD_OUTPUT and not os.access(folder, os.W_OK | os.X_OK):
        cause, hint = explain_access(folder, os.getuid())
        hint = f"devcopilot support-bundle --out /tmp/it.tar.gz; or: {hint}"
        raise AgentError(Problem(f"cannot write the bundle into {folder}: {cause}", hint))


def prepare() -> tuple[Source, Cleaner]:
    """Return what there is to collect from, and what hides the secrets. Raises AgentError."""
    with refusal_after(DEADLINE, "find all secrets to hide"):
        source = find_source()
        return source, Cleaner(find_texts(source.facts, os.environ))


def find_source() -> Source:
    """Return the context of this container; where the agent has none, what the environment says."""
    try:
        current = context.load()
    except AgentError as error:
        why = str(error.problems[0])
    else:
        return Source(current.facts, current, CHECKS)
    with suppress(AgentError, OSError):
        current = context.from_environ(os.environ)
        return Source(current.facts, current, CHECKS, why)
    home = Path(os.environ.get("HOME") or "/")
    folder = Path(runtime.locate(os.environ, os.getuid()))
    facts = Facts(home, os.getuid(), folder, home / STATE_FOLDER, os.environ)
    return Source(facts, None, CHECKS, why)


def write(out: str, packed: bytes) -> None:
    """Write the archive for its owner alone. Raises AgentError."""
    try:
        System({}).write_file(Path(out).absolute(), packed, 0o600)
    except OSError as error:
        raise AgentError(explain(error, "write the bundle")) from error
