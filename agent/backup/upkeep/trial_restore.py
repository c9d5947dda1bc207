"""A trial restore: some files of a backup are restored beside and compared with the live ones."""

import random
import stat
import tempfile
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from agent.backup.restic.client import LOCK_WAIT, Restic, Snapshot
from agent.machine.formats.globs import escape
from agent.machine.light.clock import read_nanoseconds
from agent.machine.programs.follow import Finished, Limits, Message, find_words
from agent.machine.storage import folders
from agent.machine.system import Facts
from agent.machine.values import frozen

FILES = 20
"""Files that are restored."""
MOST_BYTES = 64 * 2**20
"""Bytes of them together; one that is larger alone is never chosen."""
FOLDER = "backup/trial"
"""In the state folder, which no backup holds."""
CHUNK = 1 << 20
DIFFERS = "the restored copy differs from the file, which has not changed since"
MAPPED = "-shm"
"""What SQLite maps into memory ends so: it changes without a sign, and is made anew from the rest.
"""


@frozen
class Node:
    """A file as a backup describes it."""

    path: str
    """Absolute."""
    size: int
    mtime: int
    """Nanoseconds since the epoch; also `ctime`."""
    ctime: int


@frozen
class Trial:
    """What became of it."""

    files: int = 0
    """Files that were restored."""
    compared: int = 0
    """Those of them that were compared with the live file, which had not changed since."""
    differences: tuple[str, ...] = ()
    """What is wrong, each with its file."""
    doubts: tuple[str, ...] = ()
    """Files that differ from the live ones, which have not changed by their times."""


def try_restore(
    restic: Restic,
    snapshot: Snapshot,
    chance: random.Random | None = None,
    again: Collection[str] = (),
) -> Trial:
    """Restore a random sample of this backup and compare it; nothing of it is left behind.

    `again`: paths that are in the sample in any case, if the backup holds them.
    Files that have changed since, or are gone, are held against the backup's own hashes, by restic.
    Raises ResticError when it could not be done, OSError when there is no room for it.
    """
    nodes = choose_sample(restic, snapshot, chance or random.SystemRandom(), again)
    if not nodes:
        return Trial()
    folder = make_folder(restic.facts, sum(node.size for node in nodes))
    try:
        finished = _restore(restic, snapshot, nodes, folder)
        verdicts = [compare(node, Path(f"{folder}{node.path}")) for node in nodes]
    finally:
        remove_folder(folder)
    compared = verdicts.count("")
    if compared == len(nodes):
        return Trial(compared, compared)  # what restic complains of is an owner or the like
    found = [verdict for verdict in verdicts if verdict]
    found += map(find_words, finished.errors)
    doubts = tuple(verdict for verdict in found if verdict.endswith(DIFFERS))
    wrong = dict.fromkeys(verdict for verdict in found if verdict not in doubts)
    return Trial(len(nodes), compared, tuple(wrong), doubts)


def choose_sample(
    restic: Restic, snapshot: Snapshot, chance: random.Random, again: Collection[str] = ()
) -> list[Node]:
    """Return some files of a backup, each as likely as any other. Raises ResticError."""
    sample: list[Node] = []
    wanted: list[Node] = []
    seen = 0

    def look(message: Message) -> None:
        nonlocal seen
        node = read_node(message)
        if node is None:
            return
        if node.path in again:
            wanted.append(node)
            return
        seen += 1
        if len(sample) < FILES:
            sample.append(node)
        elif (place := chance.randrange(seen)) < FILES:
            sample[place] = node

    restic.check(
        f"list the files of {snapshot.short} on {restic.target.name}",
        "ls", "--json", "--no-lock", snapshot.id, limits=Limits(), listener=look,
    )  # fmt: skip
    return list(_limit([*wanted, *sample]))


def read_node(message: Message) -> Node | None:
    """Return the file that a line of `restic ls --json` describes, if it fits into a sample."""
    path, size = str(message.get("path")), message.get("size", 0)
    # A name that is no UTF-8 is printed with this character, and cannot be asked for.
    if message.get("type") != "file" or size > MOST_BYTES or "\ufffd" in path:
        return None
    if path.endswith(MAPPED):
        return None
    return Node(path, size, read_nanoseconds(message["mtime"]), read_nanoseconds(message["ctime"]))


def _limit(nodes: Iterable[Node]) -> Iterator[Node]:
    total = 0
    for node in nodes:
        total += node.size
        if total <= MOST_BYTES:
            yield node


def make_folder(facts: Facts, size: int) -> Path:
    """Return a new private folder with room for so many bytes. Raises OSError.

    What a run that was killed has left there is removed.
    """
    folder = facts.state / FOLDER
    remove_folder(folder)
    if facts.has_room(folder.parent, size * 2):
        folder.mkdir(mode=0o700, parents=True)
        return folder
    return Path(tempfile.mkdtemp(prefix="devcopilot-trial-"))


def remove_folder(folder: Path) -> None:
    """Remove a folder and all in it, as far as it can be."""
    with suppress(OSError):
        folders.remove_tree(folder)


def _restore(restic: Restic, snapshot: Snapshot, nodes: Sequence[Node], folder: Path) -> Finished:
    """Run restic; it reads again what it wrote, and holds it against the backup's hashes."""
    includes = [f"--include={escape(Path(node.path))}" for node in nodes]
    finished = restic.run(
        "restore", "--json", "--retry-lock", LOCK_WAIT, "--target", str(folder), "--verify",
        "--exclude-xattr", "*", *includes, snapshot.id, limits=Limits(),
    )  # fmt: skip
    doing = f"restore files of {snapshot.short} from {restic.target.name}"
    return finished if finished.errors else restic.accept(doing, finished)


def compare(node: Node, restored: Path) -> str | None:
    """Return "" when a restored file is as the live one, and what is wrong when it is not.

    None: it cannot be compared, since the live file has changed since the backup.
    """
    try:
        size = restored.lstat().st_size
    except OSError:
        return f"{node.path}: it was not restored"
    if size != node.size:
        return f"{node.path}: {size} bytes were restored instead of {node.size}"
    live = Path(node.path)
    try:
        same = _is_unchanged(node, live) and _is_same(live, restored)
        if same or not _is_unchanged(node, live):
            return "" if same else None
    except OSError:
        return None
    return f"{node.path}: {DIFFERS}"


def _is_unchanged(node: Node, path: Path) -> bool:
    found = path.lstat()
    if not stat.S_ISREG(found.st_mode):
        return False
    return (found.st_size, found.st_mtime_ns, found.st_ctime_ns) == (
        node.size, node.mtime, node.ctime,
    )  # fmt: skip


def _is_same(one: Path, other: Path) -> bool:
    with one.open("rb") as first, other.open("rb") as second:
        while True:
            part = first.read(CHUNK)
            if part != second.read(CHUNK):
                return False
            if not part:
                return True
