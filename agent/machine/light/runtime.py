"""The runtime folder: where it is and what it holds.

It is a private folder on tmpfs, made by `init` for one life of the container. All parts of the
agent meet there; nothing in it outlives the container. The uid is the trust boundary.
"""

import contextlib
import errno
import fcntl
import os
import stat
import sys
from _thread import get_native_id  # `threading` costs PID 1 too much
from collections.abc import Iterator, Mapping, Sequence

from agent.machine.light import files, texts

DEVCOPILOT = (sys.executable, "-I", "-m", "agent")
"""How the agent calls its own command: this very installation, whatever is first on PATH."""

VARIABLE = "DEV8_RUNTIME_DIR"

SETTINGS = "settings.json"
"""The non-secret variables that `configure` accepted: a JSON object of strings."""
SECRETS = "secrets"
"""Folder (0700): one file (0600) a secret variable, named for the variable."""
TOKENS = "tokens"
"""Folder (0700): one file (0600) a GitHub host; see `agent.github.published.token_path`."""
HIDDEN = "hidden"
"""Folder (0700): one file (0600) a secret that came from a file or was made, as it was at the last
`configure`. Only the log reads it, to hide it: it must not touch paths of the user, which may hang.
"""
URL_PASSWORDS = "url-passwords"
"""In HIDDEN: one file for the passwords in URLs, of which there may be thousands, each a line."""
OWN_SECRETS = "own-secrets"
"""Folder (0700): one file (0600) a secret of the user's own, named for its variable, which the
user's programs get and no other: see docs/decisions/secrets.md."""
SECRET_FOLDERS = (SECRETS, TOKENS, HIDDEN, OWN_SECRETS)
"""What the log hides."""
BOOT = "boot.json"
"""What `configure` hands to `init`; see `agent.services.service.Boot`."""
BROKER_SOCKET = "broker.sock"
"""Where programs ask for a newer token; init listens, see `agent.init.activation`."""
STATE = "state.json"
"""What `init` says of itself; see `agent.init.state`."""
READY = "ready"
"""An empty file that is there from when the workspace is ready until it stops."""
PROJECT = "project"
"""The folder in which ssh logins start, as one line; see `agent.services.login_folder`."""
SERVICES = "services.json"
"""The services that supervisord was given; see `agent.services.registered`."""
PROBLEMS = "problems.json"
"""What `configure` could not do: a JSON list of {step, message, hint}."""
AUDIT = "audit"
"""Who was given a token, see `agent.github.audit`. AUDIT.old is the record before; whoever begins a
new one holds AUDIT.lock."""
GH_LOCK = "gh.lock"
"""Locked by whoever writes gh's login: a refresh, on demand or not, or `configure`."""
REPORTING = "reporting.json"
"""How to report to the control plane; see `agent.observe.report.rules`."""
REPORT = "report.json"
"""What is known of the reports; see `agent.observe.report.record`."""
JOBS = "jobs"
"""Folder: a job that wants its next run at another time than its interval says writes the seconds
as text to NAME.next; it holds for one run. One that wants the container to stop writes the reason
to NAME.stop. One that waits for nothing writes NAME.done: until its next run, a change of the files
that it might have waited for does not start it."""
ACTIVITY = "activity"
"""Folder: what the samples of the activity are made from; see `agent.observe.activity`."""
STREAMS = "streams"
"""Folder: one FIFO a log stream, named for its service."""
LOG = "log"
"""Folder (0700): the newest lines of the log, `recent` after `recent.1`; see
`agent.init.logger.recent`."""
EVENTS = "events"
"""FIFO: one line `STATE NAME` for each state that supervisord gives a service."""
MOUNTS = "mounts.json"
"""What the file systems of the home and of the state folder can do.

See `agent.machine.storage.volumes`.
"""
DEFAULTS = "defaults"
"""Folder: what git and ssh read, while its place in the home takes no file."""
SSH = "ssh"
"""Folder (0700): the host keys that sshd uses, and keys whose usual place is not private."""
SPARE = "spare"
"""Folder: files of the state folder while that one takes none.

See `agent.machine.records.keeping`.
"""
LAUNCHERS = "services"
"""Folder: one script a service, which becomes the service's program."""
HOME = "home"
"""Folder: the home where the user's own cannot be written."""
LOCK = "init.lock"
"""Locked by the living agent whose folder this is."""
SUPERVISORD_CONFIG = "supervisord.conf"
SUPERVISORD_SOCKET = "supervisord.sock"


def locate(environ: Mapping[str, str], uid: int) -> str:
    """Return the absolute path of the runtime folder for this uid. Nothing is created."""
    given = texts.unwrap(environ.get(VARIABLE, ""))
    return given or f"/dev/shm/devcopilot-{uid}"  # noqa: S108 - checked by `make`


def make(path: str, uid: int) -> None:
    """Create the runtime folder and its fixed subfolders, all 0700, or accept them as they are.

    Raises OSError when it cannot be made, PermissionError when somebody else made it: /dev/shm
    is writable for all, so a folder that is a link, another's or open to others is refused.
    """
    for folder in (
        path,
        os.path.join(path, SECRETS),
        os.path.join(path, TOKENS),
        os.path.join(path, STREAMS),
    ):
        try:
            os.mkdir(folder, 0o700)
        except FileExistsError:
            check(folder, uid)


