"""Install the AI tools that are wanted and missing, and renew those that the agent installed.

Wanted are those whose key is given, or those that DEV8_AI_TOOLS or the command line name. It needs
npm and its registry; a program that is on the PATH by another way is left alone.
"""

import argparse
import signal
import sys
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from types import FrameType
from typing import Protocol

from agent.commands.layout import Bar
from agent.commands.options import add_json_option
from agent.commands.output import Printer
from agent.machine import hints, holders, runtime
from agent.machine.errors import AgentError
from agent.machine.exits import SIGNAL_BASE, Exit
from agent.machine.log import Logger
from agent.settings import context
from agent.settings.context import Context
from agent.tools import installer
from agent.tools.all import TOOLS
from agent.tools.tool import (
    FAILURES,
    RUNNING,
    AiTool,
    Failure,
    describe,
    find_wanted,
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's options."""
    names = ", ".join(tool.name for tool in TOOLS)
    parser.add_argument(
        "tools",
        nargs="*",
        type=find_tool,
        metavar="NAME",
        help=f"install only these, with or without a key: {names}",
    )
    add_json_option(parser)


def find_tool(name: str) -> AiTool:
    """Return the tool of this name, for argparse."""
    for known in TOOLS:
        if known.name == name:
            return known
    raise argparse.ArgumentTypeError(f"there is no tool {name}")


def run(arguments: argparse.Namespace, printer: Printer) -> int:
    """Install; exit 0 when all of them are there, else 1."""
    current = context.load()
    wanted = find_wanted(TOOLS, current.settings)
    chosen = tuple(arguments.tools) or wanted
    signal.signal(signal.SIGTERM, end)
    if printer.is_log:
        be_modest()
    before = FAILURES.read(current.facts)
    log = printer.open_log("tools", current.settings.agent.log_level)
    try:
        with (
            runtime.hold_lock(current.facts.runtime / RUNNING) as lock,
            printer.watch("AI tools") as bar,
        ):
            speaker = Events(log, before) if printer.is_log else Lines(printer, bar)
            failures = install(current, chosen, lock, speaker)
            kept = {tool.name for tool in wanted} - {tool.name for tool in chosen}
            kept_failures = {name: before[name] for name in before if name in kept}
            save_failures(current, {**kept_failures, **failures})
    except OSError as error:
        raise AgentError(hints.explain(error, "install the tools")) from error
    lines = ["nothing to install: no API key set, or DEV8_AI_TOOLS is off"] if not chosen else []
    if not printer.is_log:
        rows = describe(TOOLS, current.settings, current.facts)
        printer.show([asdict(row) for row in rows], lines)
    return Exit.FAILED if failures else Exit.OK


def end(number: int, _frame: FrameType | None) -> None:
    """End in order, so that what is half done is removed."""
    sys.exit(SIGNAL_BASE + number)


def be_modest() -> None:
    """Give way to everybody else; be the first to end where memory is short."""
    from agent.machine.background import give_way  # noqa: PLC0415 - 30 ms that a person's call is spared

    give_way()
    with suppress(OSError):  # some sandboxes have no such file
        Path("/proc/self/oom_score_adj").write_text("1000")


# --- one round ----------------------------------------------------------------------------------


class Speaker(Protocol):
    """Tells of the work."""

    def begin(self, tool: AiTool) -> None:
        """Tell that a tool is being installed now."""

    def progress(self, size: int, /) -> None:
        """Tell how many bytes there are of it."""

    def finish(self, tool: AiTool, seconds: float) -> None:
        """Tell that it is there."""

    def keep(self, tool: AiTool) -> None:
        """Tell that there was nothing to do."""

    def fail(self, tool: AiTool, failure: Failure) -> None:
        """Tell why it is not there."""


def install(
    current: Context, chosen: Iterable[AiTool], lock: int, speaker: Speaker
) -> dict[str, Failure]:
    """Install what is due of these, one after the other; return what is wrong, by name."""
    worker = installer.Installer(current.facts, progress=speaker.progress)
    failures = {}
    for tool in chosen:
        worker.clean(tool)
        if not worker.is_due(tool):
            speaker.keep(tool)
            continue
        holders.set_name(lock, tool.name)
        start = time.monotonic()
        speaker.begin(tool)
        failure = worker.install(tool)
        if failure:
            failures[tool.name] = failure
            speaker.fail(tool, failure)
        else:
            speaker.finish(tool, time.monotonic() - start)
    holders.set_name(lock, "")
    return failures


def save_failures(current: Context, failures: Mapping[str, Failure]) -> None:
    """Keep what is wrong for `status` and for the next round. Raises OSError."""
    if failures:
        FAILURES.write(current.facts, failures)
    else:
        FAILURES.path(current.facts).unlink(missing_ok=True)


# --- what is said of it -------------------------------------------------------------------------


class Lines:
    """Speaks to a person: lines, and on a terminal the size as it grows."""

    def __init__(self, printer: Printer, bar: Bar) -> None:
        self._printer = printer
        self._bar = bar

    def begin(self, tool: AiTool) -> None:  # noqa: D102
        self._printer.say(f"{tool.name}: installing {tool.title}")
        self._bar.spin()

    def progress(self, size: int) -> None:  # noqa: D102
        self._bar.spin(f"{size / 1e6:.0f} MB")

    def finish(self, tool: AiTool, seconds: float) -> None:  # noqa: D102
        self._printer.say(f"{tool.name}: installed in {seconds:.0f} s")

    def keep(self, tool: AiTool) -> None:  # noqa: D102
        self._printer.say(f"{tool.name}: already installed")

    def fail(self, tool: AiTool, failure: Failure) -> None:  # noqa: D102
        self._printer.say(f"{tool.name}: {failure.problem}")


class Events:
    """Speaks to the log; what was wrong in the same way at the last round is not said again."""

    def __init__(self, log: Logger, before: Mapping[str, Failure]) -> None:
        self._log = log
        self._before = before

    def begin(self, tool: AiTool) -> None:  # noqa: D102
        self._log.debug("installing a tool", tool=tool.name)

    def progress(self, _size: int) -> None:  # noqa: D102
        return

    def finish(self, tool: AiTool, seconds: float) -> None:  # noqa: D102
        self._log.info(f"installed {tool.title}", tool=tool.name, seconds=round(seconds, 1))

    def keep(self, tool: AiTool) -> None:  # noqa: D102
        self._log.debug("the tool is installed", tool=tool.name)

    def fail(self, tool: AiTool, failure: Failure) -> None:  # noqa: D102
        known = self._before.get(tool.name)
        level = "debug" if known and known.code == failure.code else failure.level
        self._log.log(level, str(failure.problem), tool=tool.name)
