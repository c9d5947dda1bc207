"""All that a printer can be told, in one go."""

from agent.commands.layout import Item, Page
from agent.commands.output import Printer
from agent.machine.errors import Problem

SERVICES = [Item("good", "sshd", "running"), Item("bad", "editor\x1b[2J", "gone\nfor ever")]
PAGE = Page(Item("good", "the workspace is ready", ""), [("Services", SERVICES)])
PROBLEM = Problem("cannot do it: because", "try again")


def show_all(printer: Printer) -> None:
    printer.show({"a": 1}, ["one line", "evil\x1b[2J\nline"], lambda: PAGE)
    printer.show_table([{"b": 2}], ("ID", "SIZE"), [("x", "1 kB"), ("yyyy", "20 kB")])
    printer.say("as it goes")
    printer.note("by the way")
    printer.fail(PROBLEM)
    with printer.watch("work") as bar:
        bar.update(1, 2, "half")
        bar.spin("on")
    printer.close()
