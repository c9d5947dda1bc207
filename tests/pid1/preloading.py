"""Libraries of C, built for a test, that stand between a program and the kernel (LD_PRELOAD)."""

import shutil
import subprocess
from pathlib import Path

from tests.worlds.needs import need


def build_library(name: str, folder: Path) -> Path:
    """Build NAME.c, which lies beside this file, in a folder; skip the test without a compiler."""
    need(shutil.which("cc"), f"cc is missing, and with it {name}")
    library = folder / f"{name}.so"
    source = Path(__file__).with_name(f"{name}.c")
    subprocess.run(
        ["cc", "-Wall", "-Wextra", "-Werror", "-O1", "-shared", "-fPIC", "-o", library, source],
        check=True, timeout=120,
    )  # fmt: skip
    return library
