"""Options that several verbs have."""

import argparse
from collections.abc import Callable
from typing import Any


def add_host_option(parser: argparse.ArgumentParser) -> None:
    """Declare --host: a bare name, since it becomes the name of a file."""
    parser.add_argument(
        "--host", type=reader("host_name"), help="the GitHub host; by default that of GH_HOST"
    )


def add_json_option(parser: argparse._ActionsContainer) -> None:
    """Declare --json; docs/json.md says what it prints."""
    parser.add_argument("--json", action="store_true", help="print JSON")


def reader(name: str) -> Callable[[str], Any]:
    """Return a parser of the settings, by its name, as argparse calls it."""

    def read(text: str) -> Any:
        from agent.settings import parsers  # noqa: PLC0415 - most commands need no parser

        try:
            return getattr(parsers, name)(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(f"{text!r} is not {error}") from None

    return read
