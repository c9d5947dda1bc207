"""The action on an idle workspace, once it is due. It never acts on what was seen before."""

import subprocess
from pathlib import Path

from agent.backup.targets.all import wants_backups
from agent.machine.errors import AgentError, Problem
from agent.machine.light import runtime
from agent.machine.light.log import Logger
from agent.machine.programs.process_groups import end_group
from agent.machine.programs.user_commands import PATIENCE, name_code
from agent.observe.activity import last_sample, sample
from agent.observe.activity.sample import Sample
from agent.settings.context import Context
from agent.settings.parsers import EXIT

JOB = "idle"
COMMAND_TIMEOUT = 600.0
"""Seconds that the command of DEV8_IDLE_ACTION may take; then it ends, with all it started."""


def carry_out(current: Context, log: Logger) -> None:
    """Do what DEV8_IDLE_ACTION says, if the workspace is still idle. Raises AgentError."""
    if not look_again(current):
        return
    action = current.settings.activity.idle_action
    if action != (EXIT,):
        run_command(current, action, log)
        return
    # The container's stop has little time; a backup of much may need more.
    if wants_backups(current.settings) and current.settings.backup.on_stop:
        subprocess.run([*runtime.DEVCOPILOT, "--log", "backup", "create"], check=False)
    if found := look_again(current):
        ask_to_stop(current.facts.runtime, found)


def look_again(current: Context) -> Sample | None:
    """Return a sample of this moment if DEV8_IDLE_TIMEOUT is over by it and nothing is at work."""
    folder = str(current.facts.runtime)
    with last_sample.hold(folder):
        found = sample.take(folder)
        if found.holds:
            found.view.memory.idle["acted"] = None  # the sampler says it again when that is over
        sample.save(folder, found)
    stops = found.verdict.stops
    is_due = stops is not None and stops <= found.view.now.boot and not found.holds
    return found if is_due else None


def ask_to_stop(folder: Path, found: Sample) -> None:
    """Have init stop the container in order, with exit code 0, when this job ends."""
    age = found.view.now.boot - found.verdict.last
    reason = f"idle for {age / 60:.0f} min (DEV8_IDLE_TIMEOUT)"
    runtime.write_atomic(str(folder / runtime.JOBS / f"{JOB}.stop"), f"{reason}\n".encode())


def run_command(current: Context, words: tuple[str, ...], log: Logger) -> None:
    """Run the user's command, as the user's programs run. Raises AgentError."""
    name = Path(words[0]).name
    log.info("the workspace is idle, running DEV8_IDLE_ACTION", command=name)
    try:
        process = subprocess.Popen(
            words, env=current.facts.user_environ, stdin=subprocess.DEVNULL, process_group=0
        )
    except OSError as error:
        raise explain(name, error.strerror or str(error)) from error
    try:
        code = process.wait(COMMAND_TIMEOUT)
    except subprocess.TimeoutExpired as error:
        end_group(process, PATIENCE)
        raise explain(name, f"it took longer than {COMMAND_TIMEOUT:g} s") from error
    if code:
        raise explain(name, f"it failed with {name_code(code)}")


def explain(name: str, cause: str) -> AgentError:
    """Return the error of a command."""
    return AgentError(
        Problem(f"cannot run {name} of DEV8_IDLE_ACTION: {cause}", "change DEV8_IDLE_ACTION")
    )
