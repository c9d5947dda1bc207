"""The folders in which work is done, and what is in the way there."""

from collections.abc import Iterator
from pathlib import Path

from agent.machine.values import frozen
from agent.settings.context import Context

TEMPORARY = Path("/tmp")  # noqa: S108 - it is only looked at
SHARED_MEMORY = Path("/dev/shm")  # noqa: S108


@frozen
class Place:
    """A folder that something needs."""

    name: str
    """For people: the home folder."""
    path: Path
    clean: str
    """What makes room there."""


def find_places(current: Context) -> Iterator[Place]:
    """Yield the folders of which all programs expect that they can write there."""
    home, workspace = current.facts.home, current.settings.workspace.folder
    largest = "find what is large: du -xhd2 {} | sort -h | tail"
    yield Place("the home folder", home, f"{largest.format(home)}; ~/.cache can be deleted")
    yield Place("the workspace", workspace, largest.format(workspace))
    if not current.facts.state.is_relative_to(home):
        state = current.facts.state
        yield Place("the state folder", state, largest.format(state))
    given = current.facts.environ.get("TMPDIR", "")
    temporary = Path(given) if given.startswith("/") else TEMPORARY
    yield Place("the temporary folder", temporary, largest.format(temporary))
