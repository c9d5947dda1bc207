"""Folders that the system or the kernel fills: none of them is for data or a home."""

import os
from pathlib import Path

CAUSE = "the system has its own files there"
_KERNEL = tuple(map(Path, ("/dev", "/proc", "/sys")))
_MEMORY = Path("/dev", "shm")
"""What the kernel shows is no place for files, except below this."""
_SYSTEM = frozenset(
    Path("/", name)
    for name in ("", "bin", "boot", "etc", "lib", "lib32", "lib64", "run", "sbin", "usr", "var")
)
"""Folders of the system themselves. Below them there may be one for data, such as /var/www."""


def include(path: Path) -> bool:
    """Tell whether an absolute path leads to one of them."""
    normal = Path(f"/{os.path.normpath(path).lstrip('/')}")
    of_kernel = any(top in (normal, *normal.parents) for top in _KERNEL)
    return normal in _SYSTEM or (of_kernel and _MEMORY not in normal.parents)
