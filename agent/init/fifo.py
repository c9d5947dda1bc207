"""FIFOs: how init opens one, so that neither it nor who writes there ever waits."""

import os
import stat


def open_fifo(path: str) -> int:
    """Return a non-blocking descriptor of the FIFO, made if it is not there; it never ends.

    Raises OSError, also when something else is there.
    """
    try:
        os.mkfifo(path, 0o600)
    except FileExistsError:
        if not stat.S_ISFIFO(os.lstat(path).st_mode):
            os.unlink(path)
            os.mkfifo(path, 0o600)
    return os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW)
