"""What every verb starts from: the settings of this life of the container, and the facts."""

import errno
import json
import os
import pwd
import signal
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from agent import runtime, store
from agent.errors import Problem
from agent.files import STATE, read_file
from agent.settings import Settings
from agent.system import STATE_FOLDER, Facts


@dataclass(frozen=True)
class Context:
    """The settings, the facts, and what is wrong with the machine."""

    variables: Mapping[str, str]
    """What the settings were read from, secrets included."""
    settings: Settings
    facts: Facts
    problems: tuple[Problem, ...] = ()
    running: bool = False
    """Whether the container runs already: its services are not changed any more."""


def load() -> Context:
    """Return the context that `configure` stored. Raises AgentError where there is none."""
    folder = Path(runtime.locate(os.environ, os.getuid()))
    variables, environment = store.load(folder)
    settings = Settings.from_environ(variables)
    home = Path(environment["HOME"])
    facts = _facts(settings, home, folder, environment)
    return Context(variables, settings, facts, running=True)


def read_state(folder: Path) -> dict[str, Any] | None:
    """Return what the init of this runtime folder says of itself; None when none is alive."""
    try:
        state: dict[str, Any] = json.loads(read_file(folder / runtime.STATE, STATE))
        os.kill(state["pid"], 0)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return state


def from_environ(environ: Mapping[str, str]) -> Context:
    """Return the context for a container that starts with this environment.

    Reads files, changes nothing. Raises AgentError (exit 2) for what the texts show to be wrong.
    """
    settings = Settings.from_environ(environ)
    uid = os.getuid()
    folder = Path(runtime.locate(environ, uid))
    home, problems = find_home(environ, folder, uid)
    problems += check_workspace(settings.workspace.folder, uid)
    environment = {**store.child_defaults(settings), **store.clean_environment(environ)}
    environment.update({"HOME": str(home), runtime.VARIABLE: str(folder)})
    environment.setdefault("PATH", os.defpath)
    environment.setdefault("SHELL", "/bin/bash")
    return Context(environ, settings, _facts(settings, home, folder, environment), tuple(problems))


@contextmanager
def deadline(seconds: float) -> Iterator[None]:
    """Raise TimeoutError inside when this time has passed, and again each time that it passes.

    Again, since what is caught inside may be followed by something else that waits.
    """

    def give_up(_number: int, _frame: FrameType | None) -> None:
        raise TimeoutError(errno.ETIMEDOUT, f"it took longer than {seconds:g} s")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.setitimer(signal.ITIMER_REAL, seconds, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def find_home(environ: Mapping[str, str], folder: Path, uid: int) -> tuple[Path, list[Problem]]:
    """Return the home folder to use: the user's, or one in the runtime folder if that is no use."""
    given = environ.get("HOME", "/")  # what engines give to a uid that the image does not know
    home = Path(given if given not in ("", "/") else _passwd_home(uid) or "/")
    if not os.access(home, os.W_OK | os.X_OK):
        cause, mend = _explain_folder(home, uid)
    elif _is_used_by_another(home):
        cause = f"the agent's own files in it are of another uid than {uid}"
        mend = f"as root, on the volume: chown -R {uid}:{os.getgid()} {home}"
    else:
        return home, []
    return folder / "home", [
        Problem(
            f"cannot write the home folder {home}: {cause}; "
            "a temporary home is used, and what is written there is lost when the container ends",
            mend,
        )
    ]


def _is_used_by_another(home: Path) -> bool:
    """Tell whether the agent ran here as somebody else: then every file would be a problem."""
    state = home / STATE_FOLDER
    try:
        state.stat()
    except PermissionError:
        return True
    except OSError:
        return False
    return not os.access(state, os.W_OK | os.X_OK)


def check_workspace(folder: Path, uid: int) -> list[Problem]:
    """Return a problem when the workspace folder cannot be written."""
    missing = not os.access(folder, os.F_OK)
    if os.access(folder.parent if missing else folder, os.W_OK | os.X_OK):
        return []
    cause, mend = _explain_folder(folder, uid)
    return [Problem(f"cannot write the workspace {folder}: {cause}", mend)]


def _facts(settings: Settings, home: Path, folder: Path, environment: Mapping[str, str]) -> Facts:
    return Facts(
        home=home,
        uid=os.getuid(),
        runtime=folder,
        state=settings.agent.state_dir or home / STATE_FOLDER,
        environ=environment,
    )


def _passwd_home(uid: int) -> str | None:
    try:
        return pwd.getpwuid(uid).pw_dir
    except KeyError:
        return None


def _explain_folder(folder: Path, uid: int) -> tuple[str, str]:
    """Return why a folder cannot be written, and what mends it."""
    try:
        found = folder.stat()
        read_only = os.statvfs(folder).f_flag & os.ST_RDONLY
    except FileNotFoundError:
        return "there is no such folder, and it cannot be made", f"mount a volume on {folder}"
    except OSError as error:
        return f"it cannot be reached: {error.strerror}", f"mount a volume on {folder}"
    if not stat.S_ISDIR(found.st_mode):
        return "it is not a folder", f"mount a volume on {folder}"
    if read_only:
        return "it is read-only", f"mount a writable volume on {folder}"
    if found.st_uid == uid:
        return f"its mode is {stat.S_IMODE(found.st_mode):04o}", f"chmod u+rwx {folder}"
    mend = f"as root, on the volume: chown -R {uid}:{os.getgid()} {folder}"
    if found.st_gid == 0 and found.st_mode & stat.S_IWGRP:
        mend = f"start the container with --user {uid}:0, or {mend}"
    return f"it belongs to uid {found.st_uid}, and the container runs as uid {uid}", mend
