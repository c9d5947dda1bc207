"""hooks.d: the commands of whoever builds the image, in a folder for each moment."""

import os
from itertools import islice
from pathlib import Path

FOLDER = Path("/etc/devcopilot/hooks.d")
AT_CREATE, AT_START, AT_STOP = "create", "start", "stop"
"""The moments: each is the name of a folder in it."""
MOST = 200
"""Files of such a folder."""


def list_files(moment: str) -> list[Path]:
    """Return the files for a moment in the order of their names, without hidden ones."""
    folder = FOLDER / moment
    try:
        with os.scandir(folder) as entries:
            names = sorted(each.name for each in islice(entries, MOST) if each.name[0] != ".")
    except OSError:
        return []
    return [folder / name for name in names if (folder / name).is_file()]
