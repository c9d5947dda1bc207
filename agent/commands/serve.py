"""Answer requests for the page, metrics and the local API (run by the agent)."""

import argparse
import socket

from agent.commands.output import Printer
from agent.machine.light.exits import Exit
from agent.machine.network.socket_activation import FIRST, answer, find_listeners
from agent.observe.serve.all import SURFACES, load
from agent.observe.serve.http import Server
from agent.settings import context, surfaces
from agent.settings.serving import Address

LINGER = 30.0
"""Seconds that it waits for one more call: a page is refreshed, a scrape comes every 15 s."""
LIFE = 900.0
"""Seconds after which another one takes over."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's options."""
    parser.add_argument(
        "--descriptor", type=int, default=FIRST, help="the first listening socket, inherited"
    )


def run(arguments: argparse.Namespace, printer: Printer) -> int:
    """Answer until nobody has asked for a while."""
    current = context.load()
    server = Server(current, printer.open_log("serve", current.settings.agent.log_level or "info"))
    places = surfaces.find_addresses(current.settings)
    named = {places[name]: name for name in SURFACES if name in places}
    listeners = find_listeners(arguments.descriptor)
    # Asked now: a listener is closed while its last callers are answered.
    served = {each: named.get(Address(*each.getsockname()[:2])) for each in listeners}

    def serve(listener: socket.socket, connection: socket.socket) -> None:
        if name := served[listener]:
            server.serve(load(name), connection)
        connection.close()

    answer(listeners, serve, linger=LINGER, life=LIFE)
    return Exit.OK
