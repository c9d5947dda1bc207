"""Remove a password: it opens no backups any more."""

import argparse

from agent.backup import repository_keys
from agent.backup.open_targets import open_restic
from agent.commands.backup import shared
from agent.commands.backup.key.shown import SHOWN, describe, find_keys
from agent.commands.output import Printer
from agent.machine.errors import AgentError, Problem
from agent.machine.light.exits import Exit
from agent.settings import context


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    shared.add_usual_options(parser)
    parser.add_argument("id", help="id of the password, from `list`")


def run(arguments: argparse.Namespace, printer: Printer) -> int:
    """Remove the key that has this id, or begins with it."""
    current = context.load()
    wanted = arguments.id
    with shared.hold(current, printer, "a password is being removed"):
        targets = shared.find_ready(current, printer, arguments.target)
        found, _ = find_keys(current, targets, printer)
        fitting = [(target, key) for target, key in found if key.id.startswith(wanted)]
        if len(fitting) != 1:
            cause = "several passwords start with it" if fitting else "there is no such password"
            hint = "devcopilot backup key list"
            raise AgentError(Problem(f"cannot remove the password {wanted}: {cause}", hint))
        ((target, key),) = fitting
        if key.current:
            problem = Problem(
                f"cannot remove the password {key.id[:SHOWN]}: it is the one in use",
                "set DEV8_BACKUP_PASSWORD_FILE to another one first",
            )
            raise AgentError(problem)
        repository_keys.remove_key(open_restic(target, current, printer.note), key)
    line = f"{target.name}: password {key.id[:SHOWN]} removed"
    printer.show(describe(target, key), [line])
    return Exit.OK
