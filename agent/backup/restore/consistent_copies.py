"""The consistent copies of a backup, put in the places of the files that they are of.

Databases of SQLite, and the branches of git's repositories: see `agent.backup.create.databases` and
`agent.backup.create.git_repositories`.
"""

import filecmp
import os
import shutil
import tarfile
import tempfile
from contextlib import suppress
from pathlib import Path

from agent.backup.create import git_repositories
from agent.backup.create.databases import Failure, explain, find_copies
from agent.machine.storage.sqlite import BESIDE, is_database
from agent.machine.values import frozen


@frozen
class Placed:
    """What became of the copies at a restore, each by where it belongs."""

    placed: tuple[Path, ...] = ()
    failures: tuple[Failure, ...] = ()


def put_in_place(staging: Path, root: Path) -> Placed:
    """Move the copies in `staging` to the places of the files below `root`, each at once.

    The branches of git's repositories, whose archives are there too, are put in place likewise.

    A copy gets the mode, owner, times and attributes of the file that it replaces, and what SQLite
    kept beside that file goes. A copy whose file was not restored is passed over.
    """
    placed, failures = [], []
    for found, name in list(find_copies(staging)):
        place = root / name
        if name.name.endswith(git_repositories.NAME) and not is_database(found):
            failures += _put_refs(found, place.parent, Path(os.path.realpath(root)) / name.parent)
            continue
        if place.is_symlink() or not place.is_file():
            continue
        try:
            _put(found, place, Path(os.path.realpath(root)) / name)
        except OSError as error:
            failures.append(Failure(place, explain(error)))
        else:
            placed.append(place)
    return Placed(tuple(placed), tuple(failures))


def _put_refs(found: Path, repository: Path, real: Path) -> list[Failure]:
    """Put the branches of a repository in place; one that was not restored is passed over."""
    if not (repository / "objects").is_dir():
        return []
    try:
        if os.path.realpath(repository) != str(real):
            raise OSError("a link is on the way to it")
        git_repositories.put(found, repository)
        found.unlink()
    except (OSError, tarfile.TarError) as error:
        return [Failure(repository, explain(error))]
    return []


def _put(found: Path, place: Path, real: Path) -> None:
    """Replace one file, and leave its folder's times as they are.

    One that has further names stays the file that it is, and so does one that holds the same
    already.
    """
    if os.path.realpath(place) != str(real):
        raise OSError("a link is on the way to it")
    around = place.parent.stat()
    if filecmp.cmp(found, place, shallow=False):
        _drop_beside(place)
    elif place.stat().st_nlink > 1:
        _fill(found, place)
    else:
        _replace(found, place)
    with suppress(PermissionError):  # the folder is somebody else's
        os.utime(place.parent, ns=(around.st_atime_ns, around.st_mtime_ns))
    found.unlink()


def _replace(found: Path, place: Path) -> None:
    """Replace one file at once by what another holds."""
    old = place.stat()
    descriptor, name = tempfile.mkstemp(prefix=".devcopilot-", dir=place.parent)
    fresh = Path(name)
    try:
        with found.open("rb") as source, os.fdopen(descriptor, "wb") as target:
            shutil.copyfileobj(source, target)
            target.flush()
            os.fsync(target.fileno())
        with suppress(PermissionError):  # then it is ours already
            os.chown(fresh, old.st_uid, old.st_gid)
        with suppress(PermissionError):  # its file system gives one owner and mode to everything
            shutil.copystat(place, fresh)
        _drop_beside(place)  # first: to the new file they would be another's changes
        fresh.replace(place)
    finally:
        fresh.unlink(missing_ok=True)


def _fill(found: Path, place: Path) -> None:
    """Give a file what another holds, under all its names."""
    old = place.stat()
    _drop_beside(place)
    with found.open("rb") as source, place.open("r+b") as target:
        shutil.copyfileobj(source, target)
        target.truncate()
        target.flush()
        os.fsync(target.fileno())
    os.utime(place, ns=(old.st_atime_ns, old.st_mtime_ns))


def _drop_beside(place: Path) -> None:
    """Remove what SQLite kept beside a file."""
    for end in BESIDE:
        Path(f"{place}{end}").unlink(missing_ok=True)
