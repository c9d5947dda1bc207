"""The ways into init. Signals are blocked first: what PID 1 does not handle, the kernel drops."""

import sys
from collections.abc import Callable

from agent.init import signals
from agent.machine.light import faults, termination
from agent.machine.light.exits import Exit

USAGE = "usage: devcopilot {verb} [--] {command}\n"
PURPOSE = {
    "run": """Start the container: configure it, then start and supervise the services and CMD. This
is the ENTRYPOINT. The exit code of CMD is the container's; without CMD, the services
keep it running.
""",
    "init": """Only reap processes, forward signals and run CMD, like tini. The exit code is CMD's.
""",
}
"""What each verb does, for its help."""
BOOTED, CORES, EARLY, NOTIFY = "--booted", "--cores", "--early", "--notify"


def main(argv: list[str], call: Callable[[list[str]], None]) -> int:
    """Run `run` or `init`: `argv` is the verb, an optional `--`, and CMD. Returns the exit code.

    `call` runs another verb in a copy of this process, see `bootstrap`.
    """
    return _guard(lambda words: _begin(words, call), argv)


def resume(argv: list[str]) -> int:
    """Run the second life with the arguments that the first life gave it; see `__main__`."""
    return _guard(_go_on, argv)


def _guard(life: Callable[[list[str]], int], argv: list[str]) -> int:
    """Make one line of a fault of our own."""
    signals.block()
    try:
        return life(argv)
    except Exception as error:
        termination.complain(f"internal error in init: {faults.describe(error)}")
        return Exit.INTERNAL


def _begin(argv: list[str], call: Callable[[list[str]], None]) -> int:
    verb, command = argv[0], argv[1:]
    usage = USAGE.format(verb=verb, command="CMD…" if verb == "init" else "[CMD…]")
    if command[:1] in (["-h"], ["--help"]):
        sys.stdout.write(f"{usage}\n{PURPOSE[verb]}")
        return Exit.OK
    if command[:1] == ["--"]:
        del command[0]
    elif command and command[0].startswith("-"):
        sys.stderr.write(f"devcopilot: {verb} has no option {command[0]}; {usage}")
        return Exit.USAGE
    if verb == "init":
        return _init(command, usage)
    from agent.init import bootstrap  # noqa: PLC0415 - signals are blocked before all else

    return bootstrap.run(command, call)


def _go_on(argv: list[str]) -> int:
    from agent.init import supervisor  # noqa: PLC0415 - as above

    mark = argv.index("--")
    options = dict(zip(argv[:mark:2], argv[1:mark:2], strict=True))
    command = argv[mark + 1 :]
    cores = options.get(CORES)
    return supervisor.run(
        options[BOOTED], command, options.get(EARLY), options.get(NOTIFY),
        None if cores is None else int(cores),
    )  # fmt: skip


def _init(command: list[str], usage: str) -> int:
    from agent.init import core  # noqa: PLC0415 - as above

    if not command:
        sys.stderr.write(f"devcopilot: init needs a command; {usage}")
        return Exit.USAGE
    return core.run_alone(command)
