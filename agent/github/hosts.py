"""The GitHub hosts of a workspace: that of the variables, and those of hosts.d/HOST.toml.

A file's keys are the variables' names in small letters without their prefix: token_file is
GITHUB_TOKEN_FILE, app_id is GITHUB_APP_ID. Secrets come as files only.
"""

import shlex
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path

from agent.github.sources.all import SOURCES
from agent.github.token import find_source
from agent.machine.errors import Problem
from agent.machine.formats.parsing import parse_toml
from agent.machine.light import files
from agent.machine.storage import layered_folders
from agent.machine.values import frozen
from agent.settings.context import Context
from agent.settings.everything import find_missing_parts, read_group
from agent.settings.github import GitHub
from agent.settings.parsers import host_name
from agent.settings.variable import declared

SYSTEM_FOLDER = layered_folders.SYSTEM / "hosts.d"
USER_FOLDER = f"{layered_folders.USER}/hosts.d"
"""In the home folder."""
NOT_OF_A_FILE = ("GH_HOST", "DEV8_TOKEN_REFRESH_INTERVAL")
"""The file's name is the host's; the interval holds for all."""


@frozen
class Accounts:
    """The hosts that have a token source, and those for which that is unknown."""

    known: tuple[GitHub, ...]
    """That of the variables first."""
    in_trouble: Mapping[str, Problem]
    """What is wrong with a file, by the name that it has: what is published of it stays."""

    @property
    def hosts(self) -> frozenset[str]:
        """Return every host of which something may be published."""
        return frozenset({account.host for account in self.known} | set(self.in_trouble))


def find_accounts(context: Context) -> Accounts:
    """Return the hosts. The variables win over files, and the user's files over the image's."""
    ours = context.settings.github
    known = {ours.host: ours} if is_configured(ours) else {}
    in_trouble: dict[str, Problem] = {}
    for path in layered_folders.find_files(context.facts.home / USER_FOLDER, SYSTEM_FOLDER):
        if isinstance(path, Problem):
            continue
        name = path.stem.lower()
        if name in known:
            continue
        found = read_file(path)
        if isinstance(found, Problem):
            in_trouble[name] = found
        elif is_configured(found):
            known[name] = found
    return Accounts(tuple(known.values()), in_trouble)


def fetches_tokens(context: Context) -> bool:
    """Tell whether a token is to be had from somebody else first: it is not there at the start."""
    sources = (find_source(account, SOURCES) for account in context.once(find_accounts).known)
    return any(source is not None and source.lead is not None for source in sources)


def is_configured(account: GitHub) -> bool:
    """Tell whether a token is to be expected. Reads no file: one may appear late."""
    return find_source(account, SOURCES) is not None


def find_token_variables(host: str) -> tuple[str, str]:
    """Return the variables that gh reads a token for this host from, the stronger one first.

    https://cli.github.com/manual/gh_help_environment
    """
    if host == "github.com" or host.endswith(".ghe.com"):
        return "GH_TOKEN", "GITHUB_TOKEN"
    return "GH_ENTERPRISE_TOKEN", "GITHUB_ENTERPRISE_TOKEN"


def read_file(path: Path) -> GitHub | Problem:
    """Return the host that a file describes, or what is wrong with the file."""
    try:
        host = host_name(path.stem)
    except ValueError as error:
        return Problem(f"cannot use {path}: its name is not {error}", "name it HOST.toml")
    try:
        table = parse_toml(files.read_file(path, files.SETTINGS))
    except OSError as error:
        return Problem(f"cannot read {path}: {error.strerror}")
    except ValueError as error:
        return Problem(f"cannot use {path}: it is not TOML: {error}")
    keys = _list_keys()
    problems = [_explain_key(key, keys) for key in table if key not in keys]
    environ = {keys[key]: _as_text(value) for key, value in table.items() if key in keys}
    values = read_group(GitHub, {**environ, "GH_HOST": host}, problems)
    problems += find_missing_parts(values)
    if problems:
        first, *others = problems
        more = f", and {len(others)} more" if others else ""
        return Problem(f"cannot use {path}: {first.message}{more}", first.hint)
    return GitHub(**values)


def _list_keys() -> dict[str, str]:
    """Return key of a file -> name of the variable that it stands for."""
    found = {}
    for item in fields(GitHub):
        entry = declared(item)
        if entry.name not in NOT_OF_A_FILE:
            name = f"{entry.name}_FILE" if entry.secret else entry.name
            short = name.removeprefix("DEV8_").removeprefix("GITHUB_").lower()
            found[short] = name
    return found


def _explain_key(key: str, keys: dict[str, str]) -> Problem:
    if f"{key}_file" in keys:
        return Problem(f"`{key}` is a secret", f"put it into a file and set `{key}_file`")
    return Problem(f"unknown key `{key}`", f"the keys are {', '.join(sorted(keys))}")


def _as_text(value: object) -> str:
    """Return a TOML value as a variable would have it; an id may be a number there."""
    if isinstance(value, list):
        return shlex.join(map(str, value))
    if isinstance(value, dict):
        return ",".join(f"{name}:{level}" for name, level in value.items())
    return str(value)
