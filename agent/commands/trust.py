"""Let code of a repository run: its hooks, recommended extensions, tasks and settings."""

import argparse
import os
from pathlib import Path

from agent.commands.options import add_json_option
from agent.commands.output import Printer
from agent.machine.errors import AgentError, Problem
from agent.machine.light.exits import Exit
from agent.settings import context
from agent.settings.context import Context
from agent.settings.project import find_folder
from agent.tools import trust
from agent.units import setup


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's options."""
    parser.add_argument(
        "folder", nargs="?", type=Path, help="the repository; by default the project folder"
    )
    parser.add_argument("--revoke", action="store_true", help="stop trusting it")
    add_json_option(parser)


def run(arguments: argparse.Namespace, printer: Printer) -> int:
    """Remember the user's answer; exit 1 if the folder cannot be trusted."""
    current = context.load()
    folder = Path(os.path.realpath(arguments.folder or find_folder(current)))
    if not folder.is_dir():
        raise AgentError(Problem(f"cannot trust {folder}: there is no such folder"))
    try:
        lines, files = _change(current, folder, revoke=arguments.revoke)
        setup.reopen(current.facts)
    except OSError as error:
        path = error.filename or trust.ANSWERS.path(current.facts)
        raise AgentError(Problem(f"cannot write {path}: {error.strerror}")) from error
    document = {
        "folder": str(folder),
        "trust": trust.find_verdict(current, folder),
        "files": files,
    }
    printer.show(document, lines)
    return Exit.OK


def _change(current: Context, folder: Path, *, revoke: bool) -> tuple[list[str], list[str]]:
    """Return what there is to say, and the files that the answer is about."""
    if revoke:
        said = "is no longer trusted" if trust.take(current, folder) else "was not trusted"
        if trust.find_verdict(current, folder) is trust.Verdict.TRUSTED:
            said = "stays trusted: DEV8_TRUST=trusted"
        return [f"{folder} {said}"], []
    changed = trust.give(current, folder)
    files = sorted(trust.take_prints(current, folder))
    about = [f"  {name}{' (new or changed)' if name in changed else ''}" for name in files]
    return [f"{folder} is trusted until one of its files that can run code changes", *about], files
