"""Tables in TOML files: added at the end and taken away; all else stays as it is."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from agent.machine.formats.parsing import parse_toml
from agent.machine.light.expressions import regex

_LINE = regex(r"[^\n]*\n|[^\n]+")
_INSIDE = regex(
    r'''"""(?:\\.|[^\\])*?"{3,5}|'{3}.*?'{3,5}|"(?:\\.|[^"\\\n])*"|'[^'\n]*'|#[^\n]*|[][{}]|\n''',
    re.DOTALL,
)
"""Where a bracket is none, each bracket, and the end of a line."""
_BARE = regex(r"[A-Za-z0-9_-]+")


def add_table(text: str, path: Sequence[str], values: Mapping[str, Any]) -> str:
    """Return the text with one more table."""
    lines = [f"[{'.'.join(map(_render_key, path))}]"]
    lines += [f"{_render_key(name)} = {_render(value)}" for name, value in values.items()]
    before = text.rstrip("\n") + "\n\n" if text.strip() else ""
    return before + "\n".join(lines) + "\n"


def drop_table(text: str, path: Sequence[str]) -> str:
    """Return the text without a table and the tables in it; comments before the next one stay."""
    kept: list[str] = []
    dropped: list[str] = []
    inside = False
    for line, may_begin in [*_list_lines(text), ("[end]", True)]:
        header = _read_header(line) if may_begin else None
        if header is not None:
            if inside:
                kept += _find_rest(dropped)
                dropped = []
            inside = header[: len(path)] == tuple(path)
        (dropped if inside else kept).append(line)
    return "".join(kept[:-1]).rstrip("\n") + ("\n" if "".join(kept[:-1]).strip() else "")


def _find_rest(lines: list[str]) -> list[str]:
    """Return the blanks and comments at the end of a table: they belong to what follows."""
    last = max(
        number for number, line in enumerate(lines) if line.strip() and line.strip()[0] != "#"
    )
    return lines[last + 1 :]


def _list_lines(text: str) -> Iterator[tuple[str, bool]]:
    """Yield each line, and whether a table may begin in it: not within a text or a list."""
    within: set[int] = set()
    depth, at = 0, 0
    for found in _INSIDE.finditer(text):
        if found[0] in ("[", "{"):
            depth += 1
        elif found[0] in ("]", "}"):
            depth -= 1
        elif found[0] == "\n" and depth > 0:
            within.add(found.end())
        else:
            within.update(found.start() + each.end() for each in re.finditer("\n", found[0][:-1]))
    for line in _LINE.findall(text):
        yield line, at not in within
        at += len(line)


def _read_header(line: str) -> tuple[str, ...] | None:
    """Return the path of the table that begins in this line."""
    if not line.lstrip().startswith("["):
        return None
    try:
        table: Any = parse_toml(line.encode())
    except ValueError:
        return None
    path = []
    while isinstance(table, dict) and table:
        ((name, table),) = table.items()
        path.append(name)
    return tuple(path)


def _render_key(name: str) -> str:
    return name if _BARE.fullmatch(name) else _render(name)


def _render(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_render_key(k)} = {_render(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_render, value)) + "]"
    return json.dumps(value, ensure_ascii=False)
