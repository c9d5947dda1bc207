"""Make a password for backups, and list, add and remove the passwords of the targets."""

import argparse
import sys
from collections.abc import Iterable

from agent.backup import keys
from agent.backup.keys import Key
from agent.backup.open import open_restic
from agent.backup.password import make_password
from agent.backup.restic.client import ResticError
from agent.backup.target import Target, name_workspace
from agent.commands.backup import work
from agent.machine.errors import AgentError, Problem
from agent.machine.escaping import encode_json
from agent.machine.exits import Exit
from agent.settings import context
from agent.settings.context import Context

HEAD = ("ID", "TARGET", "CREATED", "FOR", "")
SHOWN = 8
"""Digits of an id that people see; restic takes them, too."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    actions.add_parser("make", help="print a new password, and do nothing else with it")
    for name, text in (
        ("list", "list what opens the targets, without the passwords"),
        ("add", "make a password for an emergency, add it to every target, and show it once"),
        ("remove", "make a password worthless"),
    ):
        action = actions.add_parser(name, help=text, description=text)
        work.add_target_option(action)
        action.add_argument("--json", action="store_true", help="print JSON")
        if name == "remove":
            action.add_argument("id", help="as `list` shows it")


def run(arguments: argparse.Namespace) -> int:
    """Do it; exit 0 when it was done on every target, else 1."""
    if arguments.action == "make":
        sys.stdout.write(f"{make_password()}\n")
        return Exit.OK
    current = context.load()
    targets = work.find_ready(current, arguments.target)
    if arguments.action == "list":
        return list_all(current, targets, as_json=arguments.json)
    if arguments.action == "add":
        return add(current, targets, as_json=arguments.json)
    with work.hold(current, "a password is being removed"):
        return remove(current, targets, arguments.id, as_json=arguments.json)


def list_all(current: Context, targets: Iterable[Target], *, as_json: bool) -> int:
    """Print the keys of these targets."""
    found, failed = find_keys(current, targets)
    if as_json:
        rows = [describe(target, key) for target, key in found]
        sys.stdout.write(encode_json(rows, indent=2) + "\n")
    else:
        sys.stdout.write(work.format_table(HEAD, (format_row(*item) for item in found)))
    return Exit.FAILED if failed else Exit.OK


def find_keys(current: Context, targets: Iterable[Target]) -> tuple[list[tuple[Target, Key]], bool]:
    """Return the keys, and whether a target did not answer, which is told."""
    found, failed = [], False
    for target in targets:
        try:
            listed = keys.list_keys(open_restic(target, current))
            found += [(target, key) for key in listed]
        except ResticError as error:
            failed = True
            sys.stderr.write(f"devcopilot: {error.problem}\n")
    return found, failed


def add(current: Context, targets: Iterable[Target], *, as_json: bool) -> int:
    """Add one new password to all of them, and print it, if any target opens with it."""
    password = make_password()
    added, problems = [], []
    host = name_workspace(current.settings)
    for target in targets:
        try:
            key = keys.add_key(open_restic(target, current), password, host)
            added.append((target, key))
        except ResticError as error:
            problems.append(error.problem)
            sys.stderr.write(f"devcopilot: {error.problem}\n")
        except OSError as error:
            raise AgentError(Problem(f"cannot hand the password to restic: {error}")) from error
    if as_json:
        rows = [describe(target, key) for target, key in added]
        document = {"password": password if added else None, "keys": rows,
                    "problems": list(map(vars, problems))}  # fmt: skip
        sys.stdout.write(encode_json(document, indent=2) + "\n")
    elif added:
        names = ", ".join(f"{target.name} ({key.id[:SHOWN]})" for target, key in added)
        sys.stderr.write(f"It opens {names}; keep it elsewhere, it is not shown again:\n")
        sys.stderr.flush()
        sys.stdout.write(f"{password}\n")
    return Exit.FAILED if problems else Exit.OK


def remove(current: Context, targets: Iterable[Target], wanted: str, *, as_json: bool) -> int:
    """Remove the key that has this id, or begins with it."""
    found, _ = find_keys(current, targets)
    fitting = [(target, key) for target, key in found if key.id.startswith(wanted)]
    if len(fitting) != 1:
        cause = "several passwords begin so" if fitting else "there is no such password"
        hint = "devcopilot backup key list"
        raise AgentError(Problem(f"cannot remove the password {wanted}: {cause}", hint))
    ((target, key),) = fitting
    if key.current:
        problem = Problem(
            f"cannot remove the password {key.id[:SHOWN]}: it is the one in use",
            "set DEV8_BACKUP_PASSWORD_FILE to another one first",
        )
        raise AgentError(problem)
    keys.remove_key(open_restic(target, current), key)
    if as_json:
        sys.stdout.write(encode_json(describe(target, key), indent=2) + "\n")
    else:
        sys.stdout.write(f"{target.name}: {key.id[:SHOWN]} does not open it any more\n")
    return Exit.OK


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
