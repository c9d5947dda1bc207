"""Write the completion of `devcopilot` for bash and zsh from its parsers.

The only word is a folder, which becomes the root of an image. It runs as the image is built, so
that none of the agent is loaded when somebody presses Tab.
"""

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path

import shtab

from agent.__main__ import VERBS
from agent.commands.dispatch import load
from agent.commands.layout import NAME

FILES = {
    "bash": f"usr/share/bash-completion/completions/{NAME}",
    "zsh": f"usr/share/zsh/vendor-completions/_{NAME}",
}
WITHOUT_OPTIONS = ("run", "init")
"""PID 1's own: they have no parser, and nobody types them."""
PATHS = {"--to": shtab.DIRECTORY, "--out": shtab.FILE, "source": shtab.FILE}
"""Options and words that are paths."""


def add_verbs(parser: argparse.ArgumentParser, table: Mapping[str, str], package: str) -> None:
    """Add the verbs of a table, and those of its groups, to a parser."""
    verbs = parser.add_subparsers(metavar="COMMAND")
    for name, purpose in table.items():
        verb = verbs.add_parser(name, help=purpose)
        if name in WITHOUT_OPTIONS:
            continue
        module = load(package, name)
        if commands := getattr(module, "COMMANDS", None):
            add_verbs(verb, commands, module.__name__)
        elif add_arguments := getattr(module, "add_arguments", None):
            add_arguments(verb)
        for action in verb._actions:
            for word in (*action.option_strings, action.dest):
                if word in PATHS:
                    action.complete = PATHS[word]  # type: ignore[attr-defined] # shtab's


def main(folder: Path) -> None:
    """Write both files."""
    parser = argparse.ArgumentParser(NAME)
    add_verbs(parser, VERBS, "agent.commands")
    for shell, name in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(shtab.complete(parser, shell))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
