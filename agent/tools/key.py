"""How a key gets into a file of its tool. None goes into an environment or a start-up file."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

from agent.machine.errors import Problem
from agent.machine.light import runtime
from agent.machine.planning.resources import File, Keep, Resource
from agent.machine.secret import Secret, SecretInput
from agent.machine.system import Facts
from agent.settings.stored import hide


def find_key(source: SecretInput | None, facts: Facts) -> str | Problem | None:
    """Return the key, None when none was given, or what is wrong with it."""
    found = facts.secret(source)
    return found.reveal() if isinstance(found, Secret) else found


def key_file(
    source: SecretInput | None, facts: Facts, path: Path, encode: Callable[[str], str]
) -> Iterator[Resource | Problem]:
    """Yield the file that holds a key. While the key cannot be read, the file stays as it is."""
    key = find_key(source, facts)
    if isinstance(key, Problem):
        yield key
        yield Keep(path)
    elif key is not None:
        yield File(path, encode(key).encode(), 0o600)


def find_file(source: SecretInput, key: str | Problem | None, facts: Facts) -> Path | File:
    """Return the file that contains the key while the container runs.

    The user's own file, if it holds the key alone, since it may be rotated; otherwise a copy that
    is to be written.
    """
    if source.file is None:
        return facts.runtime / runtime.SECRETS / source.variable
    if not isinstance(key, str):
        return source.file
    with contextlib.suppress(OSError):
        if (facts.read(source.file) or b"").strip() == key.encode():
            return source.file
    return hide(f"copy-{source.variable}", Secret(key), facts)
