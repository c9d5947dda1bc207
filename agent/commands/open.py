"""Print a link that logs a browser in to the editor: it works once, and for a short time."""

import argparse

from agent.commands.options import add_json_option, reader
from agent.commands.output import Printer
from agent.machine.errors import AgentError, Problem, UsageError
from agent.machine.hints import explain
from agent.machine.light.clock import format_time
from agent.machine.light.exits import Exit
from agent.machine.light.human import format_duration
from agent.services import code_server, login_link
from agent.services.login_link import LONGEST, Link
from agent.settings import context
from agent.settings.context import Context

USUAL = 600.0
"""Seconds that a link is valid."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's options."""
    parser.add_argument("--for", dest="seconds", type=reader("positive_duration"), default=USUAL,
                        metavar="TIME", help="how long it is valid; by default 10m")  # fmt: skip
    add_json_option(parser)


def run(arguments: argparse.Namespace, printer: Printer) -> int:
    """Print the link."""
    current = context.load()
    if current.once(code_server.service) is None:
        raise AgentError(Problem("there is nothing to open: code-server does not run here"))
    if not current.settings.front.public_url:
        printer.note("DEV8_PUBLIC_URL is not set: replace host and port by the editor's address")
    if current.settings.editor.auth == "none":
        address = f"{login_link.find_address(current.settings)}/"
        printer.show({"url": address, "action": None, "token": None, "expires": None}, [address])
        return Exit.OK
    link = make(current, arguments.seconds)
    document = {"url": link.url, "action": link.action, "token": link.token,
                "expires": format_time(link.expires)}  # fmt: skip
    printer.show(document, [link.url])
    printer.note(f"it works once, in the next {format_duration(arguments.seconds)}; "
                 "whoever opens it gets a shell")  # fmt: skip
    return Exit.OK


def make(current: Context, seconds: float) -> Link:
    """Make the link. Raises AgentError."""
    if seconds > LONGEST:
        raise UsageError(
            f"cannot make a link for {format_duration(seconds)}: it is as good as the password",
            f"{format_duration(LONGEST)} at most",
        )
    try:
        return login_link.make(current.settings, current.facts, seconds)
    except OSError as error:
        raise AgentError(explain(error, "make a link")) from error
