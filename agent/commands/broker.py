"""Answer programs that wait for a fresh GitHub token; for the agent's own job, not for people."""

import argparse
import threading

from agent.commands.output import Printer
from agent.github.broker import LIFE, LINGER, Broker
from agent.machine.callers import FIRST, accept, find_listeners
from agent.machine.exits import Exit
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
    threads: list[threading.Thread] = []
    listeners = find_listeners(arguments.descriptor)
    for _, connection in accept(listeners, linger=LINGER, life=LIFE):
        threads = [each for each in threads if each.is_alive()]
        # A thread each: a host whose server hangs keeps nobody waiting for another host.
        thread = threading.Thread(target=broker.serve, args=(connection,), daemon=True)
        thread.start()
        threads.append(thread)
    for thread in threads:
        thread.join()
    return Exit.OK
