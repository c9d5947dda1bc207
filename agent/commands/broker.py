"""Answer programs that wait for a fresh GitHub token (run by the agent)."""

import argparse

from agent.commands.output import Printer
from agent.github.broker import LIFE, LINGER, Broker
from agent.machine.light.exits import Exit
from agent.machine.network.socket_activation import FIRST, answer, find_listeners
from agent.settings import context


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's options."""
    parser.add_argument(
        "--descriptor", type=int, default=FIRST, help="the listening socket, inherited"
    )


def run(arguments: argparse.Namespace, printer: Printer) -> int:
    """Answer until nobody has asked for a while."""
    current = context.load()
    level = current.settings.agent.log_level or "info"
    broker = Broker(current, printer.open_log("refresh", level))
    answer(
        find_listeners(arguments.descriptor),
        lambda _, connection: broker.serve(connection),
        linger=LINGER,
        life=LIFE,
    )
    return Exit.OK
