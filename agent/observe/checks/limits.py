"""Limits of the kernel that builds and editors meet: processes, open files, watched files."""

import resource
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from agent.machine.light.cgroup import Cgroup, parse_number
from agent.machine.light.files import SECRET, read_file
from agent.machine.values import frozen
from agent.settings.check import Check, Finding, Result
from agent.settings.context import Context

NEARLY = 0.80
FEW_PROCESSES = 512
"""Processes and threads: code-server and one build take some 200."""
FEW_FILES = 4096
FEW_WATCHES = 65536
"""Files that an editor watches of a large project:
https://code.visualstudio.com/docs/setup/linux names 524288."""
FOLDER = Path("/proc/sys/fs/inotify")
MORE_PROCESSES = "docker run --pids-limit 4096, or podPidsLimit of the kubelet"
MORE_WATCHES = "on the machine below, as root: sysctl fs.inotify.max_user_watches=524288"
MORE_INSTANCES = "on the machine below, as root: sysctl fs.inotify.max_user_instances=1024"


@frozen
class Watches:
    """What the processes of this uid watch, as far as they can be seen."""

    instances: int
    watches: int


def look(_: Context) -> Iterator[Finding]:
    """Yield a finding for each limit."""
    group = Cgroup()
    refused = group.processes_refused()
    yield judge_processes(group.processes(), group.process_limit(), refused)
    yield judge_files(resource.getrlimit(resource.RLIMIT_NOFILE))
    yield from judge_watches(count_watches(), FOLDER)


def judge_processes(used: int | None, limit: int | None, refused: int | None) -> Finding:
    """Return whether more processes can be started. All as the control group counts them."""
    facts, part = {"used": used, "limit": limit, "refused": refused}, "processes"
    if used is None:
        summary = "this kernel does not tell how many processes the container may have"
        return Finding(Result.UNKNOWN, summary, part=part)
    if limit is None:
        summary = f"{used} processes and threads; there is no limit"
        return Finding(Result.OK, summary, facts=facts, part=part)
    summary = f"{used} of {limit} processes and threads"
    if refused:
        told = f"{summary}; {refused} times none could be started"
        return Finding(Result.WARN, told, MORE_PROCESSES, facts, part)
    if used >= NEARLY * limit:
        told = f"{summary}: soon none can be started"
        return Finding(Result.WARN, told, MORE_PROCESSES, facts, part)
    if limit < FEW_PROCESSES:
        told = f"{summary}: a build may need more"
        return Finding(Result.WARN, told, MORE_PROCESSES, facts, part)
    return Finding(Result.OK, summary, facts=facts, part=part)


def judge_files(limits: tuple[int, int]) -> Finding:
    """Return whether programs can open enough files. `limits`: the soft one, and the hard one."""
    soft, hard = limits
    facts, part = {"soft": soft, "hard": hard}, "open files"
    if resource.RLIM_INFINITY in (hard,) or hard >= FEW_FILES:
        return Finding(Result.OK, f"{soft} open files for each process", facts=facts, part=part)
    summary = f"a process can open at most {hard} files"
    return Finding(Result.WARN, summary, "docker run --ulimit nofile=65536", facts, part)


def judge_watches(used: Watches, folder: Path) -> Iterator[Finding]:
    """Yield whether editors can watch the files of a project. All containers of a uid share it."""
    most, instances = (_read(folder / f"max_user_{name}") for name in ("watches", "instances"))
    facts = {"watches": used.watches, "most": most, "instances": used.instances,
             "most_instances": instances}  # fmt: skip
    part = "watched files"
    if most is None or instances is None:
        yield Finding(Result.UNKNOWN, "this kernel does not tell how many files can be watched",
                      part=part)  # fmt: skip
        return
    if used.instances >= NEARLY * instances:
        summary = f"{used.instances} of {instances} watchers of files are in use here alone"
        yield Finding(Result.WARN, summary, MORE_INSTANCES, facts, part)
    summary = f"{used.watches} of {most} watched files"
    if used.watches >= NEARLY * most:
        yield Finding(Result.WARN, f"{summary}: changes go unnoticed", MORE_WATCHES, facts, part)
    elif most < FEW_WATCHES:
        told = f"{summary}: too few for a large project"
        yield Finding(Result.WARN, told, MORE_WATCHES, facts, part)
    else:
        yield Finding(Result.OK, summary, facts=facts, part=part)


def count_watches(proc: Path = Path("/proc")) -> Watches:
    """Return how many files are watched by the processes that we may look into."""
    instances = watches = 0
    for folder in proc.glob("[0-9]*/fd"):
        with suppress(OSError):
            for link in folder.iterdir():
                with suppress(OSError):
                    if "inotify" in str(link.readlink()):
                        instances += 1
                        info = read_file(folder.parent / "fdinfo" / link.name, 2**20)
                        watches += info.count(b"\ninotify ")
    return Watches(instances, watches)


def _read(path: Path) -> int | None:
    with suppress(OSError, ValueError):
        return parse_number(read_file(path, SECRET).decode("ascii").strip())
    return None


CHECK = Check(
    "limits", "Machine", "limits of processes, open files and watched files", look,
    documents="docs/settings.md",
)  # fmt: skip
