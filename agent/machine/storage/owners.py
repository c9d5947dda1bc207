"""Who may write the files of the home, and what is closed to others: judged here, nowhere else.

Platforms make a home of any owner, group and mode, and may open all of it to a group at each start
(`fsGroup` of Kubernetes). Whoever may write the home can run code as its user anyway, so that shuts
nobody out: what only concerns us is closed again, and what stays open is one line.
"""

import contextlib
import grp
import os
import pwd
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from agent.machine.planning.resources import Closed, Private, Resource
from agent.machine.system import Facts

WRITE = stat.S_IWGRP | stat.S_IWOTH
SSH = ".ssh"
PUBLIC = ("known_hosts", "authorized_keys")
"""In ~/.ssh, beside *.pub: what others may read."""
SECRETS = (
    ".gnupg", ".git-credentials", ".config/git/credentials", ".netrc", ".pgpass", ".my.cnf",
    ".vault-token", ".config/gh/hosts.yml", ".config/hub",
    ".npmrc", ".yarnrc.yml", ".pypirc", ".cargo/credentials*", ".gem/credentials",
    ".m2/settings*.xml", ".terraform.d/credentials.tfrc.json",
    ".aws/credentials", ".aws/cli/cache", ".aws/login", ".aws/sso", ".azure", ".config/gcloud",
    ".boto", ".s3cfg", ".config/rclone", ".kube", ".docker/config.json", ".config/containers",
    ".config/code-server",
)  # fmt: skip
"""Below the home, as patterns: files and folders with secrets in them, beside those in ~/.ssh and
those of the AI tools, which `agent.tools` declares."""


def is_ours_alone(path: Path, facts: Facts) -> bool:
    """Tell whether nobody else may write what is there, as sshd's StrictModes asks. Raises OSError.

    True also where there is nothing. Debian's sshd lets the user's own group pass, others do not.
    """
    owner, mode = facts.owner(path), facts.mode(path)
    if owner is None or mode is None:
        return True
    return owner[0] in (facts.uid, 0) and not mode & WRITE


def find_writers(path: Path, facts: Facts) -> str:
    """Return who else may write what is there, in words; empty: nobody. Raises OSError."""
    owner, mode = facts.owner(path), facts.mode(path)
    if owner is None or mode is None:
        return ""
    if mode & stat.S_IWOTH:
        return "every uid"
    if mode & stat.S_IWGRP and not _is_private(owner[1], facts.uid):
        return f"group {owner[1]}"
    return "" if owner[0] in (facts.uid, 0) else f"uid {owner[0]}"


def can_close(path: Path, facts: Facts) -> bool:
    """Tell whether it is ours and its file system has modes. Raises OSError."""
    owner, mode = facts.owner(path), facts.mode(path) or 0
    return owner is not None and owner[0] == facts.uid and not facts.has_mode(path, mode ^ WRITE)


def _is_private(group: int, uid: int) -> bool:
    """Tell whether the group has one member: the user whose first group it is."""
    try:
        user, named = pwd.getpwuid(uid), grp.getgrgid(group).gr_mem
    except KeyError:
        return False
    others = {entry.pw_uid for entry in pwd.getpwall() if entry.pw_gid == group} - {uid}
    is_first = group != 0 and user.pw_gid == group
    return is_first and not others and {*named} <= {user.pw_name}


def find_hint(path: Path, facts: Facts) -> str:
    """Return the command after which nobody else may write what is there."""
    owner = facts.owner(path)
    if owner and owner[0] == facts.uid:
        return f"chmod go-w {path}"
    return f"as root, on the volume: chown {facts.uid} {path} && chmod go-w {path}"


def explain_access(folder: Path, uid: int) -> tuple[str, str]:
    """Return why a folder cannot be written, and what fixes it."""
    try:
        found = folder.stat()
        read_only = os.statvfs(folder).f_flag & os.ST_RDONLY
    except FileNotFoundError:
        return "the folder does not exist and cannot be created", f"mount a volume on {folder}"
    except OSError as error:
        return f"it cannot be reached: {error.strerror}", f"mount a volume on {folder}"
    if not stat.S_ISDIR(found.st_mode):
        return "it is not a folder", f"move {folder} away, or choose another folder"
    if read_only:
        return "it is read-only", f"mount a writable volume on {folder}"
    if found.st_uid == uid:
        return f"its mode is {stat.S_IMODE(found.st_mode):04o}", f"chmod u+rwx {folder}"
    mend = f"as root, on the volume: chown -R {uid}:{os.getgid()} {folder}"
    if found.st_gid == 0 and found.st_mode & stat.S_IWGRP:
        mend = f"start the container with --user {uid}:0, or {mend}"
    return f"it belongs to uid {found.st_uid}, and the container runs as uid {uid}", mend


# --- what is closed ------------------------------------------------------------------------------


def close(facts: Facts, workspace: Path, secrets: Iterable[str]) -> Iterator[Resource]:
    """Yield what others lose their permissions for, at each start.

    `secrets` are further patterns like SECRETS.

    Group 0 those for the home, for its direct entries, which shells read, and the workspace;
    everybody those for the agent's folder, for ~/.ssh, and for secrets that were opened to be
    written, which nobody does on purpose.
    """
    with contextlib.suppress(OSError):
        yield from map(Closed, _list(facts.home))
    yield from (Closed(facts.home), Closed(workspace))
    yield Private(facts.usual_defaults)
    with contextlib.suppress(OSError):
        yield from _close_ssh(facts.home / SSH)
    for path in (path for name in (*SECRETS, *secrets) for path in facts.home.glob(name)):
        with contextlib.suppress(OSError):
            if (facts.mode(path) or 0) & WRITE:
                yield Private(path)


def _close_ssh(folder: Path) -> Iterator[Resource]:
    """Yield ~/.ssh: ssh takes no key that others may read, and no settings that they may write."""
    yield Private(folder, WRITE)
    for path in _list(folder):
        is_public = path.suffix == ".pub" or path.name.startswith(PUBLIC)
        opened = path.stat().st_mode & WRITE
        if opened and path.is_file():
            yield Private(path, WRITE if is_public else 0o077)


def _list(folder: Path) -> list[Path]:
    """Return what is in a folder, without links. Raises OSError."""
    with os.scandir(folder) as entries:
        return sorted(Path(entry.path) for entry in entries if not entry.is_symlink())
