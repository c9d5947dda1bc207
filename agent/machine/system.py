"""The one place where planners meet files, processes and the machine.

`Facts` only looks; `System` acts. Both work on the real machine; tests point them at a temporary
home. Nothing here knows what any file means.
"""

import errno
import os
import shutil
import stat
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field, replace
from functools import partial
from pathlib import Path

from agent.machine.errors import Problem
from agent.machine.formats.lines import find_last_line
from agent.machine.light import runtime
from agent.machine.light.clock import Clock
from agent.machine.light.files import SECRET, STATE, read_file
from agent.machine.light.texts import UnusableError
from agent.machine.programs import external_commands, steering
from agent.machine.secret import Secret, SecretInput
from agent.machine.storage.volumes import Mounts, find_top, has_room
from agent.machine.values import frozen


@frozen
class Facts:
    """What the planners may know of the machine."""

    home: Path
    uid: int
    runtime: Path
    state: Path
    """What the agent keeps between lives of the container; by default the same as `defaults`."""
    environ: Mapping[str, str] = field(default_factory=dict, repr=False)
    """The clean environment: what every child gets. It holds no secret."""
    own_secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Variables with secrets of the user's own, for the user's own programs."""
    pending: Mapping[Path, bytes] = field(default_factory=dict, repr=False)
    """Files that are planned and not yet written: a plan sees them as if they were there."""
    clock: Clock = field(default_factory=Clock)
    mounts: Mounts = field(default_factory=Mounts)
    """What the file systems of the home and the state folder can do."""
    dotfiles: Path | None = None
    """The user's repository of dotfiles: what is linked into it is theirs, and may be published."""

    @property
    def user_environ(self) -> dict[str, str]:
        """Return what a program of the user's gets: the clean environment, and own secrets."""
        return {**self.environ, **self.own_secrets}

    @property
    def defaults(self) -> Path:
        """Folder of what git and ssh read: the image names it, so no setting moves it.

        While no file can be kept there it is in the runtime folder; a variable sends git there.
        """
        return self.runtime / runtime.DEFAULTS if self.mounts.home.fault else self.usual_defaults

    @property
    def usual_defaults(self) -> Path:
        """Where the image's configuration looks."""
        return self.home / self.mounts.folder

    @property
    def logins(self) -> Path:
        """Folder of the keys that may log in: the state folder's if sshd will trust it."""
        return (self.state if self.mounts.state.is_private else self.runtime) / runtime.SSH

    def is_dotfile(self, path: Path) -> bool:
        """Tell whether a path leads into the user's dotfiles."""
        if self.dotfiles is None:
            return False
        return Path(os.path.realpath(self.dotfiles)) in Path(os.path.realpath(path)).parents

    def with_pending(self, files: Mapping[Path, bytes]) -> "Facts":
        """Return the same facts with these files planned in addition."""
        return replace(self, pending={**self.pending, **files})

    def read(self, path: Path, limit: int = STATE) -> bytes | None:
        """Return the file's content, or None when there is no such file.

        Raises OSError, also for what is no regular file or has more than `limit` bytes.
        """
        if path in self.pending:
            return self.pending[path]
        try:
            return read_file(path, limit)
        except (FileNotFoundError, NotADirectoryError):
            return None

    def mode(self, path: Path) -> int | None:
        """Return the permission bits of what is at `path`, links followed, or None."""
        try:
            return path.stat().st_mode & 0o7777
        except (FileNotFoundError, NotADirectoryError):
            return None

    def has_mode(self, path: Path, mode: int) -> bool:
        """Tell whether a file has this mode, as far as its file system can give it."""
        try:
            found = path.stat()
        except (FileNotFoundError, NotADirectoryError):
            return False
        return stat.S_IMODE(found.st_mode) == mode or not self.mounts.has_modes(found.st_dev)

    def has_room(self, folder: Path, size: int) -> bool:
        """Tell whether so many bytes can be kept in a folder, which may be missing yet."""
        try:
            place = find_top(folder)
            return os.access(place, os.W_OK | os.X_OK) and has_room(place, size)
        except OSError:  # somewhere on the way we may not enter
            return False

    def owner(self, path: Path) -> tuple[int, int] | None:
        """Return the uid and gid of what is at `path`, links followed, or None."""
        try:
            found = path.stat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        return found.st_uid, found.st_gid

    def which(self, program: str) -> Path | None:
        """Return the absolute path of a program on the children's PATH, or None."""
        found = shutil.which(program, path=self.environ.get("PATH", os.defpath))
        return Path(found) if found else None

    def find_missing_program(self, name: str, argv: Sequence[str]) -> Problem | None:
        """Return a problem if the program of the command that variable `name` gives is missing."""
        if not argv or self.which(argv[0]):
            return None
        return Problem(
            f"cannot run {name}: there is no program {argv[0]}",
            f"fix {name}, or install the program; quotes around the whole command make it one word"
            if " " in argv[0]
            else f"fix {name}, or install the program",
        )

    def run(self, argv: Sequence[str], stdin: bytes = b"") -> "subprocess.CompletedProcess[bytes]":
        """Run a command that changes nothing and return what it said and its code.

        Where it cannot even run, a code and `stderr` say why: see `external_commands.run`.
        """
        return self.start(argv, stdin)()

    def start(
        self, argv: Sequence[str], stdin: bytes = b"", limit: int = external_commands.LONGEST
    ) -> "Callable[[], subprocess.CompletedProcess[bytes]]":
        """Start such a command; return what waits for it, and returns what `run` does.

        It is killed once it has said more than `limit` bytes.
        """
        finish = external_commands.start(argv, steering.clear(argv[0], self.environ), stdin)
        return partial(finish, limit=limit)

    def secret(self, source: SecretInput | None) -> Secret | Problem | None:
        """Return the secret as it is meant, None when none was given, or what is wrong with it."""
        if source is None:
            return None
        text = source.value.reveal() if source.value else ""
        if source.file:
            try:
                text = _read_secret_file(source.file)
            except (OSError, UnicodeDecodeError) as error:
                return _explain_secret_file(source, error, self.uid)
            if not text.strip():
                return Problem(
                    f"cannot use {source.name}: the file is empty",
                    f"write the secret into it or unset {source.variable}_FILE",
                )
        try:
            return Secret(source.read(text))
        except UnusableError as error:
            return Problem(f"cannot use {source.name}: {error}", error.hint)


