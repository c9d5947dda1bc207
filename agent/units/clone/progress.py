"""How far a clone is, from what git prints on the way.

https://git-scm.com/docs/git-clone#Documentation/git-clone.txt---progress
"""

from agent.machine.light.expressions import regex

_LINE = regex(
    r"(?:remote: )?([A-Z][A-Za-z ]+): +([0-9]{1,3})% \([^)]*\)(?:, ([0-9.]+ [KMG]?i?B)\b)?"
)
_STAGES = {
    "Receiving objects": (0, 80),
    "Resolving deltas": (80, 10),
    "Updating files": (90, 10),
}
"""What git calls each part of its work -> where it begins, and its share, in per cent of all."""
_WHOLE = ("Downloading LFS objects", "Filtering content")


def read_progress(line: str) -> tuple[int, str] | None:
    """Return how far the whole is, and what goes on; None for a line about something else."""
    found = _LINE.match(line)
    if not found:
        return None
    name, part = found[1], min(100, int(found[2]))
    words = f"{name.lower()}, {found[3]}" if found[3] else name.lower()
    if name in _WHOLE:
        return part, words
    if name not in _STAGES:
        return None
    start, share = _STAGES[name]
    return start + part * share // 100, words
