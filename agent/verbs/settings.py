"""List all variables, exit codes and files; keep the documentation in step with them."""

import argparse
import json
import re
import sys
from pathlib import Path

from agent import reference
from agent.errors import AgentError, Problem
from agent.exits import Exit

DOCUMENTS = ("docs/settings.md", "docs/migration.md")
"""Files of the repository with generated parts, between `begin` and `end` markers."""

MEND = "`python -m agent settings --write` mends it"

_PART = re.compile(
    r"(?P<begin><!-- begin: (?P<name>[a-z ]+) -->\n).*?(?P<end><!-- end: (?P=name) -->)", re.DOTALL
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's options."""
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print JSON")
    form.add_argument("--markdown", action="store_true", help="print Markdown")
    form.add_argument(
        "--check",
        action="store_true",
        help="exit with 1 when the generated parts of the documentation are out of date",
    )
    form.add_argument("--write", action="store_true", help="bring those parts up to date")
    parser.add_argument(
        "documents",
        nargs="*",
        metavar="FILE",
        default=DOCUMENTS,
        help=f"for --check and --write; by default {' and '.join(DOCUMENTS)}",
    )


def run(arguments: argparse.Namespace) -> int:
    """Print the reference, or check or write the documentation."""
    if arguments.check or arguments.write:
        for name in arguments.documents:
            renew_document(Path(name), write=arguments.write)
    elif arguments.json:
        sys.stdout.write(json.dumps(reference.document(), indent=2) + "\n")
    elif arguments.markdown:
        sys.stdout.write("\n\n".join(reference.sections().values()) + "\n")
    else:
        sys.stdout.write(reference.render_text())
    return Exit.OK


def renew_document(path: Path, *, write: bool) -> None:
    """Bring the generated parts of a document up to date, or raise AgentError if they are not."""
    try:
        present = path.read_text()
        desired = fill_in(present)
        if write and desired != present:
            path.write_text(desired)
    except OSError as error:
        raise AgentError(
            Problem(f"cannot open {path}: {error.strerror}", "run this in the repository")
        ) from error
    except KeyError as error:
        raise AgentError(Problem(f"cannot fill in {path}: there is no part {error}")) from error
    if not write and desired != present:
        raise AgentError(Problem(f"{path} is out of date", MEND))


def fill_in(text: str) -> str:
    """Return the text with every marked part written anew. Raises KeyError for an unknown part."""
    sections = reference.sections()
    return _PART.sub(
        lambda found: f"{found['begin']}{sections[found['name']]}\n{found['end']}", text
    )
