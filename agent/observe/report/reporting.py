"""Decides whether a report is due, sends it, and keeps what became of it. Light.

One report a run at most, and no queue: what is sent is how things are now. Failures are followed by
ever longer pauses. What was refused is sent again only if something has changed: the file of the
key, or the settings, with which a new life begins.
"""

import os
import time

from agent.machine.light.backoff import Backoff
from agent.machine.light.files import SECRET, read_file
from agent.machine.light.later import put_off
from agent.machine.light.texts import UnusableError, word
from agent.observe.report import body, record, rules
from agent.observe.report.look import Look, make_look
from agent.observe.report.outcome import Kind, Outcome
from agent.observe.report.record import State
from agent.observe.report.rules import Plan

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from agent.machine.light.log import Logger

PAUSES = Backoff(30.0, 300.0)
"""Seconds; up to half of each is left out at random, so that a fleet does not come all at once."""
RARELY_USED = ("calendar", "datetime", "ipaddress", "random", "ssl")
"""What `http.client` imports: half of what it costs, and only a report by https needs any of it."""
SLACK = 1.0
"""Seconds by which a report may be early, rather than late by a whole look."""
NO_KEY = "none"
INTERRUPTED = "the last report took too long, so that it was ended"
MEND_KEY = "give the key alone; one in a file is read again when the file changes"


def run(folder: str, document: "dict[str, Any]", log: "Callable[[], Logger]") -> None:
    """Report a sample, if reports are sent. Raises OSError: nothing can be kept."""
    wanted = rules.read(folder)
    if wanted:
        uptime = time.clock_gettime(time.CLOCK_BOOTTIME)
        report(folder, wanted, make_look(document, time.time_ns(), uptime), log)


def report(folder: str, wanted: Plan, look: Look, log: "Callable[[], Logger]") -> None:
    """Note what is seen, and send a report if it is time. Raises OSError: nothing can be kept."""
    known = record.read(folder)
    note(known, look)
    key = identify(wanted.key_file)
    if is_due(known, look, wanted.heartbeat, key):
        before = (known.problem, known.refused)
        expect_failure(known, look)
        record.write(folder, known)  # for the next run, should this one be killed
        settle(known, look, key, send(wanted, known, look))
        tell(known, *before, log)
    record.write(folder, known)


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
    known.problem = known.problem or INTERRUPTED
    known.refused = ""
    known.failures += 1
    pause = PAUSES.pause(known.failures)
    known.retry_at = look.uptime + pause - pause / 2 * os.urandom(1)[0] / 255


def send(wanted: Plan, known: State, look: Look) -> Outcome:
    """Send how things are now."""
    try:
        key = (
            word(read_file(wanted.key_file, SECRET).decode("utf-8-sig")) if wanted.key_file else ""
        )
    except OSError as error:
        return Outcome(Kind.REFUSED, f"cannot read {wanted.key_name}: {error.strerror}", MEND_KEY)
    except (UnusableError, UnicodeDecodeError) as error:
        cause = error if isinstance(error, UnusableError) else "it is not UTF-8 text"
        return Outcome(Kind.REFUSED, f"cannot use {wanted.key_name}: {cause}", MEND_KEY)
    snapshot = body.make_snapshot(known.last_ide, known.last_ssh, look.ide, look.ssh)
    content = body.encode(wanted.identifier, snapshot, look.moment)
    put_off(*RARELY_USED)
    from agent.observe.report import sending  # noqa: PLC0415 - 10 ms that only a report costs

    return sending.send(wanted, content, key)


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
