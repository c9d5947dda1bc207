"""One environment variable: how to declare it and how to read it."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, Field, field
from pathlib import Path
from typing import Any, cast

from agent.machine.errors import AgentError, Problem
from agent.machine.light import texts
from agent.machine.light.expressions import regex
from agent.machine.secret import Secret, SecretInput
from agent.machine.values import frozen
from agent.settings.parsers import command, idle_action, s3_options
from agent.settings.urls import show

PREFIX = "DEV8_"
_VARIABLE = "variable"
_FILE = "_FILE"
_KUBERNETES_NAME = regex(r"DEV8_(\w+_)?(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_[0-9]+_\w+)")
_KUBERNETES_PORT = regex(r"(tcp|udp|sctp)://.*")
_SPLIT_AS_A_SHELL = (command, idle_action, s3_options)
"""These parsers handle quotes themselves."""


@frozen
class Variable:
    """One environment variable: its name, its parser and its documentation."""

    name: str
    doc: str
    parse: Callable[[str], Any]
    default: str | None
    """The text used for an absent or empty variable, or None."""
    aliases: tuple[str, ...] = ()
    """Other names, in order of precedence."""
    secret: bool = False
    """It can also be set as NAME_FILE; it is never shown and never passed to children."""
    shared: bool = False
    """Its aliases are words that other programs use too: what we cannot read is not for us."""

    @property
    def names(self) -> tuple[str, ...]:
        """Return every name under which the variable is read."""
        plain = (self.name, *self.aliases)
        return plain + tuple(name + _FILE for name in plain) if self.secret else plain

    def clean(self, name: str, given: str) -> str:
        """Return the value of one of these names without what other programs put around it.

        Cleaning twice changes nothing. A value that cannot be used is returned as it is: `read`
        reports it.
        """
        if not texts.unwrap(given):
            return "" if given.strip() else given  # empty in quotes; blanks alone are a mistake
        if self.secret and name in (self.name, *self.aliases):
            try:
                return str(self.parse(given))
            except texts.UnusableError:
                return given
        if self.parse in _SPLIT_AS_A_SHELL:
            return texts.trim(given)
        return texts.unwrap(given)


def variable(
    name: str,
    parse: Callable[[str], Any],
    doc: str,
    *,
    default: str | None = None,
    aliases: tuple[str, ...] = (),
    shared: bool = False,
) -> Any:
    """Declare the variable of a field."""
    return field(metadata={_VARIABLE: Variable(name, doc, parse, default, aliases, shared=shared)})


def secret(
    name: str, read: Callable[[str], str], doc: str, *, aliases: tuple[str, ...] = ()
) -> Any:
    """Declare the secret variable of a field of type `SecretInput | None`.

    `read` is the reader of such a secret, as described in `agent.machine.light.texts`.
    """
    return field(metadata={_VARIABLE: Variable(name, doc, read, None, aliases, secret=True)})


def declared(item: "Field[Any]") -> Variable:
    """Return the variable of a field."""
    return cast("Variable", item.metadata[_VARIABLE])


# --- reading ---


def read(entry: Variable, environ: Mapping[str, str], problems: list[Problem]) -> Any:
    """Return a variable's value, or add a problem. Empty counts as absent."""
    if entry.secret:
        return _read_secret(entry, environ, problems)
    for name in (entry.name, *entry.aliases):
        given = entry.clean(name, environ.get(name, ""))
        if given and not is_injected(name, given):
            found: list[Problem] = []
            value = _parse(entry, name, given, found)
            if not found or not (entry.shared and name in entry.aliases):
                problems += found
                return value
    return None if entry.default is None else entry.parse(entry.default)


def find_foreign(entry: Variable, environ: Mapping[str, str]) -> Iterator[Problem]:
    """Yield what is wrong with shared names, which are then taken for another program's."""
    for name in entry.aliases if entry.shared else ():
        found: list[Problem] = []
        if given := entry.clean(name, environ.get(name, "")):
            _parse(entry, name, given, found)
        for problem in found:
            yield Problem(
                f"{problem.message}: it is ignored", f"the agent's own name is {entry.name}"
            )


def _parse(entry: Variable, name: str, given: str, problems: list[Problem]) -> Any:
    if not _is_utf8(given):
        problems.append(Problem(f"{name} is not UTF-8 text"))
        return MISSING
    try:
        return entry.parse(given)
    except AgentError as error:  # of a list: a problem for each entry
        problems += error.problems
    except ValueError as error:
        problems.append(_refuse_value(name, given, error))
    return MISSING


def _refuse_value(name: str, given: str, error: ValueError) -> Problem:
    if name.endswith(_FILE):
        return _refuse_file(name)
    return Problem(f"{name}={show(given)} is not {error}")


def _read_secret(
    entry: Variable, environ: Mapping[str, str], problems: list[Problem]
) -> SecretInput | None:
    for name in (entry.name, *entry.aliases):
        value, file = (entry.clean(each, environ.get(each, "")) for each in (name, name + _FILE))
        if value and file:
            problems.append(Problem(f"{name} and {name}{_FILE} are both set", "unset one of them"))
        elif file and not (file.startswith("/") and file.isprintable()):
            problems.append(_refuse_file(name + _FILE))
        elif value and not _is_utf8(value):
            problems.append(Problem(f"{name} is not UTF-8 text"))
        elif file:
            return SecretInput(name, file=Path(file), read=entry.parse)
        elif value:
            return SecretInput(name, value=Secret(value), read=entry.parse)
        if value or file:
            return None
    return None


def _refuse_file(name: str) -> Problem:
    """Return the problem of a value that is not a path: do not show it, it may be the secret."""
    return Problem(
        f"{name} is not an absolute path",
        "if this is the content itself, write it to a file and set the path",
    )


def _is_utf8(value: str) -> bool:
    """Tell whether an environment's string was UTF-8: Python keeps other bytes as surrogates."""
    return not any("\ud800" <= character <= "\udfff" for character in value)


def is_injected(name: str, value: str) -> bool:
    """Tell whether Kubernetes set this for a Service called dev8, or dev8-something.

    A Service called dev8-ssh gives DEV8_SSH_PORT=tcp://ADDRESS:PORT, which the agent must ignore.
    """
    if not name.startswith(PREFIX):
        return False
    named_port = name.endswith("_PORT") and _KUBERNETES_PORT.fullmatch(value)
    return bool(named_port or _KUBERNETES_NAME.fullmatch(name))
