"""The input of every verb: the settings of this container, and the facts about it."""

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import field
from pathlib import Path
from typing import Any, TypeVar, cast

from agent.machine import locales
from agent.machine.errors import Problem
from agent.machine.formats.gitconfig import SYSTEM
from agent.machine.light import runtime
from agent.machine.places import order_path
from agent.machine.records.documents import DAMAGE, RUNTIME, Document
from agent.machine.storage import homes
from agent.machine.system import Facts
from agent.machine.values import frozen
from agent.settings import certificates, stored
from agent.settings.everything import Settings, clean

T = TypeVar("T")

INIT = Document[dict[str, Any]](
    RUNTIME, runtime.STATE, "state of PID 1, which `devcopilot status` reads", dict, dict
)
"""`agent.init.state` writes it."""
PROBLEMS = Document[list[dict[str, str]]](
    RUNTIME, runtime.PROBLEMS, "problems of the configuration, with their fixes",
    lambda rows: [{name: str(row[name]) for name in ("step", "message", "hint")} for row in rows],
    list,
)  # fmt: skip
"""What `configure` could not do."""
PAUSE = 0.1
"""Seconds between two looks whether the agent runs: before, there may be no folder to watch."""


@frozen
class Context:
    """The settings, the facts, problems with the machine, and everything derived from them."""

    variables: Mapping[str, str]
    """The variables behind the settings, including secrets."""
    settings: Settings
    facts: Facts
    problems: tuple[Problem, ...] = ()
    running: bool = False
    """Whether the container is already running: its services no longer change."""
    _found: dict[object, object] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def once(self, find: "Callable[[Context], T]") -> T:
        """Return the result of `find` for this context, which is called only once.

        A second call might return something else, for example if a file changed in between, and two
        parts would act on different values.
        """
        if find not in self._found:
            self._found[find] = find(self)
        return cast("T", self._found[find])

    def begun(self, find: "Callable[[Context], T]") -> "T | None":
        """Return the result of `find` if somebody has called `once` for it."""
        return cast("T | None", self._found.get(find))


def load() -> Context:
    """Return the context that `configure` stored. Raises AgentError if there is none."""
    folder = Path(runtime.locate(os.environ, os.getuid()))
    variables, environment = stored.load(folder)
    settings = Settings.from_environ(variables)
    home = Path(environment["HOME"])
    mounts = homes.read_mounts(folder)
    state = settings.agent.state_dir or home / mounts.folder
    own = stored.load_own_secrets(folder)
    facts = Facts(home, os.getuid(), folder, state, environment, own_secrets=own, mounts=mounts,
                  dotfiles=settings.dotfiles.find_folder(home))  # fmt: skip
    problems = tuple(homes.explain_mounts(home, state, mounts))
    return Context(variables, settings, facts, problems, running=True)


def load_by(end: float) -> Context | None:
    """Return the context as soon as the agent runs here; None: it does not at this monotonic time.

    In the first moment of a container `configure` has not run yet. Raises AgentError.
    """
    folder = Path(runtime.locate(os.environ, os.getuid()))
    while not (folder / runtime.STATE).exists():
        rest = end - time.monotonic()
        if rest <= 0:
            return None
        time.sleep(min(PAUSE, rest))
    return load()


def read_state(facts: Facts) -> dict[str, Any] | None:
    """Return the state that init wrote to this runtime folder; None if init is not running."""
    state = INIT.read(facts)
    try:
        os.kill(state["pid"], 0)
    except (OSError, *DAMAGE):
        return None
    return state


def from_environ(environ: Mapping[str, str]) -> Context:
    """Return the context for a container that starts with this environment.

    Reads files, changes nothing. Raises AgentError (exit 2) for invalid variables.
    """
    environ = clean(environ)
    settings = Settings.from_environ(environ)
    uid = os.getuid()
    folder = Path(runtime.locate(environ, uid))
    home, problems = homes.find_home(environ, folder, uid)
    state, mounts, lacks = homes.try_mounts(home, settings.agent.state_dir, uid, environ)
    problems += [*lacks, *homes.check_workspace(settings.workspace.folder, uid)]
    environment = {
        **stored.child_defaults(settings),
        **stored.clean_environment(environ),
    }
    environment.update(certificates.lead(environment, settings.certificates, folder))
    environment.update({"HOME": str(home), runtime.VARIABLE: str(folder)})
    missing = locales.find_missing(environment)
    environment.update(dict.fromkeys(missing, locales.USUAL))
    problems += locales.explain(missing)
    environment["PATH"] = order_path(environment.get("PATH", os.defpath), home)
    environment.setdefault("SHELL", "/bin/bash")
    own = stored.find_own_secrets(environ)
    facts = Facts(home, uid, folder, state, environment, own_secrets=own, mounts=mounts,
                  dotfiles=settings.dotfiles.find_folder(home))  # fmt: skip
    if facts.defaults != facts.usual_defaults:
        environment["GIT_CONFIG_SYSTEM"] = str(facts.defaults / SYSTEM)
    return Context(environ, settings, facts, tuple(problems))
