"""The repositories of the workspace. To add a variable, add a field."""

import re
from collections.abc import Iterator, Sequence

from agent.machine.errors import AgentError, Problem
from agent.machine.values import frozen
from agent.settings.repository import WORKSPACE, EntryError, Repository, mask, parse_entry
from agent.settings.variable import variable

NAME = "DEV8_REPOSITORIES"
ADDRESS = "OWNER/NAME or a URL, or unset it"


def repositories(value: str) -> tuple[Repository, ...]:
    """Read the entries, one a line or separated by semicolons.

    Raises AgentError with a problem for each entry that cannot be used; no password is shown.
    """
    found: list[Repository] = []
    problems: list[Problem] = []
    for text in filter(None, (part.strip() for part in re.split(r"[\n;]", value))):
        try:
            found.append(parse_entry(text))
        except EntryError as error:
            problems.append(Problem(f"{NAME}: cannot clone {mask(text)}: {error}", error.hint))
    problems += _find_collisions(found)
    if not found and not problems:
        problems.append(Problem(f"{NAME}: there is no repository in {value!r}", f"give {ADDRESS}"))
    if problems:
        raise AgentError(*problems)
    return tuple(found)


def _find_collisions(found: Sequence[Repository]) -> Iterator[Problem]:
    """Yield a problem for each entry whose folder another one has, or is in.

    Letter case does not count: on some file systems it makes no difference.
    """
    taken: list[Repository] = []
    for each in found:
        other = next((one for one in taken if _collide(one, each)), None)
        if other:
            yield Problem(
                f"{NAME}: cannot clone {each.path} into {each.folder}: {other.path} goes into "
                f"{other.folder}",
                "give one of them another folder with dir=NAME",
            )
        taken.append(each)


def _collide(one: Repository, other: Repository) -> bool:
    first, second = one.folder.casefold(), other.folder.casefold()
    if first == second or one.name.casefold() == other.name.casefold():
        return True
    inside = first.startswith(f"{second}/") or second.startswith(f"{first}/")
    return inside and WORKSPACE not in (first, second)


def editor_folder(value: str) -> str:
    """Read a path, absolute or below the workspace."""
    if not value.isprintable() or ".." in value.split("/") or value.startswith("~"):
        raise ValueError("a folder or a .code-workspace file, absolute or below WORKSPACE_DIR")
    return value


@frozen
class Repositories:
    """Repositories."""

    entries: tuple[Repository, ...] | None = variable(
        NAME,
        repositories,
        "Repositories to clone into the workspace, one a line or separated by semicolons: "
        "URL, git@HOST:PATH or OWNER/NAME, with #REF and options; see docs/workspace.md.",
    )
    editor_folder: str | None = variable(
        "DEV8_EDITOR_FOLDER",
        editor_folder,
        "What the editor opens and where ssh logins start: a folder or a .code-workspace file, "
        "absolute or below WORKSPACE_DIR; by default the clone if there is exactly one, else "
        "WORKSPACE_DIR.",
    )
