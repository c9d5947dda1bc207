"""Shells: points out start-up files that export keys, which then beat those that the agent keeps.

The bash entrypoint appended such lines to ~/.bashrc at every start. The files are the user's: they
are looked at and never changed.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from agent.machine.errors import Problem
from agent.machine.hints import find_hint
from agent.machine.light.expressions import regex
from agent.machine.light.files import SETTINGS
from agent.machine.secret import SecretInput
from agent.settings.context import Context
from agent.settings.everything import Settings
from agent.settings.step import Step
from agent.tools.all import TOOLS

FILES = (
    ".bashrc",
    ".profile",
    ".bash_profile",
    ".bash_login",
    ".zshrc",
    ".zshenv",
    ".zprofile",
)
"""What bash and zsh read when they start, below the home folder."""

_EXPORT = regex(rb"(?:^|[;&{(]|then|do|else)\s*(?:export|declare\s+-\w*x|typeset\s+-\w*x)\s")


def resources(context: Context) -> Iterator[Problem]:
    """Yield a problem for each file and variable, with the lines and what fixes it."""
    settings, facts = context.settings, context.facts
    for name in FILES:
        path = facts.home / name
        try:
            lines = (facts.read(path, SETTINGS) or b"").split(b"\n")
        except OSError as error:
            yield Problem(f"cannot read {path}: {error.strerror}", find_hint(error, path))
            continue
        for variable, source in list_keys(settings):
            found = find_exports(lines, variable)
            if found:
                yield make_problem(path, variable, found, given=source is not None)


def list_keys(settings: Settings) -> Iterator[tuple[str, SecretInput | None]]:
    """Yield each variable that a tool prefers to what the agent hands it, and what was given."""
    for tool in TOOLS:
        for login in tool.logins:
            yield login.variable, login.find(settings)
    overrides = [name for tool in TOOLS for name in tool.overrides]
    for name in ("GITHUB_TOKEN", "GH_TOKEN", *overrides):
        yield name, settings.github.token


def find_exports(lines: list[bytes], variable: str) -> list[int]:
    """Return the numbers of the lines that export the variable, the first being 1."""
    name = re.compile(rb"\s%s(?==|\s|;|$)" % variable.encode())
    return [
        number
        for number, line in enumerate(lines, start=1)
        if (export := _EXPORT.search(line)) and name.search(line, export.end() - 1)
    ]


def make_problem(path: Path, variable: str, lines: list[int], *, given: bool) -> Problem:
    """Say where the variable is exported. The value is never part of it.

    While the agent has no such key of its own, nothing is wrong: it is only worth knowing.
    """
    numbers = ", ".join(map(str, lines))
    where = f"{path} exports {variable} in line{'s' if len(lines) > 1 else ''} {numbers}"
    them = "those lines" if len(lines) > 1 else "that line"
    return Problem(
        f"{where}: in shells it overrides the value that the agent keeps up to date",
        f"remove {them}; run `unset {variable}` in open shells",
        "warning" if given else "info",
    )


STEP = Step("shell", resources)
