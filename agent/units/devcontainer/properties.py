"""What a devcontainer.json asks for that cannot be followed here, a line each."""

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from agent.machine.errors import Problem
from agent.machine.light.cgroup import Cgroup
from agent.settings.devcontainer_file import Devcontainer

BUILT = "the image is already built"
STARTED = "the container is already started"
NOT_HONOURED: Mapping[str, tuple[str, str]] = {
    "image": (BUILT, ""),
    "build": (BUILT, ""),
    "dockerFile": (BUILT, ""),
    "dockerComposeFile": (STARTED, ""),
    "service": (STARTED, ""),
    "runServices": (STARTED, "run them as services: ~/.config/devcopilot/services.d"),
    "features": (BUILT, "bake them into the image"),
    "mounts": (STARTED, "mount them when you start the container"),
    "workspaceMount": (STARTED, ""),
    "runArgs": (STARTED, ""),
    "appPort": (STARTED, "publish the ports when you start the container"),
    "privileged": (STARTED, ""),
    "init": (STARTED, "the agent is one"),
    "capAdd": (STARTED, ""),
    "securityOpt": (STARTED, ""),
    "updateRemoteUserUID": (STARTED, ""),
    "overrideCommand": (STARTED, ""),
    "shutdownAction": ("whoever started the container ends it", ""),
    "initializeCommand": ("it is for the machine outside", "run it there"),
}
"""Property -> why it has no effect, and what has."""
_SIZES = {"": 1, "kb": 2**10, "mb": 2**20, "gb": 2**30, "tb": 2**40}


def find_notes(file: Devcontainer, environ: Mapping[str, str], user: str) -> Iterator[Problem]:
    """Yield what is not honoured, and what the machine lacks of what is asked for."""
    for name, (why, hint) in NOT_HONOURED.items():
        if file.given.get(name) not in (None, [], {}, ""):
            yield Problem(f"{name} has no effect: {why}", hint, level="info")
    for name in ("remoteUser", "containerUser"):
        wanted = file.given.get(name)
        if isinstance(wanted, str) and wanted and wanted != user:
            yield Problem(f"{name} has no effect: everything runs as {user}", level="info")
    for name, about in file.take_table("secrets").items():
        if name not in environ:
            text = about.get("description") if isinstance(about, dict) else None
            what = f" ({text[:200]})" if isinstance(text, str) and text else ""
            yield Problem(
                f"the repository asks for the secret {name}{what}", f"set {name}", level="info"
            )
    yield from find_shortages(file.take_table("hostRequirements"), file.folder)


def find_shortages(
    wanted: Mapping[str, Any], folder: Path, cgroup: Cgroup | None = None
) -> Iterator[Problem]:
    """Yield what the container has less of than the repository asks for."""
    for name, has in find_present(folder, cgroup or Cgroup()).items():
        needed = read_amount(wanted.get(name))
        if needed and has < needed:
            shown = f"{has:.3g}" if name == "cpus" else f"{has / 2**30:.1f} GiB"
            yield Problem(f"the repository asks for {wanted[name]} of {name}; here are {shown}")


def find_present(folder: Path, cgroup: Cgroup) -> Mapping[str, float]:
    """Return how much there is of each, which the machine or the container's limits decide."""
    disk = os.statvfs(folder)
    processors = len(os.sched_getaffinity(0))
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return {
        "cpus": min(processors, cgroup.processors() or processors),
        "memory": min(memory, cgroup.memory_limit() or memory),
        "storage": disk.f_blocks * disk.f_frsize,
    }


def read_amount(value: Any) -> int:
    """Return a number, or a size such as 8gb in bytes; 0 for anything else."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    found = (
        re.fullmatch(r"([0-9]{1,9})\s*([kmgt]b)?", value.lower())
        if isinstance(value, str)
        else None
    )
    return int(found[1]) * _SIZES[found[2] or ""] if found else 0
