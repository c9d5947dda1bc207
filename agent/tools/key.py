"""How a key gets into a file of its tool. None goes into an environment or a start-up file."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

from agent.machine import runtime
from agent.machine.errors import Problem
from agent.machine.resources import File, Keep, Resource
from agent.machine.secret import SecretInput
from agent.machine.system import Facts


def find_key(source: SecretInput | None, facts: Facts) -> str | Problem | None:
    """Return the key, None when none was given, or what is wrong with it."""
    found = facts.secret(source)
    if source is None or found is None or isinstance(found, Problem):
        return found if isinstance(found, Problem) else None
    if not re.fullmatch(r"[!-~]+", found.reveal()) or re.search(r"['\"\\]", found.reveal()):
        return Problem(
            f"cannot use {source.variable}: it has spaces, quotes or line breaks in it",
            f"set {source.variable} to the key alone",
        )
    return found.reveal()


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


def find_file(source: SecretInput | None, facts: Facts) -> Path | None:
    """Return the file that a secret lies in while the container lives."""
    if source is None:
        return None
    return source.file or facts.runtime / runtime.SECRETS / source.variable
