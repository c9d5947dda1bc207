"""Copies of this tree, to try its scripts where nothing is lost."""

import shutil
import subprocess
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]


def copy_tree(folder: Path) -> Path:
    """Copy what git knows of this tree, as it is now; return the folder."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=TOP, check=True, capture_output=True, text=True)  # fmt: skip
    for name in filter(None, listed.stdout.split("\0")):
        if (TOP / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(TOP / name, folder / name)
    return folder


def close_to_others(tree: Path) -> None:
    """Give everything in a copy the modes that it would have been cloned with at umask 077."""
    for path in (tree, *tree.rglob("*")):
        if not path.is_symlink():
            path.chmod(path.stat().st_mode & 0o700)
