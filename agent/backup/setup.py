"""What must be there before a backup can be made: a restic, the targets, and a key to each."""

import secrets
from collections.abc import Iterable, Iterator
from pathlib import Path

from agent import store
from agent.errors import Problem
from agent.files import STATE, read_file
from agent.plan import Resource, Seed
from agent.secret import Secret
from agent.settings import Settings
from agent.system import Facts
from agent.target import PASSWORD, PROGRAM, TargetKind, find_targets, needs_made_password
from agent.volumes import find_top

PASSWORD_BYTES = 24
MOUNTS = Path("/proc/self/mountinfo")


def make_password() -> str:
    """Return a new password: 192 bits, of letters, digits, - and _."""
    return secrets.token_urlsafe(PASSWORD_BYTES)


def resources(
    kinds: Iterable[TargetKind], settings: Settings, facts: Facts
) -> Iterator[Resource | Problem]:
    """Yield the password that is made for a local repository, and what is wrong with targets."""
    targets = find_targets(kinds, settings, facts)
    yield from targets.in_trouble.values()
    if targets and facts.which(PROGRAM) is None:
        yield Problem("cannot make backups: there is no restic here", "use dev8-base or dev8-mvp")
    if settings.backup.folder and shares_root(settings.backup.folder):
        yield Problem(
            f"BACKUP_DIR={settings.backup.folder} has no volume of its own: the backups are lost "
            "with the container",
            f"mount one: -v backups:{settings.backup.folder}",
        )
    for option in (settings.backup.s3_extra or {}).get("ignored", "").split():
        yield Problem(
            f"{option} of AWS_S3_EXTRA_ARGS is ignored: it means nothing to a backup",
            "--endpoint-url, --region and --storage-class are understood",
        )
    if needs_made_password(targets.ready, facts):
        yield from _make_password(facts.state / PASSWORD, facts)


def shares_root(folder: Path, mounts: Path = MOUNTS) -> bool:
    """Tell whether a folder lies on the container's own file system, which goes with it.

    That is known by its type: each engine puts layers on top of each other.
    """
    try:
        lines = read_file(mounts, STATE).decode(errors="replace").split("\n")
        device = Path("/").stat().st_dev
        is_ours = find_top(folder).stat().st_dev == device
    except OSError:
        return False
    # https://man7.org/linux/man-pages/man5/proc_pid_mountinfo.5.html
    rows = [line.partition(" - ") for line in lines]
    types = [after.split()[0] for before, _, after in rows if before.split()[4:5] == ["/"]]
    return is_ours and types[-1:] == ["overlay"]


def _make_password(path: Path, facts: Facts) -> Iterator[Resource | Problem]:
    """Yield the file of the password, and its copy for the log to hide."""
    try:
        known = (facts.read(path) or b"").decode(errors="replace").strip()
    except OSError as error:
        yield Problem(f"cannot read {path}: {error.strerror}")
        return
    word = known or make_password()
    yield Seed(
        path, f"{word}\n".encode, 0o600,
        f"a password was made for the backups in BACKUP_DIR: keep a copy of {path} elsewhere, "
        "without it nobody can restore them",
    )  # fmt: skip
    yield store.hide("backup-password", Secret(word), facts)
