"""Whether there is memory, and whether the kernel has killed something for want of it."""

from collections.abc import Iterator

from agent.machine.errors import Problem
from agent.machine.light.cgroup import Cgroup
from agent.machine.light.human import format_size
from agent.settings.check import Check, Finding, Result
from agent.settings.context import Context

NEARLY = 0.90
"""Share of the limit from which the next build may be too much."""
LEAST = 512 * 2**20
"""Bytes that the editor and one language server take."""
MORE = "give it more: docker run --memory 4g, or resources.limits.memory in Kubernetes"


def look(_: Context) -> Iterator[Finding]:
    """Yield how the memory stands."""
    yield from judge(Cgroup())


def find_problem(group: Cgroup) -> Problem | None:
    """Return that the kernel has killed something in this container, if it has."""
    kills = group.out_of_memory_kills()
    if not kills:
        return None
    word = "process was" if kills == 1 else "processes were"
    message = f"{kills} {word} killed because the memory was used up"
    return Problem(message, f"run less at a time, or {MORE}")


def judge(group: Cgroup) -> Iterator[Finding]:
    """Yield what the control group says."""
    used, limit, kills = group.working_set(), group.memory_limit(), group.out_of_memory_kills()
    facts = {"used": used, "limit": limit, "kills": kills}
    if problem := find_problem(group):
        yield Finding(Result.WARN, problem.message, problem.hint, facts, "kills")
    if used is None:
        yield Finding(Result.UNKNOWN, "this kernel does not tell the memory of the container")
    elif limit is None:
        summary = f"{format_size(used)} of memory are in use; there is no limit"
        yield Finding(Result.OK, summary, facts=facts)
    elif used >= NEARLY * limit:
        summary = f"{format_size(used)} of {format_size(limit)} of memory are in use"
        yield Finding(Result.WARN, summary, MORE, facts)
    elif limit < LEAST:
        summary = f"the container has {format_size(limit)} of memory: too little for the editor"
        yield Finding(Result.WARN, summary, MORE, facts)
    else:
        summary = f"{format_size(used)} of {format_size(limit)} of memory are in use"
        yield Finding(Result.OK, summary, facts=facts)


CHECK = Check(
    "memory", "Machine", "memory in use, its limit, and processes that were killed for want of it",
    look, documents="docs/settings.md",
)  # fmt: skip
