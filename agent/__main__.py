"""The `devcopilot` program: finds the verb, runs it, and turns errors into lines and exit codes.

A verb is a module of `agent.commands` with `add_arguments(parser)` and `run(arguments) -> int`; it
is imported only when it is used. `run` and `init` are PID 1: they import nothing else of ours.
"""

import os
import sys

VERBS = {
    "run": "start the container: configure it, start and supervise the services (the ENTRYPOINT)",
    "init": "only reap processes, forward signals and run CMD, like tini",
    "configure": "configure the workspace (again)",
    "plan": "show what `configure` would change, without changing it",
    "refresh": "fetch the GitHub token again, check it, publish it",
    "password": "print the password of the editor",
    "token": "print a fresh GitHub token",
    "exec": "run a command with a fresh GitHub token in its environment",
    "login": "sign in to GitHub in a browser, if no token is configured",
    "broker": "provide fresh tokens to waiting programs (run by the agent)",
    "tools": "install missing AI tools that have a key",
    "backup": "create, list, restore and check backups",
    "status": "show the state of the workspace",
    "health": "exit with 0 if every essential service answers",
    "explain": "explain why a service does not run",
    "settings": "list all variables, exit codes and files",
    "version": "print the version",
}
"""Each verb with its one-line help, in the order of `--help`."""


def main(argv: list[str] | None = None) -> int:
    """Run one verb and return its exit code. `argv` is without the program's name."""
    words = sys.argv[1:] if argv is None else argv
    if not words or words[0] in ("-h", "--help", "help"):
        print_help()
        return 0 if words else 2
    if words[0] not in VERBS:
        sys.stderr.write(f"devcopilot: no such command: {words[0]} (see `devcopilot --help`)\n")
        return 2
    if words[0] in ("run", "init"):
        from agent.init import entry  # noqa: PLC0415 - PID 1 loads nothing else

        return entry.main(words)
    return run_verb(words[0], words[1:])


def print_help() -> None:
    """Print one line for each verb."""
    lines = ["usage: devcopilot COMMAND [OPTION…]", ""]
    lines += [f"  {verb:<10} {text}" for verb, text in VERBS.items()]
    lines += ["", "`devcopilot COMMAND --help` shows the options."]
    sys.stdout.write("\n".join(lines) + "\n")


def run_verb(verb: str, words: list[str]) -> int:
    """Import the verb's module, parse its options and run it; print one line for each error."""
    import argparse  # noqa: PLC0415 - not needed by PID 1
    import gc  # noqa: PLC0415
    import importlib  # noqa: PLC0415

    from agent.machine import faults  # noqa: PLC0415
    from agent.machine.errors import AgentError  # noqa: PLC0415
    from agent.machine.escaping import encode_json  # noqa: PLC0415
    from agent.machine.exits import Exit  # noqa: PLC0415

    for stream in filter(None, (sys.stdout, sys.stderr)):
        stream.reconfigure(errors="backslashreplace")
    gc.disable()  # everything that imports create stays
    module = importlib.import_module(f"agent.commands.{verb}")
    gc.enable()
    parser = argparse.ArgumentParser(prog=f"devcopilot {verb}", description=module.__doc__)
    module.add_arguments(parser)
    arguments = parser.parse_args(words)
    try:
        return int(module.run(arguments))
    except AgentError as error:
        for problem in error.problems:
            sys.stderr.write(f"devcopilot: {problem}\n")
        if getattr(arguments, "json", False) and not error.is_in_json:
            document = {"problems": list(map(vars, error.problems))}
            sys.stdout.write(encode_json(document, indent=2) + "\n")
        return error.exit_code
    except KeyboardInterrupt:
        return 128 + 2
    except BrokenPipeError:
        return Exit.FAILED
    except Exception as error:
        sys.stderr.write(f"devcopilot: internal error in `{verb}`: {faults.describe(error)}\n")
        return Exit.INTERNAL


def leave(code: int) -> None:
    """Exit immediately: cleaning up takes Python 10 ms, and the kernel does it anyway."""
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream:  # None if it was closed
                stream.flush()
        except OSError:  # the disk is full, or the reader is gone
            code = code or 1
    os._exit(code)


if __name__ == "__main__":
    leave(main())
