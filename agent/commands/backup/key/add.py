"""Create a password for emergencies, add it to every destination, and show it once."""

import argparse

from agent.backup import repository_keys
from agent.backup.open_targets import open_restic
from agent.backup.prerequisites import make_password
from agent.backup.restic.client import ResticError
from agent.backup.target import name_workspace
from agent.commands.backup import shared
from agent.commands.backup.key.shown import SHOWN, describe
from agent.commands.output import Printer
from agent.machine import hints
from agent.machine.errors import AgentError
from agent.machine.light.exits import Exit
from agent.settings import context

add_arguments = shared.add_usual_options


def run(arguments: argparse.Namespace, printer: Printer) -> int:
    """Print the password, if any target opens with it; exit 0 when all of them do, else 1."""
    current = context.load()
    password = make_password()
    added, problems = [], []
    host = name_workspace(current.settings)
    for target in shared.find_ready(current, printer, arguments.target):
        try:
            key = repository_keys.add_key(
                open_restic(target, current, printer.note), password, host
            )
            added.append((target, key))
        except ResticError as error:
            problems.append(error.problem)
            printer.fail(error.problem)
        except OSError as error:
            raise AgentError(hints.explain(error, "pass the password to restic")) from error
    if added:
        names = ", ".join(f"{target.name} ({key.id[:SHOWN]})" for target, key in added)
        printer.note(f"it opens {names}; store it elsewhere, it is not shown again:")
    rows = [describe(target, key) for target, key in added]
    document = {"password": password if added else None, "keys": rows,
                "problems": list(map(vars, problems))}  # fmt: skip
    printer.show(document, [password] if added else [])
    return Exit.FAILED if problems else Exit.OK
