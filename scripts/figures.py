"""Print how the house stands: lines, rooms, the biggest of them, the longest function.

tests/unit/test_figures.py holds the bars.
"""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

AGENT = Path(__file__).parent.parent / "agent"


def count_lines() -> Counter[str]:
    """Return room -> lines of Python in it; modules in no room by their name."""
    found: Counter[str] = Counter()
    for path in AGENT.rglob("*.py"):
        found[path.relative_to(AGENT).parts[0]] += len(path.read_text().splitlines())
    return found


def find_loose() -> list[str]:
    """Return the modules that are in no room."""
    return sorted(path.stem for path in AGENT.glob("*.py") if path.stem != "__init__")


def find_functions() -> Iterator[tuple[int, str]]:
    """Yield each function: its lines without decorators and docstring, and where it is."""
    for path in sorted(AGENT.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                body = node.body[1:] if ast.get_docstring(node) is not None else node.body
                first = body[0].lineno if body else node.lineno
                length = (node.end_lineno or node.lineno) - first + 1
                yield length, f"{path.relative_to(AGENT.parent)}:{node.name}"


def count_floors() -> int:
    """Return how many rooms lie above each other at the most, by what they import."""
    below: dict[str, set[str]] = {}
    for path in AGENT.rglob("*.py"):
        room = path.relative_to(AGENT).parts[0]
        used = re.findall(r"^ *from agent\.(\w+)", path.read_text(), re.MULTILINE)
        below.setdefault(room, set()).update(name for name in used if (AGENT / name).is_dir())
    heights: dict[str, int] = {}
    for room in TopologicalSorter(
        {room: used - {room} for room, used in below.items()}
    ).static_order():
        heights[room] = 1 + max((heights[name] for name in below[room] - {room}), default=0)
    return max(height for room, height in heights.items() if (AGENT / room).is_dir())


def main() -> None:
    """Print the figures in one line."""
    lines = count_lines()
    total = sum(lines.values())
    room, most = lines.most_common(1)[0]
    longest, where = max(find_functions())
    print(
        f"agent/: {total:,} lines in {len(lines) - len(find_loose()) - 1} rooms on "
        f"{count_floors()} floors, {room}/ has {most / total:.0%}; "
        f"loose modules: {', '.join(find_loose())}; "
        f"longest function: {longest} lines ({where})"
    )


if __name__ == "__main__":
    main()
