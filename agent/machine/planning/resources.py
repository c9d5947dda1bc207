"""What a step may want on the machine. `machine.planning.plan` says who owns what."""

from collections.abc import Callable
from dataclasses import field
from pathlib import Path

from agent.machine.errors import Problem
from agent.machine.values import frozen


@frozen
class Directory:
    """A folder that must be there; one that exists keeps its mode."""

    path: Path
    mode: int = 0o755


@frozen
class Closed:
    """What group 0 may not write, if it is there and ours.

    Images give it that right for uids of a platform's choice; for the user's own uid nobody needs
    it. What everybody may write has been opened on purpose, or by a file system without modes.
    """

    path: Path


@frozen
class Private:
    """What is for its owner alone, if it is there and ours: group and others lose these bits."""

    path: Path
    bits: int = 0o077


@frozen
class File:
    """A file that is the agent's own as a whole."""

    path: Path
    content: bytes = field(repr=False)
    mode: int = 0o644
    adopt: bool = False
    """Overwrite what is there whoever wrote it: for paths that only the agent uses."""
    stays: bool = False
    """Leave it there when its step no longer wants it: something else may depend on it."""


@frozen
class Seed:
    """A file that is written once, when absent, and then belongs to the user."""

    path: Path
    content: Callable[[], bytes] = field(repr=False)
    mode: int = 0o644
    announcement: str = field(default="", repr=False)
    """Told once in the log, when the file was made. It may hold what the file holds."""


@frozen
class Generated:
    """A file that a command makes when it is absent. The command ends with the path to write."""

    path: Path
    argv: tuple[str, ...]


@frozen
class Edit:
    """A change inside a file of the user.

    `change` gets the content (None: no file) and returns the content to have (None: no file), or
    a Problem when it cannot make sense of it; then the file is left alone.
    """

    path: Path
    change: Callable[[bytes | None], bytes | Problem | None] = field(repr=False)
    mode: int = 0o600
    """For a file that is made; one that exists is never made wider than this."""


@frozen
class Keep:
    """A path that stays as it is, whatever is there: what it is made from is in trouble."""

    path: Path


Resource = Directory | Closed | Private | File | Seed | Generated | Edit | Keep
