"""Print how the house stands: lines, rooms, the biggest of them, the longest function.

tests/unit/test_figures.py holds the bars.
"""

import ast
from collections import Counter
from collections.abc import Iterator
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


def main() -> None:
    """Print the figures in one line."""
    lines = count_lines()
    total = sum(lines.values())
    room, most = lines.most_common(1)[0]
    longest, where = max(find_functions())
    print(
        f"agent/: {total:,} lines in {len(lines) - len(find_loose()) - 1} rooms, {room}/ "
        f"has {most / total:.0%}; loose modules: {', '.join(find_loose())}; "
        f"longest function: {longest} lines ({where})"
    )


if __name__ == "__main__":
    main()
