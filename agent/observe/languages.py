"""The languages that the image brings; loads next to nothing, since `devcopilot version` asks."""

import os
from collections.abc import Iterator

from agent.machine.light.files import SECRET, read_file

FOLDER = "/usr/local/share/devcopilot/versions"
"""A file for each language, which holds its version; see docker/mvp/Dockerfile."""


def find_languages(folder: str = FOLDER) -> Iterator[tuple[str, str]]:
    """Yield the name and the version of each language, by name."""
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        return
    for name in names:
        try:
            yield name, read_file(f"{folder}/{name}", SECRET).decode().strip()
        except (OSError, ValueError):
            continue
