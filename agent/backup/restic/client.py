"""restic: how it is called on a target, and what it lists.

The repository's format is plain restic: whoever has the password reads it with the stock program.
Its JSON: https://restic.readthedocs.io/en/stable/075_scripting.html
"""

import json
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from hashlib import sha256
from pathlib import Path

from agent.backup.reasons import LOCKED, NO_REPOSITORY, REFUSALS, WRONG_PASSWORD, explain
from agent.backup.restic import runs
from agent.backup.target import PROGRAM, Target
from agent.machine.errors import AgentError, Problem
from agent.machine.light.clock import read_time
from agent.machine.light.expressions import regex
from agent.machine.light.files import read_file
from agent.machine.light.masking import mask_known
from agent.machine.programs import steering
from agent.machine.programs.follow import QUICK, Finished, Limits, Listener, Message, follow
from agent.machine.system import Facts
from agent.machine.values import frozen

LOCK_WAIT = "30s"
"""How long it tries again when somebody else has locked the repository. Shorter than the time until
its first sign of life, which it does not give meanwhile."""
NO_LOCK = "--no-lock"
"""For what only reads: it writes no lock, and looks at none."""
CACHE = ".cache/devcopilot/restic"
"""Below the home: what is known of the repositories; it may be removed at any time."""
SCRATCH = 256 * 2**20
"""Bytes that restic keeps in temporary files: several packs, each of 16 MiB or a little more."""
SNAPSHOT = 2**20
"""Bytes that the file of a snapshot has at most, to be read: it holds paths and tags."""

DAMAGED = regex(r'^Ignoring "([0-9a-f]{64})":', re.MULTILINE)
"""What restic says of a snapshot that cannot be read."""


class Code:
    """restic's exit codes.

    https://restic.readthedocs.io/en/stable/075_scripting.html#exit-codes
    """

    OK = 0
    FAILED = 1
    INCOMPLETE = 3
    NO_REPOSITORY = NO_REPOSITORY
    LOCKED = LOCKED
    WRONG_PASSWORD = WRONG_PASSWORD


UNLOCKED = (
    Code.OK, Code.INCOMPLETE, Code.NO_REPOSITORY, Code.LOCKED, Code.WRONG_PASSWORD,
)  # fmt: skip
"""Codes with which it ends without leaving a lock behind, unless it says that it did."""
STILL_LOCKED = "error while unlocking"
"""What it says where its server was gone when it was about to take its lock away."""


class ResticError(AgentError):
    """A run that failed."""

    def __init__(self, problem: Problem, finished: Finished) -> None:
        super().__init__(problem)
        self.problem = problem
        self.finished = finished


@frozen
class Snapshot:
    """One backup, as its repository lists it."""

    id: str
    time: datetime
    """Aware."""
    host: str
    paths: tuple[str, ...]
    tags: tuple[str, ...]
    files: int
    """Files in it; 0: not known."""
    size: int
    """Bytes in it before compression; 0: not known."""
    added: int
    """Bytes that it added to the repository."""
    original: str = ""
    """Id of the one that it replaces, after a repair; empty: it is as it was made."""
    tree: str = ""
    """Id of all that it holds: the same for the same files with the same times."""

    @property
    def short(self) -> str:
        """Return the id as people use it."""
        return self.id[:8]


@frozen
class Listing:
    """What a repository lists."""

    snapshots: tuple[Snapshot, ...]
    """Oldest first."""
    damaged: tuple[str, ...] = ()
    """Ids of those that cannot be read, whosever they are."""


