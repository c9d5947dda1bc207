"""Print the password of the editor: the one that you set, or the generated one."""

import argparse

from agent.commands.options import add_json_option
from agent.commands.output import Printer
from agent.machine.errors import AgentError, Problem
from agent.machine.light.exits import Exit
from agent.services import code_server, editor_login
from agent.services.editor_login import Hash
from agent.settings import context
from agent.settings.context import Context

add_arguments = add_json_option


def run(_arguments: argparse.Namespace, printer: Printer) -> int:
    """Print the password; exit 1 when there is none to print."""
    printer.give("password", find_password(context.load()))
    return Exit.OK


def find_password(current: Context) -> str:
    """Return the password that opens the editor. Raises AgentError."""
    settings, facts = current.settings, current.facts
    if current.once(code_server.service) is None:
        raise AgentError(Problem("there is no password: code-server does not run here"))
    if settings.editor.auth == "none":
        raise AgentError(Problem("there is no password: CODE_SERVER_AUTH=none"))
    found = editor_login.find_password(settings, facts)
    if isinstance(found, Hash):
        hint = "ask whoever set CODE_SERVER_HASHED_PASSWORD"
        raise AgentError(Problem("cannot print the password: only its hash is set", hint))
    if found is None:
        hint = "run again: devcopilot configure"
        raise AgentError(Problem("cannot print the password: its file is gone", hint))
    return found.text
