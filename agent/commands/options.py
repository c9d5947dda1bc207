"""Options that several verbs have."""

import argparse


def add_host_option(parser: argparse.ArgumentParser) -> None:
    """Declare --host: a bare name, since it becomes the name of a file."""
    parser.add_argument(
        "--host", type=_read_host, help="the GitHub host; by default that of GH_HOST"
    )


def add_json_option(parser: argparse._ActionsContainer) -> None:
    """Declare --json; docs/json.md says what it prints."""
    parser.add_argument("--json", action="store_true", help="print JSON")


def _read_host(text: str) -> str:
    from agent.settings.parsers import host_name  # noqa: PLC0415 - most commands need no parser

    try:
        return host_name(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not {error}") from None
