"""Finds the verb that is meant, runs it, and turns errors into lines, documents and exit codes.

A verb is a module with `run(arguments, printer) -> int`, and with `add_arguments(parser)` if it has
options. A group of verbs is a package with a table `COMMANDS` of its own, and may have
`guard(printer)`, which is around each run. Only what is called is imported.
"""

import argparse
import importlib
import sys
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict
from types import ModuleType
from typing import NoReturn

from agent.commands import output
from agent.commands.layout import NAME
from agent.commands.output import Printer
from agent.machine import modules
from agent.machine.errors import AgentError, Problem, UsageError
from agent.machine.light import core_dumps, faults
from agent.machine.light.exits import SIGNAL_BASE, Exit
from agent.machine.values import frozen

HELP = ("-h", "--help")
SIGINT = 2


@frozen
class Verb:
    """What is to be run."""

    path: tuple[str, ...]
    """Its name, below those of its groups."""
    module: ModuleType
    group: ModuleType | None
    words: Sequence[str]
    """Its options."""

    @property
    def name(self) -> str:
        """Return how people call it."""
        return " ".join((NAME, *self.path))

    def guard(self, printer: Printer) -> AbstractContextManager[object]:
        """Return what its group has around each run."""
        make = getattr(self.group, "guard", None)
        return make(printer) if make else nullcontext()

    def describe_refusal(self, problems: Sequence[Problem]) -> object:
        """Return the document of a run that came to nothing."""
        return getattr(self.module, "describe_refusal", describe_refusal)(problems)


class Parser(argparse.ArgumentParser):
    """Refuses options with the same kind of line as every error."""

    def error(self, message: str) -> NoReturn:
        """Raise AgentError (exit 2)."""
        raise UsageError(message, f"{self.prog} --help")


def run(words: Sequence[str], table: Mapping[str, str], *, as_log: bool = False) -> int:
    """Run the verb of this table that the words name; return its exit code.

    `as_log`: it is a job of init's, and speaks in events.
    """
    core_dumps.forbid()  # by `docker exec` it is no child of init's
    for stream in filter(None, (sys.stdout, sys.stderr)):
        stream.reconfigure(errors="backslashreplace")
    options = words[: words.index("--")] if "--" in words else words
    printer = output.choose(words[0], as_json="--json" in options, as_log=as_log)
    name = words[0]
    refuse = describe_refusal
    try:
        verb = find(words, table)
        name, refuse = " ".join(verb.path), verb.describe_refusal
        arguments = make_parser(verb).parse_args(verb.words)
        printer = output.choose(words[0], as_json=getattr(arguments, "json", False), as_log=as_log)
        with verb.guard(printer):
            return int(verb.module.run(arguments, printer))
    except AgentError as error:
        printer.refuse(error.problems, refuse(error.problems))
        return error.exit_code
    except SystemExit as error:  # help was shown, or a signal ended it in order
        return int(error.code or 0)
    except KeyboardInterrupt:
        return SIGNAL_BASE + SIGINT
    except BrokenPipeError:
        return Exit.FAILED
    except Exception as error:
        problem, code = explain(error, name)
        printer.refuse([problem], refuse([problem]))
        return code
    finally:
        printer.close()


def explain(error: Exception, name: str) -> tuple[Problem, Exit]:
    """Return the line and the exit code for what ended a verb.

    What the machine refuses, such as a write to a full disk, is no fault of ours.
    """
    if isinstance(error, OSError):
        from agent.machine import hints  # noqa: PLC0415 - few need it

        return hints.explain(error, f"run `{name}`"), Exit.FAILED
    message = f"internal error in `{name}`: {faults.describe(error)}"
    return Problem(message), Exit.INTERNAL


def describe_refusal(problems: Sequence[Problem]) -> object:
    """Return the document of a verb that could not do its work, where it has none of its own."""
    return {"problems": list(map(asdict, problems))}


def find(words: Sequence[str], table: Mapping[str, str]) -> Verb:
    """Return the verb that the words name, by way of its groups.

    Raises AgentError (exit 2) where there is none, and SystemExit once a group's help is printed.
    """
    module = importlib.import_module("agent.commands")
    group = None
    for depth, word in enumerate(words):
        if word not in table:
            break
        module = load(module.__name__, word)
        table = getattr(module, "COMMANDS", {})
        if not table:
            path = tuple(words[: depth + 1])
            return Verb(path, module, group, words[depth + 1 :])
        group = module
    else:
        word, depth = "", len(words)
    name = " ".join((NAME, *words[:depth]))
    if word in HELP:
        sys.stdout.write(describe_group(name, module.__doc__ or "", table))
        raise SystemExit(Exit.OK)
    what = (
        f"no such command: {' '.join(words[: depth + 1])}"
        if word
        else f"no command of `{name}` is given"
    )
    raise UsageError(what, f"see `{name} --help`")


def load(package: str, word: str) -> ModuleType:
    """Return the module of a verb or of a group of verbs in a package."""
    return modules.load(f"{package}.{word.replace('-', '_')}")


def describe_group(name: str, purpose: str, table: Mapping[str, str]) -> str:
    """Return the help of a group: its verbs, a line each."""
    lines = [f"usage: {name} COMMAND [OPTION…]", "", purpose, ""]
    lines += [f"  {verb:<10} {text}" for verb, text in table.items()]
    return "\n".join(lines) + "\n"


def make_parser(verb: Verb) -> Parser:
    """Return the parser of a verb's options."""
    parser = Parser(prog=verb.name, description=verb.module.__doc__)
    if add_arguments := getattr(verb.module, "add_arguments", None):
        add_arguments(parser)
    return parser
