"""Which folders are used: the home, the state folder, and what their file systems can do."""

import os
import pwd
from collections.abc import Iterator, Mapping
from pathlib import Path

from agent.machine.errors import Problem, UsageError
from agent.machine.hints import find_hint
from agent.machine.light import runtime
from agent.machine.light.files import STATE, read_file
from agent.machine.storage import system_folders
from agent.machine.storage.owners import explain_access
from agent.machine.storage.volumes import (
    SPARE_FOLDER,
    STATE_FOLDER,
    Mounts,
    Volume,
    find_top,
    try_folder,
)


def find_home(environ: Mapping[str, str], folder: Path, uid: int) -> tuple[Path, list[Problem]]:
    """Return the home folder to use: the user's, or one in the runtime folder if that is no use.

    Raises UsageError if it is a folder of the system, which only root could write.
    """
    given = environ.get("HOME", "/")  # what engines give to a uid that the image does not know
    home = Path(given if given not in ("", "/") else _passwd_home(uid) or "/")
    if not _is_usable(home):
        cause, mend = explain_access(home, uid)
    elif _is_used_by_another(home):
        cause = f"the agent's own files in it belong to another uid than {uid}"
        mend = f"as root, on the volume: chown -R {uid}:{os.getgid()} {home}"
    elif home == Path("/"):  # of a root without an entry in passwd
        cause, mend = system_folders.CAUSE, "set HOME to another folder"
    elif system_folders.include(home):
        what = f"a folder for data, such as /home/dev8: {system_folders.CAUSE}"
        raise UsageError(f"HOME={home} is not {what}")
    else:
        return home, []
    return folder / "home", [
        Problem(
            f"cannot write the home folder {home}: {cause}; "
            "a temporary home is used, which is lost when the container ends",
            mend,
        )
    ]


def _is_usable(folder: Path) -> bool:
    """Tell whether files can be made there; root may also write and execute some files."""
    return os.access(folder, os.W_OK | os.X_OK) and folder.is_dir()


def _is_used_by_another(home: Path) -> bool:
    """Tell whether the agent ran here as somebody else: then every file would be a problem."""
    for state in (home / STATE_FOLDER, home / SPARE_FOLDER):
        try:
            state.stat()
        except PermissionError:
            return True
        except OSError:
            continue
        if not os.access(state, os.W_OK | os.X_OK):
            return True
    return False


def check_workspace(folder: Path, uid: int) -> list[Problem]:
    """Return a problem when the workspace folder cannot be written."""
    place = folder if os.access(folder, os.F_OK) else folder.parent
    if _is_usable(place):
        return []
    cause, mend = explain_access(folder, uid)
    return [Problem(f"cannot write the workspace {folder}: {cause}", mend)]


def _passwd_home(uid: int) -> str | None:
    try:
        return pwd.getpwuid(uid).pw_dir
    except KeyError:
        return None


# --- the agent's folder in the home -------------------------------------------------------------


def find_folder(home: Path, uid: int) -> tuple[str, list[Problem]]:
    """Return the agent's folder below the home, and what keeps it from its usual place."""
    spare = (home / SPARE_FOLDER).is_dir()
    try:
        top = find_top(home / STATE_FOLDER)
    except OSError:
        return STATE_FOLDER, []
    if os.access(top, os.W_OK | os.X_OK) or top == home:
        return (SPARE_FOLDER if spare else STATE_FOLDER), []
    cause, _ = explain_access(top, uid)
    return SPARE_FOLDER, [
        Problem(
            f"cannot write {top}: {cause}; the agent keeps its files in {home / SPARE_FOLDER}; "
            "other programs may not find a place for theirs",
            f"as root, on the volume: chown -R {uid}:{os.getgid()} {_find_highest(top, home, uid)}",
        )
    ]


def _find_highest(folder: Path, home: Path, uid: int) -> Path:
    """Return the highest folder on the way from the home that is somebody else's."""
    way = [part for part in (*reversed(folder.parents), folder) if home in part.parents]
    return next((part for part in way if part.stat().st_uid != uid), folder)


# --- what the file systems can do ---------------------------------------------------------------


def try_mounts(
    home: Path, given: Path | None, uid: int, environ: Mapping[str, str]
) -> tuple[Path, Mounts, list[Problem]]:
    """Find the state folder, if none is given, and try the file systems.

    Return that folder, what came of the trials, and what it costs.
    """
    name, problems = find_folder(home, uid)
    usual = home / name
    state = given or usual
    tried = {folder: try_folder(folder, uid) for folder in dict.fromkeys((usual, state))}
    system = environ.get("GIT_CONFIG_SYSTEM") or Mounts.system_gitconfig
    mounts = Mounts(name, tried[usual], tried[state], system)
    return state, mounts, [*problems, *explain_mounts(home, state, mounts)]


def read_mounts(folder: Path) -> Mounts:
    """Return what `configure` wrote into this runtime folder; without it, all is well."""
    try:
        return Mounts.decode(read_file(folder / runtime.MOUNTS, STATE))
    except (OSError, ValueError, TypeError, KeyError):
        return Mounts()


def explain_mounts(home: Path, state: Path, mounts: Mounts) -> Iterator[Problem]:
    """Yield what the file systems cost, one line each."""
    if mounts.state.fault:
        yield explain_fault(state, mounts.state)
    usual = home / mounts.folder
    volumes = {mounts.state.device: (state, mounts.state), mounts.home.device: (usual, mounts.home)}
    for folder, volume in volumes.values():
        lacks = None if volume.fault else explain_lacks(folder, home, volume)
        if lacks:
            yield lacks


def explain_fault(state: Path, volume: Volume) -> Problem:
    """Return the one line for a state folder that takes no file."""
    error = OSError(volume.fault, os.strerror(volume.fault))
    return Problem(
        f"cannot keep anything in the state folder {state}: {error.strerror}; "
        "everything the agent creates now is lost when the container ends",
        find_hint(error, state / "new"),
    )


def explain_lacks(folder: Path, home: Path, volume: Volume) -> Problem | None:
    """Return the one line for a file system that lacks something; None: it can do all."""
    lacks = []
    if not volume.is_private:
        whose = "" if volume.ours else " and another owner"
        lacks.append(
            f"gives every file mode {volume.mode:04o}{whose}, so every uid with access to it can "
            "use the tokens and keys in it"
        )
    if not volume.links:
        lacks.append("has no symbolic links, so npm and Python environments may fail")
    if not volume.locks:
        lacks.append("has no locks, so no two containers should use it at the same time")
    if not lacks:
        return None
    place = home if home in folder.parents else folder
    hint = "mount it with dir_mode=0700,file_mode=0700,mfsymlinks,uid=" + str(os.getuid())
    return Problem(f"the file system of {place} {' and '.join(lacks)}", f"{hint}, or use a disk")
