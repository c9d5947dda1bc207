"""A service that tells all it can find out: its environment, and each secret file, in every way.

Usage: talker.py [--end|--fail] FOLDER...; without the first word it goes on to live.
"""

import base64
import html
import json
import os
import shlex
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, quote_plus


def write(text: str) -> Iterator[str]:
    """Yield what programs make of a text when they show it."""
    yield text
    for login in ("", "x-access-token:", ":", "octo:"):
        yield base64.b64encode(f"{login}{text}".encode()).decode()
    yield from (quote(text), quote(text, safe=""), quote_plus(text), shlex.quote(text), repr(text))
    yield from (json.dumps(text), json.dumps({"message": f"Bearer {text}"}), html.escape(text))


def tell(name: str, text: str) -> None:
    """Say a text in each of these ways; of one with several lines, each line as it is."""
    lines = text.strip().split("\n")
    for said in write(text.strip()) if len(lines) == 1 else lines:
        print(f"{name} is {said} !", flush=True)
        print(f"{name}={said}", file=sys.stderr, flush=True)


def main() -> None:
    """Tell all, and wait."""
    text = ""
    for name, text in os.environ.items():
        tell(name, text)
    how, *folders = sys.argv[1:] if sys.argv[1].startswith("--") else ("", *sys.argv[1:])
    for folder in filter(os.path.isdir, folders):
        for path in sorted(Path(folder).iterdir()):
            if path.is_file() and path.suffix != ".json":
                text = path.read_text(errors="replace").strip()
                tell(path.name, text)
    print("told all", flush=True)
    if how == "--fail":
        sys.exit(f"it failed with {os.environ.get('MY_API_KEY')} and {text}")
    while not how:
        signal.pause()


main()
