"""Answer who asks for the page, metrics or the local API; for the agent's own job."""

import argparse
import threading

from agent.commands.output import Printer
from agent.machine.callers import FIRST, accept, find_listeners
from agent.machine.exits import Exit
from agent.observe.serve.all import SURFACES
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
    listeners = find_listeners(arguments.descriptor)
    places = surfaces.find_addresses(current.settings)
    served = {places[each.name]: each for each in SURFACES if each.name in places}
    threads: list[threading.Thread] = []
    for listener, connection in accept(listeners, linger=LINGER, life=LIFE):
        threads = [each for each in threads if each.is_alive()]
        surface = served.get(Address(*listener.getsockname()[:2]))
        if not surface:
            connection.close()
        elif thread := server.start(surface, connection):
            threads.append(thread)
    for thread in threads:
        thread.join()
    return Exit.OK
