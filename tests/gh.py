"""The real gh: the one that DEVCOPILOT_GH names, that of the tests' venv, or one on the PATH."""

import os
import shutil
import sys
from pathlib import Path

import pytest


def find_gh() -> str:
    """Return gh's path; skip the test where there is none, and fail it in CI."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    found = os.environ.get("DEVCOPILOT_GH") or shutil.which("gh", path=path)
    if found is None or not Path(found).exists():
        refuse = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        refuse("no gh here; DEVCOPILOT_GH may name one")
    return str(found)
