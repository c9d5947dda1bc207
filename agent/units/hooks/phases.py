"""Which hooks there are, in their order, and what each runs."""

import hashlib
import json
import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

from agent.machine.errors import AgentError, Problem
from agent.machine.system import Facts
from agent.machine.values import frozen
from agent.settings.context import Context
from agent.settings.devcontainer_file import Devcontainer
from agent.settings.everything import Settings
from agent.settings.hook_folder import AT_CREATE, AT_START, AT_STOP, list_files
from agent.units.devcontainer.lifecycle_commands import (
    CREATE,
    HOOKS,
    SHELL,
    SUFFIX,
    Command,
    read_commands,
    read_wait_for,
)
from agent.units.devcontainer.substitution import make_substitute

AT_ATTACH = "postAttach"
"""Runs when somebody comes, so never by a start."""


@frozen
class Phase:
    """One hook."""

    name: str
    """The name of its unit, after `hooks:`."""
    commands: Sequence[Command]
    once: bool
    """Whether it runs once for each container, or at each start."""
    of_repository: bool
    """Whether it is the repository's: then it needs trust, and its commands run side by side."""

    def make_fingerprint(self, container: str) -> str:
        """Return what identifies its work; for a hook that runs once, also the container."""
        words = [self.name, *([command.name, *command.argv] for command in self.commands)]
        text = json.dumps([words, container if self.once else ""])
        return hashlib.sha256(text.encode()).hexdigest()


def list_all(settings: Settings, facts: Facts, file: Devcontainer | None) -> list[Phase]:
    """Return all hooks with a command that a start carries out. Raises AgentError."""
    own = list(find_repository(file, facts)) if file else []
    own = [phase for phase in own if phase.name != AT_ATTACH]
    phases = [
        find_admin(AT_CREATE, settings),
        *(phase for phase in own if phase.once),
        find_admin(AT_START, settings),
        *(phase for phase in own if not phase.once),
    ]
    return [phase for phase in phases if phase.commands]


def find_attach(file: Devcontainer | None, facts: Facts) -> Phase | None:
    """Return the hook for when somebody comes, None if there is none. Raises AgentError."""
    own = find_repository(file, facts) if file else ()
    return next((each for each in own if each.name == AT_ATTACH and each.commands), None)


def find_repository(file: Devcontainer, facts: Facts) -> Iterator[Phase]:
    """Yield the hooks of a repository. Raises AgentError."""
    substitute = make_substitute(file, facts.environ)
    for hook in HOOKS:
        try:
            commands = read_commands(substitute(file.given.get(f"{hook}{SUFFIX}")), hook)
        except ValueError as error:
            raise AgentError(
                Problem(f"cannot use {file.name}: {error}", f"fix {file.name}")
            ) from None
        yield Phase(hook, commands, once=hook in CREATE, of_repository=True)


def find_wait_for(file: Devcontainer | None) -> str:
    """Return the hook after which a workspace may be used. Raises AgentError."""
    try:
        return read_wait_for(file.given.get("waitFor") if file else None)
    except ValueError as error:
        raise AgentError(Problem(f"cannot use {file.name if file else ''}: {error}")) from None


def find_cwd(file: Devcontainer, context: Context) -> Path:
    """Return the folder in which the hooks of a repository run.

    That is its workspaceFolder if that is in the workspace, else the repository.
    """
    value = make_substitute(file, context.facts.environ)(file.given.get("workspaceFolder"))
    if not isinstance(value, str) or not value.startswith("/"):
        return file.folder
    real = Path(os.path.realpath(value))
    tops = (file.folder, Path(os.path.realpath(context.settings.workspace.folder)))
    inside = any(top == real or top in real.parents for top in tops)
    return real if inside and real.is_dir() else file.folder


def find_admin(moment: str, settings: Settings) -> Phase:
    """Return the commands of whoever runs the container or built the image, one after another."""
    given = {
        AT_CREATE: settings.hooks.on_create,
        AT_START: settings.hooks.on_start,
        AT_STOP: settings.hooks.on_stop,
    }[moment]
    commands = [Command(f"DEV8_ON_{moment.upper()}", given)] if given else []
    commands += [Command(path.name, make_argv(path)) for path in list_files(moment)]
    return Phase(moment, commands, once=moment == AT_CREATE, of_repository=False)


def make_argv(path: Path) -> tuple[str, ...]:
    """Return how to run a file: without the right to be executed, by the shell."""
    executable = path.stat().st_mode & stat.S_IXUSR and os.access(path, os.X_OK)
    return (str(path),) if executable else (SHELL[0], str(path))
