"""Decides whether a report is due, sends it, and keeps what became of it. Light.

One report a run at most, and no queue: what is sent is how things are now. Failures are followed by
ever longer pauses. What was refused is sent again only if something has changed: the file of the
key, or the settings, with which a new life begins.
"""

import json
import os
import time

from agent.machine import runtime
from agent.machine.backoff import Backoff
from agent.machine.files import SECRET, SETTINGS, read_file
from agent.machine.texts import UnusableError, word
from agent.observe.report import body, state
from agent.observe.report.outcome import Kind, Outcome
from agent.observe.report.state import State

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from agent.machine.log import Logger

PAUSES = Backoff(30.0, 300.0)
"""Seconds; up to half of each is left out at random, so that a fleet does not come all at once."""
SLACK = 1.0
"""Seconds by which a report may be early, rather than late by a whole look."""
OF_THE_EDITOR = ("editor", "tab")
"""The signals of the activity that are a use of the editor; others are one of the shell."""
NO_KEY = "none"
MEND_KEY = "give the key alone; one in a file is read again when the file changes"


class Plan:
    """What a report needs to know of the settings: `agent.workspace.report` writes it."""

    def __init__(
        self,
        *,
        url: str,
        identifier: str,
        key_name: str,
        key_file: str,
        seconds: float,
        heartbeat: float,
        direct: bool,
    ) -> None:
        self.url = url
        self.identifier = identifier
        self.key_name = key_name
        """What gave the key, for a person."""
        self.key_file = key_file
        """Where it is; empty: there is none."""
        self.seconds = seconds
        """Time limit of one report."""
        self.heartbeat = heartbeat
        """Seconds between two reports of the same."""
        self.direct = direct
        """Whether no proxy is asked: the control plane is on this machine."""


def read_plan(folder: str) -> Plan | None:
    """Return how to report, as the runtime folder has it; None: nothing is reported."""
    try:
        return Plan(**json.loads(read_file(f"{folder}/{runtime.REPORTING}", SETTINGS)))
    except (OSError, ValueError, TypeError):
        return None


class Look:
    """How the workspace is used at this moment."""

    def __init__(
        self,
        ide: int,
        ssh: int,
        nanoseconds: int,
        uptime: float,
        *,
        ide_used: str = "",
        ssh_used: str = "",
    ) -> None:
        """`nanoseconds`: since the epoch; `uptime`: seconds since the machine started."""
        self.ide = ide
        """Open connections to the editor."""
        self.ssh = ssh
        self.moment = body.format_moment(nanoseconds)
        self.uptime = uptime
        self.ide_used = self.moment if ide else ide_used
        """When it was used last: as in the original, a connection is a use."""
        self.ssh_used = self.moment if ssh else ssh_used


def make_look(document: "dict[str, Any]", nanoseconds: int, uptime: float) -> Look:
    """Return what a sample of the activity says, as `agent.observe.activity.sample` writes it.

    What goes on without a connection, such as a build, is a use of the shell.
    """
    used = {"ide": [document["ide"]["last"]], "ssh": [document["ssh"]["last"]]}
    for row in document["signals"]:
        if row["counts"]:
            used["ide" if row["name"] in OF_THE_EDITOR else "ssh"].append(row["last"])
    last = {name: max(filter(None, found), default="") for name, found in used.items()}
    return Look(
        document["ide"]["connections"],
        document["ssh"]["connections"],
        nanoseconds,
        uptime,
        ide_used=body.lengthen(last["ide"]),
        ssh_used=body.lengthen(last["ssh"]),
    )


def run(folder: str, document: "dict[str, Any]", log: "Callable[[], Logger]") -> None:
    """Report a sample, if reports are sent. Raises OSError: nothing can be kept."""
    plan = read_plan(folder)
    if plan:
        uptime = time.clock_gettime(time.CLOCK_BOOTTIME)
        report(folder, plan, make_look(document, time.time_ns(), uptime), log)


