"""The keys by which ssh clients know this workspace.

sshd uses those in the runtime folder, which are always private and whole. The state folder has the
copy that outlives the container; a power cut, a full disk or a share may have spoilt it.
"""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

from agent.machine.errors import Problem
from agent.machine.formats.private_keys import find_public_key
from agent.machine.light import runtime
from agent.machine.planning.resources import File, Generated, Resource
from agent.machine.system import Facts, System
from agent.settings.context import Context
from agent.settings.everything import Settings

TYPES = {"compatible": ("ed25519", "ecdsa")}
"""By DEV8_SSH_ALGORITHMS. Keys of both types are made in milliseconds; RSA keys are not."""
USUAL = ("ed25519",)
KEYGEN = ("ssh-keygen", "-q", "-N", "", "-C", "devcopilot")


def find_paths(settings: Settings, facts: Facts) -> tuple[Path, ...]:
    """Return the files that sshd uses."""
    types = TYPES.get(settings.ssh.algorithms, USUAL)
    return tuple(facts.runtime / runtime.SSH / f"ssh_host_{kind}_key" for kind in types)


def begin(context: Context) -> None:
    """Start to make the keys that are not kept: that takes as long as the stages before."""
    context.once(_start_making)


def _start_making(context: Context) -> list[Callable[[], object]]:
    """Return what waits for each key that is being made. `resources` makes what is missing then."""
    facts = context.facts
    missing = [
        path for path in find_paths(context.settings, facts)
        if facts.mode(path) is None and facts.mode(_find_copy(path, facts)) is None
    ]  # fmt: skip
    with contextlib.suppress(OSError):
        for path in missing:
            System(facts.environ).make_directory(path.parent, 0o700)
        return [facts.start((*_find_command(path), str(path))) for path in missing]
    return []


def _find_command(path: Path) -> tuple[str, ...]:
    """Return what makes this key; the path is to be its last word."""
    return (*KEYGEN, "-t", path.name.split("_")[2], "-f")


def resources(context: Context) -> Iterator[Resource | Problem]:
    """Yield the keys as they were kept, or what makes new ones."""
    settings, facts = context.settings, context.facts
    for wait in context.begun(_start_making) or ():
        wait()
    for path in find_paths(settings, facts):
        kept = _find_copy(path, facts)
        try:
            content = facts.read(kept)
        except OSError:
            content = None  # said where the copy is written
        if content is not None and find_public_key(content):
            yield File(path, content, 0o600, adopt=True)
            continue
        if content is not None and facts.mode(path) is None:
            yield Problem(
                f"the ssh host key {kept} is damaged: a new one is created, and ssh clients will "
                "warn that the host has changed",
                "on each client: ssh-keygen -R HOST, or -R '[HOST]:PORT'",
            )
        yield Generated(path, _find_command(path))


def keep(context: Context) -> Iterator[Resource]:
    """Yield the copies that outlive the container, and their public halves."""
    settings, facts = context.settings, context.facts
    if facts.mounts.state.fault:
        return  # which is said of all that the state folder cannot keep
    for path in find_paths(settings, facts):
        content = facts.read(path) or b""
        if public := find_public_key(content):
            kept = _find_copy(path, facts)
            yield File(kept, content, 0o600, adopt=True, stays=True)
            yield File(kept.with_name(f"{kept.name}.pub"), public, 0o644, adopt=True, stays=True)


def _find_copy(path: Path, facts: Facts) -> Path:
    return facts.state / runtime.SSH / path.name
