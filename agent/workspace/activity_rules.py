"""The jobs around the activity, and what the sampler must know: it reads no variables itself.

`agent.observe.activity` has the sampler; its `rules` reads the file, and says what its rows are.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import agent
from agent.machine.light import runtime
from agent.machine.places import find_xdg
from agent.machine.planning.resources import Directory, File, Resource
from agent.settings.context import Context
from agent.settings.everything import Settings
from agent.settings.parsers import REPORT
from agent.settings.step import Step
from agent.tools.all import TOOLS

RULES = "rules.json"
DUE = "due"
"""Its change starts the job that acts on an idle workspace."""
INTERVAL = 30.0
"""Seconds between two samples."""
SAMPLER = str(Path(agent.__file__).parent / "observe" / "activity" / "job.py")
"""What runs twice a minute is a script of its own: it loads next to nothing."""


def wants_samples(settings: Settings) -> bool:
    """Tell whether samples are taken all the time, and not only when somebody asks."""
    return bool(settings.activity.idle_timeout or settings.report_url)


def find_interval(settings: Settings) -> float:
    """Return the seconds between two samples: as reports want it, unless an end depends on it."""
    wanted = settings.report.sampling if settings.report_url else INTERVAL
    return min(wanted, INTERVAL) if settings.activity.idle_timeout else wanted


def wants_action(settings: Settings) -> bool:
    """Tell whether something is done about an idle workspace."""
    wanted = settings.activity
    return wanted.idle_timeout is not None and wanted.idle_action != (REPORT,)


def find_due(context: Context) -> tuple[Path, ...]:
    """Return the file whose change says that it is time for the action."""
    return (context.facts.runtime / runtime.ACTIVITY / DUE,)


def resources(context: Context) -> Iterator[Resource]:
    """Yield the file, and the folder that the editor's extension writes to."""
    settings, facts = context.settings, context.facts
    folder = facts.runtime / runtime.ACTIVITY
    wanted = settings.activity
    heartbeat = find_xdg(facts, "XDG_DATA_HOME", ".local/share") / "code-server" / "heartbeat"
    rows = {
        "timeout": wanted.idle_timeout,
        "action": wanted.idle_action,
        "interval": find_interval(settings),
        "job_max": wanted.job_max,
        "tabs": wanted.tabs,
        "editor_port": settings.editor.port if settings.editor.enabled else 0,
        "ssh_port": settings.ssh.port if settings.ssh.enabled else 0,
        "heartbeat": str(heartbeat),
        "workspace": str(settings.workspace.folder),
        "home": str(facts.home),
        "tools": describe_tools(),
    }
    yield Directory(folder, 0o700)
    yield File(folder / RULES, json.dumps(rows).encode(), 0o600, adopt=True)


def describe_tools() -> dict[str, dict[str, Any]]:
    """Return how the sampler knows that an AI tool is at work."""
    return {tool.name: {"headless": tool.headless, "fed": tool.fed} for tool in TOOLS}


STEP = Step("activity", resources)