def report(folder: str, plan: Plan, look: Look, log: "Callable[[], Logger]") -> None:
    """Note what is seen, and send a report if it is time. Raises OSError: nothing can be kept."""
    known = state.read(folder)
    note(known, look)
    key = identify(plan.key_file)
    if is_due(known, look, plan.heartbeat, key):
        before = (known.problem, known.refused)
        expect_failure(known, look)
        state.write(folder, known)  # for the next run, should this one be killed
        settle(known, look, key, send(plan, known, look))
        tell(known, *before, log)
    state.write(folder, known)


def note(known: State, look: Look) -> None:
    """Note when it was used last; no use is later than now, whoever has set the clock."""
    known.last_ide = min(max(known.last_ide, look.ide_used), look.moment)
    known.last_ssh = min(max(known.last_ssh, look.ssh_used), look.moment)


def identify(key_file: str) -> str:
    """Return what changes when the file of the key does."""
    try:
        found = os.stat(key_file)  # noqa: PTH116 - light
    except OSError as error:
        return str(error.strerror) if key_file else NO_KEY
    return f"{found.st_dev}-{found.st_ino}-{found.st_size}-{found.st_mtime_ns}"


def is_due(known: State, look: Look, heartbeat: float, key: str) -> bool:
    """Tell whether to send a report now."""
    if known.refused:
        return known.refused != key
    if known.failures:
        return not 0 < known.retry_at - look.uptime <= PAUSES.longest
    if not known.accepted or (known.ide, known.ssh) != (look.ide, look.ssh):
        return True
    return not 0 <= look.uptime - known.accepted_at < heartbeat - SLACK


def expect_failure(known: State, look: Look) -> None:
    """Note what holds unless the report is accepted."""
    known.attempted = look.moment
    known.failures += 1
    pause = PAUSES.pause(known.failures)
    known.retry_at = look.uptime + pause - pause / 2 * os.urandom(1)[0] / 255


def send(plan: Plan, known: State, look: Look) -> Outcome:
    """Send how things are now."""
    try:
        key = word(read_file(plan.key_file, SECRET).decode("utf-8-sig")) if plan.key_file else ""
    except OSError as error:
        return Outcome(Kind.REFUSED, f"cannot read {plan.key_name}: {error.strerror}", MEND_KEY)
    except (UnusableError, UnicodeDecodeError) as error:
        cause = error if isinstance(error, UnusableError) else "it is not UTF-8 text"
        return Outcome(Kind.REFUSED, f"cannot use {plan.key_name}: {cause}", MEND_KEY)
    snapshot = body.make_snapshot(known.last_ide, known.last_ssh, look.ide, look.ssh)
    content = body.encode(plan.identifier, snapshot, look.moment)
    from agent.observe.report import sending  # noqa: PLC0415 - 40 ms that only a report costs

    return sending.send(plan.url, content, key, seconds=plan.seconds, direct=plan.direct)


def settle(known: State, look: Look, key: str, outcome: Outcome) -> None:
    """Note what became of a report."""
    known.problem, known.hint = outcome.problem, outcome.hint
    known.refused = key if outcome.kind is Kind.REFUSED else ""
    if outcome.kind is Kind.ACCEPTED:
        known.failures, known.retry_at = 0, 0.0
        known.ide, known.ssh = look.ide, look.ssh
        known.accepted, known.accepted_at = look.moment, look.uptime
    elif outcome.pause:
        known.retry_at = max(known.retry_at, look.uptime + min(outcome.pause, PAUSES.longest))


def tell(known: State, problem: str, refused: str, log: "Callable[[], Logger]") -> None:
    """Log a line when trouble begins, when a key is refused, and when all is well again."""
    if known.problem and (not problem or known.refused not in ("", refused)):
        log().warning(f"{known.problem} ({known.hint})" if known.hint else known.problem)
    elif problem and not known.problem:
        log().info("the control plane accepts the reports again")