def check(folder: str, uid: int) -> None:
    """Raise PermissionError unless this is a folder that only this uid can enter; else OSError.

    Who finds one by its name has to ask, root too: whoever made it could have it run anything.
    """
    found = os.lstat(folder)
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != uid or found.st_mode & 0o077:
        words = f"{folder} is not a folder that only uid {uid} can enter"
        raise PermissionError(errno.EACCES, words)


def hold(path: str, uid: int) -> int:
    """Make the runtime folder if need be; return a descriptor that holds it while it is open.

    Raises OSError when the folder cannot be used, or another living agent uses it.
    """
    make(path, uid)
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    descriptor = os.open(os.path.join(path, LOCK), flags, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise OSError("another agent uses it") from None
    return descriptor


def clear(path: str, spared: Sequence[str] = ()) -> None:
    """Remove what a life said of itself and was given. Raises OSError for what is secret.

    Called at the start and at the stop: the folder may outlive the container, on a volume or in the
    host's /dev/shm. Its own folders stay, and so do the lock, the files of `spared`, and a
    temporary home: what is in there is the user's.
    """
    _clear_secrets(path)
    with os.scandir(path) as found:
        entries = [entry for entry in found if entry.name not in (LOCK, HOME, *spared)]
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            _empty(entry.path)
        else:
            with contextlib.suppress(OSError):
                os.unlink(entry.path)


def _empty(folder: str) -> None:
    """Remove what is in a folder, as far as we may."""
    with contextlib.suppress(OSError), os.scandir(folder) as found:
        for entry in found:
            with contextlib.suppress(OSError):
                if entry.is_dir(follow_symlinks=False):
                    _empty(entry.path)
                    os.rmdir(entry.path)
                else:
                    os.unlink(entry.path)


def _clear_secrets(path: str) -> None:
    for name in (SETTINGS, MOUNTS, BOOT, SERVICES, PROBLEMS):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(os.path.join(path, name))
    for name in (*SECRET_FOLDERS, JOBS, LAUNCHERS, SSH):
        with contextlib.suppress(FileNotFoundError), os.scandir(os.path.join(path, name)) as found:
            for entry in found:
                os.unlink(entry.path)


def read_own_secrets(path: str) -> dict[str, str]:
    """Return the secrets of the user's own, by variable. Raises OSError."""
    folder = os.path.join(path, OWN_SECRETS)
    try:
        names = sorted(name for name in os.listdir(folder) if name.isidentifier())
    except FileNotFoundError:
        return {}
    paths = {name: os.path.join(folder, name) for name in names}
    return {name: os.fsdecode(files.read_file(paths[name], files.STATE)) for name in names}


def explain(path: str, error: OSError) -> str:
    """Return the line for a runtime folder that cannot be used."""
    cause = error.strerror or str(error)
    return f"cannot use the runtime folder {path}: {cause} (set {VARIABLE} to another one)"


@contextlib.contextmanager
def hold_lock(path: "str | os.PathLike[str]") -> Iterator[int]:
    """Hold the lock of this file, once whoever has it lets go; yield its descriptor.

    Raises OSError.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)


def try_lock(path: "str | os.PathLike[str]") -> None:
    """Make the file if need be and see that its file system has locks. Raises OSError.

    That somebody else holds the lock shows that there are locks.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        pass
    finally:
        os.close(descriptor)


def set_mode(new: "int | str | os.PathLike[str]", mode: int) -> None:
    """Give what this process has just made its mode, whatever the umask is. Raises OSError.

    That this is not allowed is no fault: its file system gives one owner and mode to everything.
    """
    if stat.S_IMODE(os.stat(new).st_mode) != mode:
        with contextlib.suppress(PermissionError):
            os.chmod(new, mode)


def write_atomic(path: str, content: bytes, mode: int = 0o600, *, durable: bool = False) -> None:
    """Replace the file at `path` in one step; readers see the old content or the new one.

    The mode is set before the content is there. Once it returns, a `durable` file outlives a power
    cut; any other may then be as it was before. Raises OSError that names `path`, and then leaves
    nothing behind.
    """
    try:
        _write_atomic(path, content, mode)
    except OSError as error:  # a write names no file, and opening names the temporary one
        error.filename, error.filename2 = path, None
        raise
    if durable:
        _sync_folder(os.path.dirname(path))


def _write_atomic(path: str, content: bytes, mode: int) -> None:
    temporary = f"{path}.{get_native_id()}.new"  # of a process's first thread, it is its own id
    with contextlib.suppress(FileNotFoundError):
        os.unlink(temporary)  # of a process that was killed: ids repeat in containers
    descriptor = os.open(
        temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, mode
    )
    try:
        try:
            set_mode(descriptor, mode)
            view = memoryview(content)
            while view:
                view = view[os.write(descriptor, view) :]
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        os.rename(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def write_next_run(folder: str, job: str, seconds: float) -> None:
    """Tell init to start a job in so many seconds, in this runtime folder. Raises OSError."""
    _tell_init(folder, f"{job}.next", f"{seconds:.1f}\n".encode())


def write_done(folder: str, job: str) -> None:
    """Tell init that a job waits for nothing, in this runtime folder. Raises OSError."""
    _tell_init(folder, f"{job}.done", b"")


def _tell_init(folder: str, name: str, content: bytes) -> None:
    jobs = os.path.join(folder, JOBS)
    os.makedirs(jobs, 0o700, exist_ok=True)
    write_atomic(os.path.join(jobs, name), content)


def _sync_folder(path: str) -> None:
    """Let the names in a folder outlive a power cut. Shares may not know that for folders."""
    with contextlib.suppress(OSError):
        descriptor = os.open(path or ".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
