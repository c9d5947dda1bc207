"""Whether the kernel has killed a process because the memory was used up: it does so silently."""

from agent.machine.light.cgroup import Cgroup
from agent.machine.light.log import Logger


class Memory:
    """Counts the kernel's kills, which only it knows: to whoever waits they are plain KILLs."""

    def __init__(self, log: Logger, group: Cgroup) -> None:
        self._log = log
        self._group = group
        self._kills = group.out_of_memory_kills() or 0

    def look(self, **fields: object) -> None:
        """Report kills since the last look; the fields tell what has just ended, and may be one."""
        kills = self._group.out_of_memory_kills() or 0
        if kills > self._kills:
            limit = self._group.memory_limit()
            of = f" of {limit >> 20} MB" if limit else ""
            self._log.error(
                f"out of memory: the kernel killed a process at the memory limit{of}; run less at "
                "a time, or give the container more memory", kills=kills, **fields,
            )  # fmt: skip
        self._kills = kills
