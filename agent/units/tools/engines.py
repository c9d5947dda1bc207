"""Which Node a tool needs: reported before it is fetched, instead of by its crash.

A tool with a native program for each platform needs none, whatever its package says: Claude Code
asks for Node 22 and runs without any.
"""

import re
import subprocess
from pathlib import Path

from agent.machine.formats.parsing import parse_json
from agent.machine.light.expressions import regex
from agent.machine.system import Facts

TIME_LIMIT = 20.0
_CONDITION = regex(r"(>=|\^|)\s*v?(\d+)(?:\.(\d+))?(?:\.(\d+))?(?:\.x)?")

Version = tuple[int, int, int]


def find_lack(lock: bytes, facts: Facts) -> str | None:
    """Return a sentence if Node is missing or too old for what a lock file names, else None."""
    wanted = find_wanted(lock)
    if wanted is None:
        return None
    node = facts.which("node")
    version = ask_version(node, facts) if node else None
    if node is None:
        return f"it needs Node {wanted}, which is not installed"
    if version is None or is_enough(version, wanted):
        return None
    return f"it needs Node {wanted}, and {node} is {'.'.join(map(str, version))}"


def find_wanted(lock: bytes) -> str | None:
    """Return the versions of Node that the package of a lock file runs with; None: any, or none."""
    try:
        packages = parse_json(lock)["packages"]
        (name,) = packages[""]["dependencies"]
        main = f"node_modules/{name}"
        if any(each.startswith(f"{main}-") and "cpu" in packages[each] for each in packages):
            return None
        return str(packages[main]["engines"]["node"])
    except (ValueError, KeyError, TypeError):
        return None


def ask_version(node: Path, facts: Facts) -> Version | None:
    """Return the version of a Node; None if it does not print it."""
    try:
        done = subprocess.run(
            [str(node), "--version"], env=facts.environ, stdin=subprocess.DEVNULL,
            capture_output=True, timeout=TIME_LIMIT, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = _CONDITION.fullmatch(done.stdout.decode(errors="replace").strip())
    return _read_version(found) if found else None


def is_enough(version: Version, wanted: str) -> bool:
    """Return whether a version fits. A condition that we cannot read is no reason to refuse."""
    return any(_fits(version, condition) for condition in wanted.split("||"))


def _fits(version: Version, condition: str) -> bool:
    found = _CONDITION.fullmatch(condition.strip())
    if not found:
        return True
    least = _read_version(found)
    return version >= least and (found[1] == ">=" or version[0] == least[0])


def _read_version(found: "re.Match[str]") -> Version:
    return int(found[2]), int(found[3] or 0), int(found[4] or 0)
