"""How the passwords of targets are found and shown."""

from collections.abc import Iterable

from agent.backup import repository_keys
from agent.backup.open_targets import open_restic
from agent.backup.repository_keys import Key
from agent.backup.restic.client import ResticError
from agent.backup.target import Target
from agent.commands.output import Printer
from agent.settings.context import Context

HEAD = ("ID", "TARGET", "CREATED", "FOR", "")
SHOWN = 8
"""Digits of an id that people see; restic takes them, too."""


def find_keys(
    current: Context, targets: Iterable[Target], printer: Printer
) -> tuple[list[tuple[Target, Key]], bool]:
    """Return the keys, and whether a target did not answer, which it reports."""
    found, failed = [], False
    for target in targets:
        try:
            listed = repository_keys.list_keys(open_restic(target, current, printer.note))
            found += [(target, key) for key in listed]
        except ResticError as error:
            failed = True
            printer.fail(error.problem)
    return found, failed


def describe(target: Target, key: Key) -> dict[str, object]:
    """Return a key as values for JSON."""
    return {
        "id": key.id,
        "target": target.name,
        "user": key.user,
        "host": key.host,
        "created": key.created,
        "current": key.current,
    }


def format_row(target: Target, key: Key) -> tuple[str, ...]:
    """Return a key for a person."""
    use = "in use" if key.current else ""
    return key.id[:SHOWN], target.name, key.created, f"{key.user} on {key.host}", use
