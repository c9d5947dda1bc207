"""Init and the log child neither sleep nor have threads; few others do, each for a reason.

docs/decisions/one-thread.md says why.
"""

import ast

import pytest

from tests.unit.test_architecture import MODULES

SLEEPS = {
    "backup.lock": "until another backup lets go: a lock wakes nobody who has a deadline",
    "backup.create.new_repository": "until all who began to create it at the same moment are done",
    "commands.ports": "between two looks at the ports, for who watches them",
    "commands.health": "between two looks at the services, ever longer, until they answer",
    "github.helpers.ask": "until the broker's socket is back",
    "machine.programs.follow": "between two looks at a program that must not be waited for in vain",
    "machine.storage.holders": "until somebody who only looks lets go of a lock",
    "machine.programs.process_groups": "until a program has ended, before it is killed",
    "machine.storage.sqlite": "until a writer lets go of a database",
    "settings.context": "until the agent runs here, and there is a folder to watch",
    "units.leftovers": "until the commands of a killed setup have ended, before they are killed",
}
"""Modules of short-lived commands that pause between two looks, up to a deadline, and why."""

THREADS = {
    "backup.lock": "watches whether somebody waits, while the backup waits for restic",
    "units.hooks.environment": "hears that the container stops, while a shell starts",
    "units.hooks.running": "runs the commands of a hook side by side, and notes one without end",
    "commands.unit_reports": "tells clones and installations by hand that they are to end",
    "commands.hooks": "tells hooks by hand that they are to end",
    "units.hooks.stopping": "the threads are units.setup's",
    "units.unit_command": "hears that the container stops, from whatever thread tells it",
    "units.setup": "carries out kinds that do not need each other side by side",
    "units.unit": "the threads are units.setup's",
    "machine.deadline": "asks whether it is the first thread, which alone gets signals",
    "machine.programs.threads": "starts threads, and does their work where there can be none",
    "machine.programs.background": "a thread that gives way starts a program that does",
    "machine.network.socket_activation": "answers each caller while another is slow",
    "machine.network.pending_requests": "its threads are those of socket_activation",
    "machine.light.runtime": "a file that two threads write at once is written by each as a whole",
    "observe.checks.reach": "asks all hosts at once: one that hangs hides no other",
    "observe.serve.http": "its threads are those of socket_activation",
}
"""Modules of short-lived commands that have threads or deal with them, and why."""

CONCURRENT = {"threading", "_thread", "asyncio", "concurrent", "multiprocessing", "sched"}


def find_sleeps(tree: ast.AST) -> list[str]:
    return [ast.unparse(node) for node in ast.walk(tree)
            if (isinstance(node, ast.Attribute) and ast.unparse(node) == "time.sleep")
            or (isinstance(node, ast.ImportFrom) and node.module == "time")]  # fmt: skip


def find_threads(tree: ast.AST) -> list[str]:
    names = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names.append(node.module or "")
    return [name for name in names if name.partition(".")[0] in CONCURRENT]


@pytest.mark.parametrize(
    ("find", "allowed"), [(find_sleeps, SLEEPS), (find_threads, THREADS)], ids=["sleeps", "threads"]
)
def test_only_these_modules_do_and_all_of_them(find, allowed) -> None:  # type: ignore[no-untyped-def]
    found = {name for name, path in MODULES.items() if find(ast.parse(path.read_text()))}
    assert found == set(allowed)
    assert not [name for name in found if name.startswith("init")]
