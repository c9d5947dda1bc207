"""The real gh: the one that DEVCOPILOT_GH names, that of the tests' venv, or one on the PATH."""

import os
import shutil
import sys
from pathlib import Path

from tests.worlds.needs import need


def find_gh() -> str:
    """Return gh's path; skip the test where there is none, and fail it in CI."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    found = os.environ.get("DEVCOPILOT_GH") or shutil.which("gh", path=path)
    need(found and Path(found).exists(), "no gh here; DEVCOPILOT_GH may name one")
    return str(found)
