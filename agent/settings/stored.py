"""The settings of this life of the container, kept in the runtime folder.

Only `configure` sees the container's environment. It stores the accepted variables as text: plain
ones and the clean environment in one JSON file, each secret in a separate file. Every other verb
reads them from there, with the same parser.
"""

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from agent.machine.errors import AgentError, Problem
from agent.machine.light import runtime
from agent.machine.light.files import STATE, read_file
from agent.machine.planning.resources import File
from agent.machine.secret import Secret
from agent.machine.system import Facts
from agent.settings.compatibility import WITHHELD
from agent.settings.credentials import is_secret
from agent.settings.everything import Settings, secret_names, variables

PUBLIC_HOST = "github.com"


def clean_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment without any variable that holds a secret."""
    hidden = {*secret_names(), *find_own_secrets(environ)}
    return {name: value for name, value in environ.items() if name not in hidden}


def find_own_secrets(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that are not the agent's and look like secrets."""
    ours = secret_names() | {name for _, entry in variables() for name in entry.names}
    return {
        name: value
        for name, value in environ.items()
        if name not in ours and is_secret(name, value)
    }


def child_defaults(settings: Settings) -> dict[str, str]:
    """Return default variables of tools for every child; the given environment overrides them."""
    defaults = {"COPILOT_AUTO_UPDATE": "false"}  # its folder in the image is read-only
    if settings.github.host != PUBLIC_HOST:
        defaults["COPILOT_GH_HOST"] = settings.github.host
    if settings.ai.gemini_key and settings.hooks.trust == "trusted":
        defaults["GEMINI_CLI_TRUST_WORKSPACE"] = "true"  # without it a headless run refuses to work
    return defaults


def resources(environ: Mapping[str, str], facts: Facts) -> Iterator[File]:
    """Yield the files that store this environment.

    They include the withheld tokens: the log hides these, and gh's wrapper recognizes them.
    """
    names = {name for _, entry in variables() for name in entry.names}
    names |= {old.name for old in WITHHELD}
    hidden = secret_names()
    given = {name: environ[name] for name in sorted(names) if environ.get(name)}
    stored = {
        "variables": {name: value for name, value in given.items() if name not in hidden},
        "environment": dict(facts.environ),
    }
    yield File(facts.runtime / runtime.SETTINGS, json.dumps(stored).encode(), 0o600, adopt=True)
    for name, value in given.items():
        if name in hidden:
            path = facts.runtime / runtime.SECRETS / name
            yield File(path, value.encode(), 0o600, adopt=True)
    for name, value in facts.own_secrets.items():
        path = facts.runtime / runtime.OWN_SECRETS / name
        yield File(path, os.fsencode(value), 0o600, adopt=True)


def hide(name: str, secret: Secret, facts: Facts) -> File:
    """Return the file that makes the log hide a secret; `name` must be unique."""
    path = facts.runtime / runtime.HIDDEN / name
    return File(path, secret.reveal().encode(), 0o600, adopt=True)


def load(folder: Path) -> tuple[dict[str, str], dict[str, str]]:
    """Return (variables with their secrets, clean environment) as `resources` stored them.

    Raises AgentError if there is nothing to read: no agent has configured this container.
    """
    stored = _read(folder)
    try:
        secrets = {
            entry.name: read_file(entry, STATE).decode()
            for entry in (folder / runtime.SECRETS).iterdir()
            if entry.suffix == ""
        }
    except OSError as error:
        raise _explain(folder, error) from error
    return {**stored["variables"], **secrets}, dict(stored["environment"])


def load_user_environ(folder: Path) -> dict[str, str]:
    """Return what a program of the user's gets, as `resources` stored it. Raises AgentError."""
    return {**_read(folder)["environment"], **load_own_secrets(folder)}


def load_own_secrets(folder: Path) -> dict[str, str]:
    """Return the user's own secrets, as `resources` stored them. Raises AgentError."""
    try:
        return runtime.read_own_secrets(str(folder))
    except OSError as error:
        raise _explain(folder, error) from error


def _read(folder: Path) -> dict[str, dict[str, str]]:
    """Return the variables and the clean environment. Raises AgentError."""
    try:
        runtime.check(str(folder), os.getuid())
        found: dict[str, dict[str, str]] = json.loads(read_file(folder / runtime.SETTINGS, STATE))
    except OSError as error:
        raise _explain(folder, error) from error
    return found


def _explain(folder: Path, error: OSError) -> AgentError:
    return AgentError(
        Problem(
            f"cannot read the settings in {folder}: {error.strerror}",
            "run this inside a container that the agent started, as the container's user",
        )
    )