class System:
    """What actions may do to the machine. Every method raises OSError when it cannot."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ

    def write_file(self, path: Path, content: bytes, mode: int, *, durable: bool = False) -> None:
        """Replace a file atomically, links followed, its folder made when missing.

        A folder made for a private file (mode without group and others) is private too. What is no
        regular file is left alone: a link to a device would replace the device. `durable`: it must
        not be lost in a power cut, once this returns.
        """
        target = Path(os.path.realpath(path))
        if target.exists() and not target.is_file():
            raise OSError(errno.EINVAL, "it is not a regular file", str(path))
        self.make_directory(target.parent, 0o755 if mode & 0o077 else 0o700)
        runtime.write_atomic(str(target), content, mode, durable=durable)

    def make_directory(self, path: Path, mode: int) -> None:
        """Make a folder and its missing parents with this mode; what exists is left as it is."""
        missing = [folder for folder in (path, *path.parents) if not folder.exists()]
        for folder in reversed(missing):
            folder.mkdir(exist_ok=True)
            runtime.set_mode(folder, mode)

    def change_mode(self, path: Path, mode: int) -> None:
        """Set the permission bits of what is at `path`, links followed."""
        path.chmod(mode)

    def remove_file(self, path: Path) -> None:
        """Remove a file; that it is gone already is no error."""
        path.unlink(missing_ok=True)

    def run(self, argv: Sequence[str], stdin: bytes = b"") -> None:
        """Run a command; raises OSError with its own last words when it fails."""
        done = external_commands.run(argv, steering.clear(argv[0], self._environ), stdin)
        if done.returncode != 0:
            # Without an errno: the code of a command is none.
            raise OSError(f"{argv[0]} failed: {find_last_line(done.stderr, 'no message')}")


def _read_secret_file(path: Path) -> str:
    """Return a file's text without the byte order mark and the newline that editors add."""
    text = read_file(path, SECRET).decode("utf-8-sig")
    return text.removesuffix("\n").removesuffix("\r")


def _explain_secret_file(source: SecretInput, error: Exception, uid: int) -> Problem:
    name = f"{source.variable}_FILE"
    match error:
        case IsADirectoryError():
            cause = "it is a directory"
            hint = "set the path of the file; docker creates a directory if the file is missing"
        case FileNotFoundError():
            cause, hint = "no such file", f"mount the secret there or unset {name}"
        case PermissionError():
            cause, hint = "permission denied", f"make it readable for uid {uid}"
        case OSError():
            cause, hint = error.strerror or str(error), ""
        case _:
            cause, hint = "it is not UTF-8 text", "save it as UTF-8"
    return Problem(f"cannot read {source.name}: {cause}", hint)
