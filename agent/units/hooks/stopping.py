"""The hooks of the stop: DEV8_ON_STOP and hooks.d/stop, in the time that is left of it."""

import threading

from agent.settings.context import Context
from agent.settings.hook_folder import AT_STOP
from agent.settings.project import find_folder
from agent.units.hooks import phases, running
from agent.units.hooks.environment import OURS
from agent.units.hooks.kind import KIND
from agent.units.hooks.running import Where
from agent.units.unit import Speaker, Work

SHARE = 0.5
"""Of the time that is left: the final backup, which comes next, needs the rest."""


def carry_out(
    context: Context, seconds: float, speaker: Speaker, stopping: threading.Event
) -> bool:
    """Run them, and return whether all were successful; `seconds` are left until the end."""
    phase = phases.find_admin(AT_STOP, context.settings)
    limit = seconds * SHARE if context.settings.backup.on_stop else seconds
    given = context.settings.hooks.timeout
    timeout = min(limit, given) if given else limit
    work = Work(context, KIND, speaker, stopping)
    unit = work.part(phase.name)
    unit.begin()
    where = Where(find_folder(context), OURS, max(timeout, 0.1), "DEV8_STOP_TIMEOUT")
    return running.carry_out(work, unit, phase, where)
