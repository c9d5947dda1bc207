"""When files were created: statx(2), which Python does not offer.

https://man7.org/linux/man-pages/man2/statx.2.html
"""

import ctypes
import os
import struct

_AT_FDCWD = -100
_AT_SYMLINK_NOFOLLOW = 0x100
_STATX_BTIME = 0x800
_SIZE = 256
_MASK = struct.Struct("=I")
_BIRTH = struct.Struct("=qI"), 80
"""stx_btime, and where it is in struct statx."""


def find_birth_time(path: str) -> int | None:
    """Return when a file was made, in nanoseconds since the epoch; a link is not followed.

    None: it is gone, or its file system, the kernel or the C library does not tell.
    """
    answer = ctypes.create_string_buffer(_SIZE)
    try:
        statx = ctypes.CDLL(None).statx
    except AttributeError:
        return None
    if statx(_AT_FDCWD, os.fsencode(path), _AT_SYMLINK_NOFOLLOW, _STATX_BTIME, answer):
        return None
    (told,) = _MASK.unpack_from(answer)
    if not told & _STATX_BTIME:
        return None
    layout, offset = _BIRTH
    seconds, nanoseconds = layout.unpack_from(answer, offset)
    return int(seconds) * 10**9 + int(nanoseconds)
