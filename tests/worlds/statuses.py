"""Statuses to show, typed as the real ones: a workspace in which each part has something to say."""

from datetime import UTC, datetime, timedelta
from typing import Any

from agent.backup import status as backup
from agent.github import status as github
from agent.machine.light.clock import format_time
from agent.machine.records.unit_record import Record, State
from agent.observe.activity.answer import Activity, Connections, Lease, Sign
from agent.observe.report import status as reports
from agent.observe.status import Status, Trouble
from agent.observe.usage import Disk, Usage
from agent.services import status as services
from agent.tools import rows


def tell(**delta: float) -> str:
    """Return the time at this distance from now."""
    return format_time(datetime.now(UTC) + timedelta(**delta))


def make_token(**changes: Any) -> github.Row:
    """Return a token with 54 minutes left."""
    values: dict[str, Any] = {
        "host": "github.com", "login": "octocat", "kind": "installation",
        "source": "GITHUB_APP_ID", "grants": "contents:write, metadata:read", "problem": "",
        "checked": tell(minutes=-2), "refreshed": tell(minutes=-2),
        "expires": tell(minutes=54, seconds=10), "published": True, "good": True, "refreshes": 24,
        "failed": 1,
    }  # fmt: skip
    return github.Row(**{**values, **changes})


def make_service(**changes: Any) -> services.Row:
    """Return sshd, running for two hours."""
    values: dict[str, Any] = {
        "name": "sshd", "state": "RUNNING", "supervisord": "RUNNING", "pid": 40,
        "since": tell(hours=-2), "essential": True, "probe_port": 2222, "restarts": 0,
    }  # fmt: skip
    return services.Row(**{**values, **changes})


def make_backup(**changes: Any) -> backup.Row:
    """Return a target with a good backup of three minutes ago."""
    values: dict[str, Any] = {
        "target": "local", "seen": tell(minutes=-3, seconds=-5), "snapshot": "5a1c5b2f",
        "made": tell(minutes=-3, seconds=-5), "files": 1234, "size": 12_300_000,
        "seconds": 2.5, "missing": (), "lacking": 0, "shrunk": "", "hook": "", "lost": "",
        "rival": "",
        "problem": "", "finding": "", "verified": tell(days=-1), "pruned": tell(days=-2),
        "next": tell(minutes=27, seconds=5), "overdue": False, "red": False, "why": "",
    }  # fmt: skip
    return backup.Row(**{**values, **changes})


def make_unit(**changes: Any) -> Record:
    """Return a clone that is under way."""
    values: dict[str, Any] = {
        "name": "clone", "state": State.RUNNING, "since": tell(minutes=-2), "reason": "demo",
        "progress": 40,
    }  # fmt: skip
    return Record(**{**values, **changes})


def make_usage(**changes: Any) -> Usage:
    """Return half a GB of memory of two, and a workspace whose disk is half full."""
    values: dict[str, Any] = {
        "memory_bytes": 600_000_000, "working_set_bytes": 500_000_000,
        "memory_limit_bytes": 2_000_000_000, "memory_kills": 0, "cpu_seconds": 34.5,
        "cpu_limit_cores": 1.5, "processes": 42, "process_limit": 1000,
        "disks": {"workspace": Disk(5 * 10**9, 10**10), "home": Disk(10**9, 10**10)},
    }  # fmt: skip
    return Usage(**{**values, **changes})


def make_activity(**changes: Any) -> Activity:
    """Return a workspace in which somebody has typed a minute ago."""
    values: dict[str, Any] = {
        "at": tell(seconds=-5), "active": True, "reason": "Active: somebody types.",
        "last": tell(minutes=-1), "stops": tell(hours=1), "holds": (),
        "signals": (
            Sign("terminal_input", tell(minutes=-1), "pts/0", counts=True, why=""),
            Sign("ai", None, "", counts=False, why="no AI tool works"),
        ),
        "leases": (Lease("keep", tell(hours=2), "a build", None),),
        "ide": Connections(1, tell()), "ssh": Connections(0, None),
    }  # fmt: skip
    return Activity(**{**values, **changes})


def make_report(**changes: Any) -> reports.Row:
    """Return reports of which the last was accepted half a minute ago."""
    values: dict[str, Any] = {
        "url": "https://plane.example.com/api/v1/environments/env-1/activity",
        "accepted": tell(seconds=-30), "attempted": tell(seconds=-30), "failures": 0,
        "next": None, "refused": False, "problem": "", "hint": "",
    }  # fmt: skip
    return reports.Row(**{**values, **changes})


def make_status(**changes: Any) -> Status:
    """Return a workspace that is ready for two hours, with something wrong in most parts."""
    values: dict[str, Any] = {
        "version": 2, "pid": 1, "phase": "ready", "started": tell(hours=-2),
        "ready_seconds": 0.71, "stopping_because": None, "cmd": False, "jobs": {},
        "workspace": "/workspace",
        "services": [make_service(), make_service(name="web", state="FATAL", essential=False)],
        "tokens": [make_token()],
        "units": [
            make_unit(),
            make_unit(name="hooks", state=State.FAILED, reason="it ended with 3",
                      hint="devcopilot rerun hooks", log="/x", progress=None),
            make_unit(name="tools", state=State.DONE),
        ],
        "backups": [make_backup(red=True, problem="cannot back up: no space left on it " * 4)],
        "tools": [rows.Row("claude", "installed", "/usr/bin/claude")],
        "problems": [
            Trouble("", "cannot sign commits: there is no key", "set SSH_PRIVATE_KEY_FILE")
        ],
        "agent": None, "usage": make_usage(), "activity": make_activity(), "lost_lines": {},
        "report": make_report(),
        "page": "http://127.0.0.1:8079/",
    }  # fmt: skip
    return Status(**{**values, **changes})