class Restic:
    """restic on one target."""

    def __init__(
        self,
        target: Target,
        facts: Facts,
        *,
        memory: int | None = None,
        extra: Sequence[str] = (),
        tell: Callable[[str], None] = lambda _: None,
    ) -> None:
        """`memory`: bytes that it should stay below. `extra`: words for each call.

        `tell` gets what a person should know although all went well.
        """
        self.target = target
        self.facts = facts
        self.environment = make_environment(target, facts, memory)
        self.tell = tell
        self._memory = memory
        self._extra = tuple(extra)
        self.locks_reads = True
        """Whether what only reads takes a lock; not once one was in the way that stays."""
        self._options = [*find_options(target, memory), *extra]

    def with_words(self, *words: str) -> "Restic":
        """Return it with these words for each call, too."""
        extra = (*self._extra, *words)
        return Restic(self.target, self.facts, memory=self._memory, extra=extra, tell=self.tell)

    def elsewhere(self, repository: str) -> "Restic":
        """Return it with the same key and options on another repository."""
        target = replace(self.target, repository=repository)
        return Restic(target, self.facts, memory=self._memory, extra=self._extra, tell=self.tell)

    def run(
        self, *words: str, limits: Limits = QUICK, listener: Listener = lambda _: None
    ) -> Finished:
        """Run restic with these words; `listener` gets each report of progress.

        Raises FileNotFoundError when there is no restic.
        """
        finished = self._follow([PROGRAM, *self._options, *words], words, limits, listener)
        # A server may repeat what it was sent, and a command for the password says what it likes.
        return replace(finished, words=mask_known(finished.words, self.facts.runtime))

    def _follow(
        self, argv: Sequence[str], words: Sequence[str], limits: Limits, listener: Listener
    ) -> Finished:
        hopeless = replace(limits, hopeless=tuple(REFUSALS))
        if NO_LOCK in words:
            return follow(argv, self.environment, hopeless, listener)
        with runs.register(self.facts) as entry:
            inherited = () if entry.descriptor is None else (entry.descriptor,)
            finished = follow(
                argv, self.environment, hopeless, listener,
                inherited=inherited, started=entry.note,
            )  # fmt: skip
            if finished.code in UNLOCKED and STILL_LOCKED not in finished.words:
                entry.forget()
        return finished

    def check(
        self, doing: str, *words: str, limits: Limits = QUICK, listener: Listener = lambda _: None
    ) -> Finished:
        """Run it as `run` does. Raises ResticError when it fails; `doing` as in "cannot DOING"."""
        return self.accept(doing, self.run(*words, limits=limits, listener=listener))

    def accept(self, doing: str, finished: Finished) -> Finished:
        """Return a run that was good. Raises ResticError for another one."""
        if finished.code != Code.OK:
            raise ResticError(explain(doing, self.target, finished), finished)
        return finished

    def snapshots(self, *words: str) -> tuple[Snapshot, ...]:
        """Return the snapshots that `words` filter, oldest first. Raises ResticError."""
        return self.list_snapshots(*words).snapshots

    def list_snapshots(self, *words: str, limits: Limits = QUICK) -> Listing:
        """Return what `words` filter, and what cannot be read. Raises ResticError."""
        doing = f"list the backups on {self.target.name}"
        finished = self.check(doing, "snapshots", "--json", NO_LOCK, *words, limits=limits)
        rows = json.loads(finished.output or "[]") or []
        found = sorted(map(read_snapshot, rows), key=lambda item: item.time)
        damaged = dict.fromkeys(DAMAGED.findall(finished.words))
        return Listing(tuple(found), tuple(damaged))

    def has_file_of(self, snapshot: str) -> bool:
        """Tell whether the file of a snapshot can be read, and is whole, in a local repository.

        restic takes half a second of processor to open one before it says the same. A file there is
        named for its SHA-256: https://restic.readthedocs.io/en/stable/100_references.html
        """
        if not self.target.folder:
            return False
        try:
            content = read_file(self.target.folder / "snapshots" / snapshot, SNAPSHOT)
        except OSError:
            return False
        return sha256(content).hexdigest() == snapshot

    def locks(self) -> Iterator[tuple[str, Message | None]]:
        """Yield the locks in the repository, each with its name: hostname, pid, time, exclusive.

        None: what it says cannot be read. Raises ResticError when they cannot be listed.
        """
        doing = f"look at the locks on {self.target.name}"
        for name in self._list_locks(doing):
            found = self.run("cat", "lock", name, NO_LOCK, "--quiet")
            if found.code == Code.OK:
                yield name, json.loads(found.output)
            elif name in self._list_locks(doing):  # otherwise it has just gone
                yield name, None

    def _list_locks(self, doing: str) -> list[str]:
        return self.check(doing, "list", "locks", NO_LOCK, "--quiet").output.split()


def make_environment(target: Target, facts: Facts, memory: int | None = None) -> dict[str, str]:
    """Return the environment in which restic works on this target; only restic may get it.

    Of the user's own secrets it has those that the target names, and no other.
    """
    return {
        **steering.clear(PROGRAM, facts.environ),
        **target.environment,
        "RESTIC_REPOSITORY": target.repository,
        "RESTIC_CACHE_DIR": str(facts.home / CACHE),
        "RESTIC_PROGRESS_FPS": "2",
        "TMPDIR": str(find_scratch(target, facts)),
        **_limit_memory(memory),
    }


def find_scratch(target: Target, facts: Facts) -> Path:
    """Return a folder with room for the files that restic makes before it stores them.

    The usual one where it has room: a container's /tmp may be a few megabytes of memory. Else the
    home, the place of the backups, or whichever has the most.
    """
    usual = Path(facts.environ.get("TMPDIR", "/tmp"))  # noqa: S108 - restic's files have no name
    places = [usual, facts.home / CACHE]
    if target.folder and target.folder.parent.is_dir():
        places.append(target.folder.parent)
    for folder in (*places, Path("/var/tmp")):  # noqa: S108
        if facts.has_room(folder, SCRATCH) and _make(folder):
            return folder
    usable = (folder for folder in places if facts.has_room(folder, 1) and _make(folder))
    return max(usable, key=lambda folder: shutil.disk_usage(folder).free, default=usual)


def _make(folder: Path) -> bool:
    """Make a folder, and tell whether it is there now."""
    with suppress(OSError):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return True
    return False


def find_options(target: Target, memory: int | None = None) -> list[str]:
    """Return the options that every call of restic gets for this target."""
    words = [word for option in target.options for word in ("-o", option)]
    if target.folder:
        words.append("--no-cache")  # it would be a second copy on the same machine
    if memory:
        words += ["--pack-size", "4"]
    return words


def _limit_memory(memory: int | None) -> dict[str, str]:
    """Return the variables that make the runtime of Go sparing: https://pkg.go.dev/runtime.

    `memory` in bytes; the figures are those of docs/decisions/backup-engine.md.
    """
    if not memory:
        return {"GOGC": "25"}
    return {"GOGC": "20", "GOMEMLIMIT": str(memory * 3 // 4), "GOMAXPROCS": "1"}


def read_snapshot(row: Message) -> Snapshot:
    """Return the snapshot that a row of `restic snapshots --json` describes."""
    summary = row.get("summary") or {}
    return Snapshot(
        row["id"],
        read_time(row["time"]),
        row.get("hostname", ""),
        tuple(row.get("paths") or ()),
        tuple(row.get("tags") or ()),
        summary.get("total_files_processed", 0),
        summary.get("total_bytes_processed", 0),
        summary.get("data_added_packed", 0),
        row.get("original", ""),
        row.get("tree", ""),
    )
