"""Sign in to GitHub in a browser, by gh's own device flow; for workspaces without any token."""

import argparse
import os

from agent.commands.options import add_host_option
from agent.commands.output import Printer
from agent.github.hosts import find_accounts, find_token_variables
from agent.machine.errors import AgentError, Problem
from agent.settings import context

add_arguments = add_host_option


def run(arguments: argparse.Namespace, _printer: Printer) -> int:
    """Become `gh auth login`: it shows a code, and waits until it was typed into a browser."""
    current = context.load()
    host = arguments.host or current.settings.github.host
    if host in current.once(find_accounts).hosts:
        problem = Problem(
            f"{host} has a token source already",
            "unset its variables first: they would take precedence",
        )
        raise AgentError(problem)
    program = current.facts.which("gh")
    if program is None:
        raise AgentError(Problem("cannot sign in: gh is not installed here"))
    # gh refuses to store a login while a variable holds a token.
    tokens = find_token_variables(host)
    environment = {name: value for name, value in os.environ.items() if name not in tokens}
    argv = [str(program), "auth", "login", "--web", "--hostname", host, "--git-protocol", "https"]
    os.execve(argv[0], argv, environment)  # noqa: S606 - its purpose
