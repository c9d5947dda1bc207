"""Whose keys may log in, and whether sshd can trust the folders that hold them."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from agent.machine.errors import Problem
from agent.machine.formats.lines import split_lines
from agent.machine.formats.private_keys import KEY_NAMES, LOGIN_FIELD
from agent.machine.light.expressions import regex
from agent.machine.storage import owners
from agent.machine.system import Facts
from agent.machine.values import frozen
from agent.settings.everything import Settings

AUTHORIZED_KEYS = "authorized_keys"
"""In `Facts.logins`: the keys that the settings give; written by the ssh step."""
OWN = ".ssh/authorized_keys"
"""In the home: the user's."""
_VALUE = regex(r'"(?:\\"|[^"])*"')
_LIMITS = frozenset({"command=", "permitopen=", "permitlisten="})


@frozen
class Logins:
    """What sshd gets, and what is reported of it."""

    files: tuple[str, ...]
    """The lists of keys, as sshd_config takes them."""
    strict: bool
    """StrictModes: whether sshd looks who else may write them."""
    sockets: bool
    """Whether sessions may forward Unix sockets: see `find_loose_list`."""
    problems: tuple[Problem, ...]


def find_logins(settings: Settings, facts: Facts) -> Logins:
    """Return where the keys of logins are.

    With StrictModes sshd refuses keys below a folder that others may write, which would shut out
    everybody where that is the home, and /dev/shm above the runtime folder, where the keys lie when
    the state folder cannot be trusted or takes no file. A list of the user's that others may write
    does not count while it could be closed.
    """
    own, kept = facts.home / OWN, facts.logins / AUTHORIZED_KEYS
    problems = list(_find_absence(settings, facts))
    opened = [path for path in (own.parent, own) if _is_open(path, facts)]
    problems += [_explain_open(path, facts) for path in opened]
    lists = [] if opened else [OWN, *([str(own)] if is_temporary(facts.home, facts) else [])]
    weak = find_weak_part(([] if opened else [own]) + [kept], facts)
    if weak and facts.mounts.home.is_private and not is_temporary(facts.home, facts):
        problems += _explain_weak(weak, facts)
    strict = weak is None and facts.runtime not in kept.parents
    loose = find_loose_list((own, kept), facts)
    if loose:
        problems.append(_explain_loose(loose))
    return Logins((*lists, str(kept)), strict, loose is None, tuple(problems))


def find_loose_list(lists: Iterable[Path], facts: Facts) -> Path | None:
    """Return the first list with a key that is limited, and may forward connections all the same.

    Its options limit TCP ports. They do not limit the Unix sockets that sshd listens on, for which
    it removes the files in the way, and hardly those that it connects to, which give a shell. So
    where there is such a key, nobody forwards sockets.
    """
    for path in lists:
        try:
            content = facts.read(path) or b""
        except OSError:  # sshd cannot read it either, or it is far longer than any list of keys
            continue
        if any(map(_is_loose, split_lines(content.decode(errors="replace")))):
            return path
    return None


def _is_loose(line: str) -> bool:
    """Tell whether a line has a key that may run one program, or forward to some ports, alone."""
    first = LOGIN_FIELD.search(line)  # the options of a key, or its type
    if not first or first[0].startswith("#") or first[0] in KEY_NAMES:
        return False
    names = _VALUE.sub("", first[0]).lower().split(",")
    forwards = True
    for name in names:
        if name in ("restrict", "no-port-forwarding"):
            forwards = False
        elif name == "port-forwarding":
            forwards = True
    return forwards and not _LIMITS.isdisjoint(names)


def _explain_loose(path: Path) -> Problem:
    return Problem(
        f"ssh sessions cannot forward Unix sockets: a key in {path} has command=, permitopen= or "
        "permitlisten=, which do not limit them",
        "limit it with restrict or no-port-forwarding, or remove it",
        level="info",
    )


def find_weak_part(lists: Iterable[Path], facts: Facts) -> Path | None:
    """Return the first part of the ways to these lists for which sshd would refuse their keys.

    Such is a home that a platform gives to a uid of its choice, or opens to a group, or a share.
    The runtime folder is not looked at: it is ours alone.
    """
    top = Path("/") if is_temporary(facts.home, facts) else facts.home
    for keys in lists:
        if facts.runtime in keys.parents and top == facts.home:
            continue
        for part in (keys, *keys.parents):
            try:
                if not owners.is_ours_alone(part, facts):
                    return part
            except OSError:  # we may not enter: sshd cannot read keys in there either
                continue
            if part == top:
                break
    return None


def is_temporary(home: Path, facts: Facts) -> bool:
    """Tell whether the home is the one in the runtime folder, since the user's is no use."""
    return facts.runtime in home.parents


def _is_open(path: Path, facts: Facts) -> bool:
    """Tell whether others may write what is ours to close."""
    try:
        return bool(owners.find_writers(path, facts)) and owners.can_close(path, facts)
    except OSError:
        return False


def _find_absence(settings: Settings, facts: Facts) -> Iterator[Problem]:
    """Yield why nobody can log in yet."""
    own = facts.home / OWN
    given = settings.ssh.public_key or settings.ssh.authorized_keys_file
    if not given and facts.mode(own) is None:
        yield Problem("nobody can log in over ssh yet: there is no public key",
                      f"set SSH_PUBLIC_KEY, or add a key to {own}", level="info")  # fmt: skip


def _explain_open(path: Path, facts: Facts) -> Problem:
    cause = f"{owners.find_writers(path, facts)} can write {path}"
    message = f"nobody can log in with the keys in ~/{OWN}: {cause}"
    return Problem(message, owners.find_hint(path, facts))


def _explain_weak(path: Path, facts: Facts) -> Iterator[Problem]:
    """Yield what it costs, unless nobody but us can write it."""
    if writers := owners.find_writers(path, facts):
        message = (
            "sshd does not check who can write the login keys (StrictModes no): "
            f"{writers} can write {path}"
        )
        yield Problem(message, owners.find_hint(path, facts), level="info")
