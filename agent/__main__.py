"""The `devcopilot` command: its verbs, and the way to them.

A verb is a module of `agent.commands`; `agent.commands.dispatch` finds it and runs it. `run` and
`init` are PID 1: they import nothing else of ours. `--log` before the verb makes it speak in events
of the log, as init has its jobs do.
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
    "open": "print a link that logs a browser in to the editor, once",
    "editor": "print what a new window of the editor starts with (run by the editor)",
    "token": "print a fresh GitHub token",
    "exec": "run a command with a fresh GitHub token in its environment",
    "ports": "list the ports on which programs listen, and how to open them",
    "audit": "list which programs were given the GitHub token",
    "hooks": "list the hooks of the workspace, show what they run, or run them again",
    "trust": "let code of the repository run: hooks, extensions, tasks, settings",
    "login": "sign in to GitHub in a browser, if no token is configured",
    "clone": "clone repositories into the workspace",
    "wait": "wait until a part of the workspace is there",
    "log": "print the log of a unit, such as a clone",
    "rerun": "carry out units again: those named, or all that failed",
    "done": "note that a step of your own is done, for `wait`",
    "extensions": "list the extensions of the editor, and the state of each",
    "setup": "carry out what is due of all units (run by the agent)",
    "broker": "provide fresh tokens to waiting programs (run by the agent)",
    "serve": "answer for the page, metrics and the local API (run by the agent)",
    "tools": "install missing AI tools that have a key",
    "backup": "create, list, restore and check backups",
    "activity": "show why the workspace counts as in use, and when it would stop",
    "why": "the same as activity",
    "keep": "keep the workspace in use for a time, or while a command runs",
    "idle": "do what DEV8_IDLE_ACTION says (run by the agent)",
    "status": "show the state of the workspace",
    "doctor": "check credentials, storage, network and tools, and say what fixes each problem",
    "metrics": "print metrics for Prometheus, or write them to a file",
    "health": "exit with 0 if every essential service answers",
    "explain": "explain why a service does not run or answer",
    "support-bundle": "collect what support needs in one archive, without secrets",
    "settings": "list all variables, exit codes and files",
    "version": "print the versions of the agent and of the image's languages",
}
"""Each verb with its one-line help, in the order of `--help`."""


def main(argv: list[str] | None = None) -> int:
    """Run one verb and return its exit code. `argv` is without the program's name."""
    words = sys.argv[1:] if argv is None else argv
    as_log = words[:1] == ["--log"]
    words = words[1:] if as_log else words
    if not words or words[0] in ("-h", "--help", "help"):
        print_help()
        return 0 if words else 2
    if words[0] in ("run", "init"):
        from agent.init import entry  # noqa: PLC0415 - PID 1 loads nothing else

        return entry.main(words, call)
    from agent.machine.light import later  # noqa: PLC0415 - not for PID 1

    later.put_off(*later.RARELY_USED)
    from agent.commands import dispatch  # noqa: PLC0415 - not for PID 1

    return dispatch.run(words, VERBS, as_log=as_log)


def call(words: list[str]) -> None:
    """Run a verb in a copy of init, which ends with it: the exit code is the verb's."""
    leave(main(words))


def print_help() -> None:
    """Print one line for each verb."""
    lines = ["usage: devcopilot COMMAND [OPTION…]", ""]
    lines += [f"  {verb:<14} {text}" for verb, text in VERBS.items()]
    lines += ["", "`devcopilot COMMAND --help` shows the options."]
    sys.stdout.write("\n".join(lines) + "\n")


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
