"""The real gh, where there is one: DEVCOPILOT_GH names it, else it is looked up on the PATH."""

import os
import shutil
from pathlib import Path

import pytest


def find_gh() -> str:
    """Return gh's path; skip the test where there is none, and fail it in CI."""
    found = os.environ.get("DEVCOPILOT_GH") or shutil.which("gh")
    if found is None or not Path(found).exists():
        refuse = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        refuse("no gh here; DEVCOPILOT_GH may name one")
    return str(found)
