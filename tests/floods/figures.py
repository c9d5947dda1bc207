"""What the processes of a container hold: a JSON document; runs in there, as their user.

Standard library only. It leaves out itself and what has started it.
"""

import json
import os
from contextlib import suppress
from pathlib import Path

KEPT = {
    "init": "agent.init --booted", "log": "agent.init.logger",
    "supervisord": "supervisor.supervisord",
    "sshd": "[listener]", "code-server": "code-server-service",
}  # fmt: skip
"""What is there all the time, and words of its command line."""


def look() -> dict[str, object]:
    """Return the figures."""
    own = {os.getpid(), os.getppid()}
    processes: dict[int, str] = {}
    zombies = 0
    for path in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            words = (path / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            if int(path.name) not in own:
                processes[int(path.name)] = words.strip()
                zombies += (path / "stat").read_text().rpartition(")")[2].split()[0] == "Z"
    kept = {
        name: pid for pid in sorted(processes, reverse=True) for name, part in KEPT.items()
        if part in processes[pid]
    }  # fmt: skip
    return {
        "processes": len(processes), "zombies": zombies,
        "agent": [words for words in processes.values() if " -m agent --log " in words],
        "descriptors": {name: count_descriptors(pid) for name, pid in kept.items()},
        "own": {name: find_memory(pid, "Anonymous:") for name, pid in kept.items()},
        "pss": {name: find_memory(pid, "Pss:") for name, pid in kept.items()},
    }  # fmt: skip


def count_descriptors(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def find_memory(pid: int, row: str) -> int:
    """Return the kB in this row of proc_pid_smaps(5).

    Anonymous memory is its own; whether pages of files are shared, and so the PSS, is up to others.
    """
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(row))


if __name__ == "__main__":
    print(json.dumps(look()))
