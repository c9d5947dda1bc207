"""What the file system of a folder can do: tried, since its type does not say it.

A share may give every file one mode and one owner whatever is asked for (Azure Files and other
CIFS), and have no symbolic links, no locks, or no room.
"""

import contextlib
import errno
import fcntl
import json
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from agent.machine.values import frozen

STATE_FOLDER = ".local/state/devcopilot"
"""Below the home folder. The image's configuration of git and ssh names files in it."""
SPARE_FOLDER = ".devcopilot"
"""The same where that one cannot be made: something is mounted beside it, and an engine makes the
folders above a mount as root."""
PRIVATE = 0o600
"""The mode that is asked for in the trial."""
ROOM = 64 * 1024
"""Bytes that must be free where the agent is to keep anything."""


@frozen
class Volume:
    """What came of a trial; without one, a file system that can do all."""

    device: int = -1
    fault: int = 0
    """The errno that says why no file can be kept there; 0: one can."""
    mode: int = PRIVATE
    """The mode that the file had which should have had `PRIVATE`."""
    ours: bool = True
    """Whether it belonged to us or to root."""
    links: bool = True
    """Whether there are symbolic links."""
    locks: bool = True

    @property
    def is_private(self) -> bool:
        """Tell whether a file can be kept there that is for its owner alone, as sshd wants it."""
        return not self.fault and self.ours and not self.mode & 0o077

    @property
    def has_modes(self) -> bool:
        """Tell whether a file there has the mode that it was given."""
        return bool(self.fault) or self.mode == PRIVATE


@frozen
class Mounts:
    """What came of the trials, for one life of the container."""

    folder: str = STATE_FOLDER
    """Below the home: where what the image configures for git and ssh looks for our files."""
    home: Volume = Volume()
    """What that folder can do."""
    state: Volume = Volume()
    """What the state folder can do, which is often the same."""
    system_gitconfig: str = "/etc/gitconfig"
    """git's own file for the whole system."""

    def has_modes(self, device: int) -> bool:
        """Tell whether a file on this device has the mode that it was given."""
        return all(item.has_modes for item in (self.home, self.state) if item.device == device)

    def encode(self) -> bytes:
        """Return it as JSON."""
        return json.dumps(asdict(self)).encode() + b"\n"

    @classmethod
    def decode(cls, content: bytes) -> "Mounts":
        """Return what `encode` made. Raises ValueError, TypeError or KeyError."""
        row = json.loads(content)
        home, state = Volume(**row["home"]), Volume(**row["state"])
        return cls(str(row["folder"]), home, state, str(row["system_gitconfig"]))


def find_top(folder: Path) -> Path:
    """Return the folder, or the nearest one above it that there is. Raises OSError."""
    return next(part for part in (folder, *folder.parents) if part.exists())


def has_room(folder: Path, size: int) -> bool:
    """Tell whether a new file of so many bytes fits into a folder that there is. Raises OSError."""
    disk = os.statvfs(folder)
    inodes = disk.f_favail > 0 or disk.f_files == 0  # some file systems do not count them
    return inodes and disk.f_bavail * disk.f_frsize >= size


def try_folder(folder: Path, uid: int) -> Volume:
    """Make a file where the folder is or would be, look at it, and remove it."""
    device = -1
    try:
        top = find_top(folder)
        device = top.stat().st_dev
        if not os.access(top, os.W_OK | os.X_OK):
            read_only = os.statvfs(top).f_flag & os.ST_RDONLY
            return Volume(device, errno.EROFS if read_only else errno.EACCES)
        if not has_room(top, ROOM):
            return Volume(device, errno.ENOSPC)
        with _trial_file(top) as (path, descriptor):
            found = os.fstat(descriptor)
            return Volume(
                device, 0, stat.S_IMODE(found.st_mode), found.st_uid in (uid, 0),
                _has_links(path), _has_locks(descriptor),
            )  # fmt: skip
    except OSError as error:
        return Volume(device, error.errno or errno.EIO)


@contextmanager
def _trial_file(folder: Path) -> Iterator[tuple[Path, int]]:
    path = folder / f".devcopilot-trial-{os.getpid()}"
    with contextlib.suppress(FileNotFoundError):
        path.unlink()  # of a process that was killed
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(path, flags, PRIVATE)
    try:
        os.write(descriptor, b"trial")
        with contextlib.suppress(OSError):
            os.fchmod(descriptor, PRIVATE)
        yield path, descriptor
    finally:
        os.close(descriptor)
        path.unlink()


def _has_links(path: Path) -> bool:
    link = path.with_name(f"{path.name}.link")
    try:
        link.unlink(missing_ok=True)
        link.symlink_to(path.name)
        link.unlink()
    except OSError:
        return False
    return True


def _has_locks(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
