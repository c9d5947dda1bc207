"""How full the file system of a folder is, as df counts."""

import os


def read_use(folder: "str | os.PathLike[str]") -> tuple[int, int] | None:
    """Return (bytes used, bytes in all that its users may have); None: nobody says so.

    What only root may use counts as neither, so that a full disk is full. It asks a server of files
    where there is one, and waits as long as that takes.
    """
    try:
        disk = os.statvfs(folder)
    except OSError:
        return None
    used = (disk.f_blocks - disk.f_bfree) * disk.f_frsize
    size = used + disk.f_bavail * disk.f_frsize
    return (used, size) if size > 0 else None  # proc and the like have none
