"""The user's dotfiles. To add a variable, add a field."""

import os
from pathlib import Path

from agent.machine.errors import AgentError, Problem
from agent.machine.values import frozen
from agent.settings.parsers import absolute_path, command, one_of, positive_duration
from agent.settings.repository import EntryError, Repository, mask, parse_entry
from agent.settings.variable import variable

NAME = "DEV8_DOTFILES"
FOLDER = ".dotfiles"


def source(value: str) -> Path | Repository:
    """Read an absolute path, or the address of a repository with #REF. Raises AgentError."""
    if value.startswith("/"):
        return absolute_path(value)
    if " " in value:
        problem = f"{NAME}: cannot use {mask(value)}: it is not one address"
        raise AgentError(Problem(problem, "give OWNER/NAME, a URL or an absolute path"))
    try:
        return parse_entry(value)
    except EntryError as error:
        problem = f"{NAME}: cannot use {mask(value)}: {error}"
        raise AgentError(Problem(problem, "give OWNER/NAME, a URL or an absolute path")) from None


SHARED = (".cache", ".config", ".gnupg", ".local", ".local/share", ".local/state", ".ssh")
"""Folders of a home in which programs keep what is theirs: a clone would move them aside."""


def own_folder(value: str) -> str:
    """Read a path below the home folder, of a folder that others do not use."""
    path = os.path.normpath(value.removeprefix("~/"))
    inner = path.isprintable() and not path.startswith(("/", "~", "-"))
    if not inner or path.split("/")[0] in (".", "..") or path in SHARED:
        raise ValueError(f"a folder of its own below the home folder, such as {FOLDER}")
    return path


@frozen
class Dotfiles:
    """Dotfiles."""

    source: Path | Repository | None = variable(
        NAME,
        source,
        "Your dotfiles: URL, git@HOST:PATH or OWNER/NAME, with #REF, or an absolute path. The "
        "first of install.sh, install, bootstrap.sh, bootstrap, script/bootstrap, setup.sh, setup "
        "and script/setup runs; without one, what begins with a dot is linked into the home.",
    )
    folder: str = variable(
        "DEV8_DOTFILES_DIR", own_folder, "Where they are cloned to, in the home folder.",
        default=FOLDER,
    )  # fmt: skip
    command: tuple[str, ...] | None = variable(
        "DEV8_DOTFILES_COMMAND", command, "Command to run in their folder instead of a script."
    )
    timeout: float = variable(
        "DEV8_DOTFILES_TIMEOUT", positive_duration, "Time that the script or command may take.",
        default="5m",
    )  # fmt: skip
    update: str = variable(
        "DEV8_DOTFILES_UPDATE",
        one_of("no", "start"),
        "start: pull at each start, and run the script again if anything came.",
        default="no",
    )
    when: str = variable(
        "DEV8_DOTFILES_WHEN",
        one_of("before", "after"),
        "Whether they are set up before the hooks or after them.",
        default="before",
    )

    def find_folder(self, home: Path) -> Path | None:
        """Return where the dotfiles are or will be; None: there are none."""
        if self.source is None or isinstance(self.source, Path):
            return self.source
        return home / self.folder
