"""Whose keys may log in, and whether sshd can trust the folders that they lie in."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from agent.errors import Problem
from agent.settings import Settings
from agent.system import Facts

AUTHORIZED_KEYS = "authorized_keys"
"""In `Facts.logins`: the keys that the settings give; written by the ssh step."""
OWN = ".ssh/authorized_keys"
"""In the home: the user's."""


@dataclass(frozen=True)
class Logins:
    """What sshd is told, and what is said of it."""

    files: tuple[str, ...]
    """The lists of keys, as sshd_config takes them."""
    strict: bool
    """StrictModes: whether sshd looks who else may write them."""
    problems: tuple[Problem, ...]


def find_logins(settings: Settings, facts: Facts) -> Logins:
    """Return where the keys of logins are.

    With StrictModes sshd refuses keys below a folder that others may write. Of a folder that is not
    in our hands that would shut out everybody, and so would /dev/shm, above the runtime folder,
    where the keys lie when the state folder cannot be trusted or takes no file.
    """
    foreign = find_foreign_folder(facts)
    strict = not foreign and facts.runtime not in facts.logins.parents
    problems = list(_find_absence(settings, facts))
    open_to_others = () if foreign else tuple(_find_open(facts))
    own_list = facts.mode(facts.home / OWN) is not None
    if not problems and (strict or own_list):
        problems += [_explain_open(path) for path in open_to_others]
    if foreign and facts.mounts.home.is_private and not is_temporary(facts.home, facts):
        problems.append(_explain_foreign(foreign, facts))
    own = () if not strict and open_to_others else (OWN,)
    return Logins((*own, str(facts.logins / AUTHORIZED_KEYS)), strict, tuple(problems))


def find_foreign_folder(facts: Facts) -> Path | None:
    """Return a folder on the way to the keys that we can neither trust nor mend; None: all is well.

    It belongs to somebody else, or others may write it and we cannot change that. Such is the home
    that a platform gives to a uid of its choice, or a share.
    """
    lists = [facts.home / OWN]
    if facts.mounts.state.is_private:
        lists.insert(0, facts.logins / AUTHORIZED_KEYS)
    top = Path("/") if is_temporary(facts.home, facts) else facts.home
    for keys in lists:
        for folder in keys.parents:
            try:
                if _is_foreign(folder, facts):
                    return folder
            except OSError:  # we may not enter: sshd cannot read keys in there either
                continue
            if folder == top:
                break
    return None


def is_temporary(home: Path, facts: Facts) -> bool:
    """Tell whether the home is the one in the runtime folder, since the user's is no use."""
    return facts.runtime in home.parents


def _is_foreign(folder: Path, facts: Facts) -> bool:
    owner, mode = facts.owner(folder), facts.mode(folder) or 0
    if owner is None:
        return False
    writable = bool(mode & 0o022)
    if owner[0] == facts.uid:
        return writable and facts.has_mode(folder, mode & ~0o022)
    return owner[0] != 0 or writable


def _find_absence(settings: Settings, facts: Facts) -> Iterator[Problem]:
    """Yield why nobody can log in yet."""
    own = facts.home / OWN
    given = settings.ssh.public_key or settings.ssh.authorized_keys_file
    if not given and facts.mode(own) is None:
        yield Problem("nobody can log in over ssh yet: there is no public key",
                      f"set SSH_PUBLIC_KEY, or add a key to {own}", level="info")  # fmt: skip


def _find_open(facts: Facts) -> Iterator[Path]:
    """Yield what of ours others may write, so that sshd would refuse the keys."""
    own = facts.home / OWN
    kept = facts.state / "ssh" / AUTHORIZED_KEYS
    lasting = (facts.state, kept.parent, kept) if facts.mounts.state.is_private else ()
    for path in (facts.home, own.parent, own, *lasting):
        mode = facts.mode(path)
        if mode is not None and mode & 0o022:
            yield path


def _explain_open(path: Path) -> Problem:
    message = f"sshd will refuse keys: others than its owner can write {path}"
    return Problem(message, f"chmod go-w {path}")


def _explain_foreign(folder: Path, facts: Facts) -> Problem:
    return Problem(
        "sshd does not look who may write the keys of logins (StrictModes no): "
        f"{folder} is not of uid {facts.uid} alone",
        f"as root, on the volume: chown {facts.uid} {folder} && chmod go-w {folder}",
        level="info",
    )
