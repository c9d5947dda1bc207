"""What must be there before a backup can be made: a restic, the targets, and a key to each."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from agent.backup.create.notices import NOTHING_LEFT
from agent.backup.target import (
    HOW_TO_MAKE,
    PASSWORD,
    PROGRAM,
    TargetKind,
    find_targets,
    needs_made_password,
)
from agent.machine.errors import Problem
from agent.machine.hints import find_hint
from agent.machine.planning.resources import File, Resource, Seed
from agent.machine.secret import Secret
from agent.machine.storage.mountinfo import TABLE, find_mount, read_mounts
from agent.machine.storage.volumes import find_top
from agent.machine.system import Facts
from agent.settings import stored
from agent.settings.everything import Settings

PASSWORD_BYTES = 24
CONFIG = "config"
"""In the folder of a local repository: restic makes it first, encrypted with the password's key."""


def make_password() -> str:
    """Return a new password: 192 bits, of letters, digits, - and _."""
    import secrets  # noqa: PLC0415 - 5 ms of each start, and needed once in a life

    return secrets.token_urlsafe(PASSWORD_BYTES)


def resources(
    kinds: Iterable[TargetKind], settings: Settings, facts: Facts
) -> Iterator[Resource | Problem]:
    """Yield the password that is made for a local repository, and what is wrong with targets."""
    targets = find_targets(kinds, settings, facts)
    yield from targets.in_trouble.values()
    if targets and facts.which(PROGRAM) is None:
        yield Problem("cannot make backups: restic is not installed", "use dev8-base or dev8-mvp")
    if settings.backup.folder and shares_root(settings.backup.folder):
        yield Problem(
            f"BACKUP_DIR={settings.backup.folder} is not on a volume: the backups are lost with "
            "the container",
            f"mount one: -v backups:{settings.backup.folder}",
        )
    if targets and settings.backup.exclude:
        yield from _check_exclusions(settings.workspace.folder, settings.backup.exclude)
    for option in (settings.backup.s3_extra or {}).get("ignored", "").split():
        yield Problem(
            f"{option} of AWS_S3_EXTRA_ARGS is ignored: backups do not use it",
            "supported are --endpoint-url, --region and --storage-class",
        )
    if needs_made_password(targets.ready, facts):
        yield from _make_password(facts.state / PASSWORD, _has_backups(settings), facts)


def _check_exclusions(workspace: Path, wishes: Sequence[str]) -> Iterator[Problem]:
    from agent.backup.create.content import leaves_nothing  # noqa: PLC0415 - 4 ms, for few

    if leaves_nothing(workspace, wishes):
        yield Problem(f"the backups hold no file of the workspace: {NOTHING_LEFT}",
                      "exclude only files that you can do without, such as data/*.bin")  # fmt: skip


def shares_root(folder: Path, table: Path = TABLE) -> bool:
    """Tell whether a folder is on the container's own file system, which goes with it.

    That is known by its type: each engine puts layers on top of each other.
    """
    try:
        root = find_mount(Path("/"), read_mounts(table))
        is_ours = find_top(folder).stat().st_dev == Path("/").stat().st_dev
    except OSError:
        return False
    return is_ours and root is not None and root.kind == "overlay"


def _has_backups(settings: Settings) -> bool:
    """Tell whether there is a repository in BACKUP_DIR, of this workspace or of another."""
    folder = settings.backup.folder
    return folder is not None and any(folder.glob(f"*/{CONFIG}"))


def _make_password(path: Path, used: bool, facts: Facts) -> Iterator[Resource | Problem]:
    """Yield the file of the password, and its copy for the log to hide.

    `used`: backups are there already, which a new password would not open.
    """
    try:
        content = facts.read(path)
    except OSError as error:
        yield Problem(f"cannot read {path}: {error.strerror}", find_hint(error, path))
        return
    word = (content or b"").decode(errors="replace").strip()
    if content is None or not _is_password(word):
        problem = _find_obstacle(path, used and content is not None, facts)
        if problem:
            yield problem
            return
        word = make_password()
        if content is not None:
            yield File(path, f"{word}\n".encode(), 0o600, adopt=True, stays=True)
    yield Seed(
        path, f"{word}\n".encode, 0o600,
        f"generated a password for the backups in BACKUP_DIR: keep a copy of {path} elsewhere, "
        "because nobody can restore them without it",
    )  # fmt: skip
    yield stored.hide("backup-password", Secret(word), facts)


def _find_obstacle(path: Path, lost: bool, facts: Facts) -> Problem | None:
    """Return why no password can be made now; `lost`: the one that opens the backups was there."""
    if lost:
        return Problem(
            f"cannot use {path}: it is damaged, and only its password opens the backups",
            "restore it from your copy, or set DEV8_BACKUP_PASSWORD_FILE to the copy",
        )
    if facts.mounts.state.fault or facts.runtime in path.parents:
        return Problem(
            f"cannot back up to BACKUP_DIR: the password would be lost with {path}", HOW_TO_MAKE
        )
    return None


def _is_password(word: str) -> bool:
    """Tell whether this can be one that was made here, or that somebody wrote in its place."""
    return bool(word) and word.isprintable() and "\ufffd" not in word
