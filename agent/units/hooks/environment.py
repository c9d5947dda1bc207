"""The environment of a repository's hooks: what its user's shell exports, and `remoteEnv`.

https://containers.dev/implementors/json_reference/#general-properties
"""

import base64
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from agent.machine.errors import AgentError, Problem
from agent.machine.light.expressions import regex
from agent.settings.devcontainer_file import Devcontainer
from agent.units import unit_command
from agent.units.devcontainer.substitution import make_substitute

PROBES = {
    "none": "",
    "loginInteractiveShell": "-lic",
    "interactiveShell": "-ic",
    "loginShell": "-lc",
}
USUAL = "loginInteractiveShell"
LIMIT = 10.0
"""Seconds that the start-up files of the shell may take."""
LARGEST = 4 * 1024 * 1024
"""Bytes of the answer."""
GRACE = 0.5
MARK = "devcopilot-environment"
SCRIPT = f"printf '\\n{MARK}\\n'; base64 /proc/self/environ; printf '\\n{MARK}\\n'"
"""A program shows its own environment, which is what the shell exports; no line breaks in it."""
OF_THE_SHELL = frozenset({"_", "SHLVL", "PWD", "OLDPWD", "TERM"})
OURS = {"DEVCOPILOT": "true"}
"""Shows scripts where they run; the names that other products use would promise more."""
_NAME = regex(r"[^=\0\s]+")

Changes = dict[str, str | None]
"""Variable -> value; None takes it away."""


def probe(
    how: str,
    environ: Mapping[str, str],
    folder: Path,
    stopping: threading.Event,
    on_start: Callable[[int], None] = lambda _: None,
) -> tuple[dict[str, str], str]:
    """Return what the user's shell exports, and why it is not known, if it is not.

    `on_start` gets the number of the shell's session.
    """
    options = PROBES.get(how, PROBES[USUAL])
    if not options:
        return {}, ""
    lines: list[bytes] = []
    size = 0

    def hear(line: bytes) -> None:
        nonlocal size
        size += len(line)
        if size < LARGEST:
            lines.append(line.strip())

    environ = {**environ, **OURS}
    argv = (environ.get("SHELL") or "/bin/bash", options, SCRIPT)
    try:
        ended = unit_command.run(
            argv, environ, folder, LIMIT, stopping, hear, grace=GRACE, on_start=on_start
        )
    except OSError as error:
        return {}, f"cannot run {argv[0]}: {error.strerror}"
    mark = MARK.encode()
    if ended.timed_out:
        return {}, f"the start-up files of {argv[0]} take longer than {LIMIT:g} s"
    if lines.count(mark) != 2:
        return {}, f"{argv[0]} did not get through its start-up files (exit code {ended.code})"
    answer = b"".join(lines[lines.index(mark) + 1 :]).replace(mark, b"")
    return parse(answer), ""


def parse(answer: bytes) -> dict[str, str]:
    """Return the variables of an environment in Base64; none if it is damaged."""
    try:
        rows = base64.b64decode(answer).decode(errors="surrogateescape").split("\0")
    except ValueError:
        return {}
    pairs = (row.partition("=") for row in rows)
    return {name: value for name, equals, value in pairs if equals and name not in OF_THE_SHELL}


def find_changes(file: Devcontainer, environ: Mapping[str, str]) -> Changes:
    """Return what containerEnv and remoteEnv change of an environment. Raises AgentError.

    containerEnv belongs to the container: what is set there already wins.
    """
    table = read_table(file, "containerEnv", make_substitute(file, environ)(dict(file.given)))
    inner = {name: value for name, value in table.items() if value is not None}
    inner = {name: value for name, value in inner.items() if name not in environ}
    given = make_substitute(file, {**environ, **inner})(dict(file.given))
    return {**inner, **read_table(file, "remoteEnv", given)}


def read_table(file: Devcontainer, name: str, given: Mapping[str, Any]) -> Changes:
    """Return a property that maps variables to texts or null. Raises AgentError."""
    table = given.get(name) or {}
    if not isinstance(table, dict):
        raise AgentError(Problem(f"cannot use {file.name}: {name} is not an object"))
    for variable, value in table.items():
        if not (_NAME.fullmatch(variable) and isinstance(value, str | None)):
            raise AgentError(
                Problem(f"cannot use {file.name}: {name}.{variable} is not a variable with a text")
            )
    return dict(table)
