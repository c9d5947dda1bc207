"""What is done about an idle workspace: warnings, and the word that DEV8_IDLE_TIMEOUT is over.

Light: the sampler does this each 30 s. The action itself is `agent.observe.activity.action`, in a
job that the word starts.
"""

import contextlib
import os

from agent.machine.light import runtime
from agent.machine.light.human import format_clock, format_duration
from agent.observe.activity import last_sample, moment, rules, sample, terminals
from agent.observe.activity.rules import Rules
from agent.observe.activity.sample import Sample
from agent.observe.activity.view import read_object
from agent.observe.metrics import history

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from agent.machine.light.log import Logger

DUE = os.path.join(runtime.ACTIVITY, "due")
"""In the runtime folder: its change starts the job that acts; `agent.workspace.jobs` watches it."""
WARNINGS = (600.0, 120.0)
"""Seconds before the action; those that are not shorter than the timeout are left out."""
AGAIN = 900.0
"""Seconds after which a stop that did not come is asked for again."""
REMINDER = 3600.0
"""Seconds after which the log says again that nothing can be kept."""
STALE = 10.0
"""Seconds after which a sample says nothing any more: we were stopped in between."""
_CLIENTS = ("tmux: client", "screen")
"""What shows other terminals, which get the warning themselves."""


def run(folder: str) -> int:
    """Take a sample for the workspace of this runtime folder, keep it, act on it and report it."""
    try:
        with last_sample.hold(folder):
            found = sample.take(folder)
            attend(found, open_log)
            document = sample.save(folder, found)
        report(folder, document)
    except OSError as error:
        if is_news(folder):
            open_log().error(f"cannot keep the activity: {error.strerror}")
        return 1
    note_history(folder, found.view.rules)
    return 0


def is_news(folder: str) -> bool:
    """Tell whether to say that nothing can be kept: the first time, and then once an hour.

    The folder does not take a note of that either, so the age of what it took last decides.
    """
    now, interval = moment.read(), rules.load(folder).interval
    boot = read_object(os.path.join(folder, sample.FILE)).get("boot")
    if isinstance(boot, float):
        age = now.boot - boot
    else:  # nothing was kept since `configure`
        try:
            age = now.wall - os.stat(os.path.join(folder, rules.FILE)).st_mtime
        except OSError:
            return True
    return 0 <= age < 1.5 * interval or age % REMINDER < interval


def note_history(folder: str, rules: Rules) -> None:
    """Note what the workspace uses, once a minute: it comes last, since a disk may be far away."""
    with contextlib.suppress(OSError):  # the day has a gap
        history.note(folder, rules.workspace, rules.home)


def report(folder: str, document: "dict[str, Any]") -> None:
    """Tell the control plane, if there is one. Raises OSError."""
    if os.path.exists(os.path.join(folder, runtime.REPORTING)):
        from agent.observe.report import reporting  # noqa: PLC0415 - few have one

        reporting.run(folder, document, open_log)


def open_log() -> "Logger":
    """Return the log; in most runs there is nothing to say, and its modules cost 4 ms."""
    from agent.machine.light.log import Logger  # noqa: PLC0415 - see above

    return Logger("activity")


def attend(found: Sample, log: "Callable[[], Logger]") -> None:
    """Warn, or say that the time is over, each once in a pause."""
    verdict, view = found.verdict, found.view
    timeout = view.rules.timeout
    if verdict.stops is None or timeout is None:
        return
    said = view.memory.idle
    if said.get("last") != verdict.last:
        said = view.memory.idle = {"last": verdict.last, "warned": timeout, "acted": None}
    left = verdict.stops - view.now.boot
    if left <= 0:
        if is_time(found) and not found.holds and is_fresh(found):
            said["acted"] = view.now.boot
            act(found, log)
        return
    for warning in WARNINGS:
        if left <= warning < said.get("warned", timeout):
            said["warned"] = warning
            warn(found, left, log)


def is_time(found: Sample) -> bool:
    """Tell whether something is still to be done in this pause: a stop is asked for until it comes.

    The job that acts may have been killed, or found something that had to be waited for.
    """
    view = found.view
    acted = view.memory.idle.get("acted")
    return acted is None or (view.rules.action == ["exit"] and view.now.boot - acted > AGAIN)


def is_fresh(found: Sample) -> bool:
    """Tell whether a sample is of this moment."""
    return moment.read().boot - found.view.now.boot < STALE


def act(found: Sample, log: "Callable[[], Logger]") -> None:
    """Say that the time is over; where something is to be done, start the job that does it."""
    log().info(found.verdict.reason, action=found.view.rules.action[0])
    if found.view.rules.action != ["report"]:
        runtime.write_atomic(os.path.join(found.view.folder, DUE), b"")


def warn(found: Sample, left: float, log: "Callable[[], Logger]") -> None:
    """Tell everybody who may still be there, unless nothing is to be done."""
    view = found.view
    if view.rules.action == ["report"]:
        return
    what = "runs DEV8_IDLE_ACTION" if view.rules.has_command else "stops"
    clock = format_clock(view.now.wall + left, view.now.wall)
    words = f"this workspace is idle and {what} in {format_duration(left)}, at {clock}"
    log().warning(words)
    write_to_all(found, f"DevCopilot: {words}. Press any key to keep it running.")


def write_to_all(found: Sample, text: str) -> None:
    """Write a line to every terminal, as wall(1) does; it is no sign of use."""
    view = found.view
    clients = {
        process.terminal
        for process in view.processes.values()
        if process.has_terminal and process.name.startswith(_CLIENTS)
    }
    for terminal in view.terminals.values():
        if terminal.name in clients:
            continue
        flags = os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC
        try:
            descriptor = os.open(terminal.path, flags)
        except OSError:  # another user's
            continue
        try:
            os.write(descriptor, f"\r\n\a{text}\r\n".encode())
        except OSError:  # nobody reads it
            pass
        finally:
            os.close(descriptor)
    terminals.forget_output(view.devices, view.memory)
