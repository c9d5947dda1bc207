"""What the agent knows: the members that are made from its own documents."""

import os
import platform
from collections.abc import Iterator
from dataclasses import asdict, fields
from pathlib import Path

from agent import __version__
from agent.machine.light import runtime
from agent.machine.light.cgroup import Cgroup
from agent.machine.light.files import STATE, open_file, read_file
from agent.machine.light.proc import read_stat
from agent.machine.records.unit_log import FOLDER as LOGS
from agent.machine.storage import layered_folders
from agent.machine.storage.mountinfo import TABLE
from agent.observe import doctor, findings, status
from agent.observe.bundle.part import Content, Source
from agent.observe.checks.versions import PROGRAMS, ask
from agent.observe.metrics.all import FAMILIES
from agent.observe.metrics.exposition import render
from agent.observe.versions import read_system
from agent.services import registered, supervisord
from agent.services.user import SYSTEM_FOLDER, USER_FOLDER
from agent.settings.everything import variables
from agent.settings.variable import declared

LONGEST_LOG = 2**20
"""Bytes of a log that are taken: its end."""
MARGIN = 64 * 1024
"""Bytes before them that are read as well: a secret may begin there."""
MOST_LOGS = 200
PLAIN = (bool, int, float, Path)
"""Values that hold no secret. Of texts, lists and commands it is only said that they are set."""


def make_doctor(source: Source) -> dict[str, object]:
    """Return what doctor finds without the network, and what it found last."""
    current = source.current
    now = doctor.examine(source.checks, current, offline=True, limit=8.0)
    kept = findings.FILE.read(current.facts)
    return {"now": [vars(row) for row in now], "kept": [vars(row) for row in kept]}


def make_status(source: Source) -> dict[str, object]:
    """Return the status, as `devcopilot status --json` prints it."""
    return status.make_document(status.collect(source.current))


def make_metrics(source: Source) -> bytes:
    """Return the metrics, as Prometheus reads them."""
    return render(FAMILIES, status.collect(source.current)).encode()


def make_settings(source: Source) -> dict[str, object]:
    """Return each variable: whether it is set, and a value only if it cannot be a secret."""
    current = source.current
    values = {}
    for group in fields(current.settings):
        settings = getattr(current.settings, group.name)
        for item in fields(settings):
            values[declared(item).name] = getattr(settings, item.name)
    rows = {}
    for _, entry in variables():
        given = [name for name in entry.names if current.variables.get(name)]
        value = values.get(entry.name)
        shown = str(value) if not entry.secret and isinstance(value, PLAIN) else None
        rows[entry.name] = {"set": bool(given), "as": given, "value": shown}
    names = sorted(current.facts.environ)
    return {
        "variables": rows,
        "environment": names,
        "own_secrets": sorted(current.facts.own_secrets),
    }


def make_versions(source: Source) -> dict[str, object]:
    """Return the versions of the agent, of what it works with, and of the system."""
    said = {program.name: (ask(program, source.facts) or "").partition("\n")[0].strip()
            for program in PROGRAMS}  # fmt: skip
    return {"agent": __version__, "python": platform.python_version(), "programs": said,
            "kernel": platform.release(), "system": read_system()}  # fmt: skip


def make_services(source: Source) -> dict[str, object]:
    """Return the names of the services: those of files, and those that run."""
    own = source.facts.home / USER_FOLDER
    if source.context and source.context.settings.agent.services_dir:
        own = source.context.settings.agent.services_dir
    found = layered_folders.find_files(own, SYSTEM_FOLDER)
    files = [str(item) for item in found]
    roster = registered.ROSTER.read(source.facts)
    running = [service.name for service in roster.services]
    return {"files": files, "registered": running, "refused": dict(roster.refused)}


def make_supervisord(source: Source) -> dict[str, object]:
    """Return what supervisord says of each service."""
    try:
        states = supervisord.query_states(source.facts.runtime)
    except OSError as error:
        cause = f"supervisord does not answer: {error.strerror or error}"
        raise OSError(error.errno, cause) from error
    return {name: asdict(state) for name, state in states.items()}


def make_cgroup(_: Source) -> dict[str, object]:
    """Return limits and use, as the container's control group counts them."""
    group = Cgroup()
    return {
        "memory": group.memory(), "memory_working_set": group.working_set(),
        "memory_limit": group.memory_limit(), "memory_kills": group.out_of_memory_kills(),
        "processes": group.processes(), "processes_limit": group.process_limit(),
        "processes_refused": group.processes_refused(), "processors": group.processors(),
        "processor_seconds": group.processor_seconds(),
    }  # fmt: skip


def make_mounts(_: Source) -> bytes:
    """Return the table of mounts."""
    return read_file(TABLE, STATE)


def make_processes(_: Source) -> bytes:
    """Return pid, parent, state and name of each process; no words of commands."""
    rows = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            name, rest = read_stat(folder)
        except OSError:
            continue  # it has ended
        rows.append((int(folder.name), int(rest[1]), rest[0], name))
    lines = (f"{pid:>7} {parent:>7} {state} {name}" for pid, parent, state, name in sorted(rows))
    return "\n".join(["    pid  parent   name", *lines, ""]).encode()


def make_logs(source: Source) -> Iterator[Content]:
    """Yield the end of each log in the runtime folder.

    Raises PermissionError for a folder that somebody else has made: a link could lead to any files.
    """
    runtime.check(str(source.facts.runtime), source.facts.uid)
    folder = source.facts.runtime / LOGS
    paths = [path for path in folder.iterdir() if path.is_file() and not path.is_symlink()]
    newest = sorted(paths, key=lambda path: path.stat().st_mtime, reverse=True)[:MOST_LOGS]
    for path in sorted(newest):
        yield read_end(path, f"logs/{path.name}")


def read_end(path: Path, name: str) -> Content:
    """Return the end of a file, with a margin before it. Raises OSError."""
    descriptor = open_file(path)
    try:
        size = os.fstat(descriptor).st_size
        longest = LONGEST_LOG + MARGIN
        data = os.pread(descriptor, longest, max(0, size - longest))
    finally:
        os.close(descriptor)
    if size > longest:
        data = data[data.find(b"\n") + 1 :]  # half of a line may hold half of a secret
    return Content(name, data, truncated=size > LONGEST_LOG)
