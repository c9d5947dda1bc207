"""Draw what a command of a running workspace shows on a terminal: the picture in the README.

Run `.venv/bin/python scripts/picture.py CONTAINER docs/status.svg -- devcopilot status`.
"""

import argparse
import os
import re
import subprocess
import sys
from pathlib import Path

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.text import Text

COLUMNS = 80
SECONDS = 60.0
"""Time limit for the command."""
_WEB_FONTS = re.compile(r"@font-face \{\{.*?\}\}\s*", re.DOTALL)
"""The picture loads nothing from the network: it uses a font that is installed."""


def capture(container: str, command: list[str]) -> str:
    """Return the output of a command on a terminal of the container, with its colours."""
    docker = os.environ.get("DOCKER", "docker")
    inside = ["env", f"COLUMNS={COLUMNS}", "TERM=xterm-256color", *command]
    argv = [docker, "exec", "--tty", container, *inside]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=SECONDS, check=True)
    return done.stdout.replace("\r\n", "\n").strip("\n")


def draw(output: str, title: str) -> str:
    """Return the picture of a terminal with this output, as SVG."""
    with Path(os.devnull).open("w") as nowhere:
        console = Console(width=COLUMNS, record=True, file=nowhere, highlight=False)
        console.print(Text.from_ansi(output))
        return console.export_svg(
            title=title, code_format=_WEB_FONTS.sub("", CONSOLE_SVG_FORMAT), unique_id="terminal"
        )


def main(words: list[str]) -> None:
    """Run the command and write the picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("container")
    parser.add_argument("file", type=Path)
    parser.add_argument("command", nargs="+")
    arguments = parser.parse_args(words)
    output = capture(arguments.container, arguments.command)
    arguments.file.write_text(draw(output, " ".join(arguments.command)) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
