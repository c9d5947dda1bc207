"""Where programs look for their files: variables of theirs, which people set, move them.

Standard library only.
"""

from pathlib import Path

from agent.machine.errors import Problem
from agent.machine.system import Facts


def find_folder(
    facts: Facts, variable: str, usual: str, program: str, *, empty_is_unset: bool = True
) -> Path | Problem:
    """Return the folder that a program reads: what its variable names, or `usual` in the home.

    A relative name is another folder wherever the program is started: no use to anybody.
    """
    given = facts.environ.get(variable)
    if given is None or (not given and empty_is_unset):
        return facts.home / usual
    if not given.startswith("/"):
        return Problem(
            f"cannot set up {program}: {variable}={given} is a relative path",
            f"set {variable} to an absolute path, or unset it",
        )
    return Path(given)


def find_xdg(facts: Facts, variable: str, usual: str) -> Path:
    """Return the folder of the XDG Base Directory Specification, by which a relative one is none.

    `variable` is XDG_CONFIG_HOME or its like, `usual` what stands for it below the home.
    """
    given = facts.environ.get(variable, "")
    return Path(given) if given.startswith("/") else facts.home / usual


def order_path(path: str, home: Path) -> str:
    """Return a PATH with the folders below the home first: people install newer tools there."""
    folders = path.split(":")
    return ":".join(sorted(folders, key=lambda folder: not folder.startswith(f"{home}/")))
