"""Whether each destination takes backups: one object is written, read and removed there."""

import secrets
from collections.abc import Iterator
from contextlib import suppress

from agent.backup.checks.objects import (
    Object,
    StoreError,
    UnmeasuredError,
    find_object,
    is_silent,
    is_unreached,
)
from agent.backup.reasons import REFUSALS
from agent.backup.target import Target, find_targets
from agent.backup.targets.all import TARGETS
from agent.machine.hints import find_hint
from agent.machine.system import Facts
from agent.machine.values import frozen
from agent.settings.check import Check, Finding, Result
from agent.settings.context import Context

PREFIX = "devcopilot-doctor-"
"""How the name of the object begins."""
CHECK_KEYS = "check the key of this destination and its permissions: docs/backups.md"
REACH = "check that the container reaches it: `devcopilot doctor network`"


@frozen
class Trouble:
    """What does not work, and what fixes it."""

    summary: str
    fix: str
    to_remove: bool = True
    """Whether the destination is asked to remove the object."""


def look(current: Context) -> Iterator[Finding]:
    """Yield a finding for each destination."""
    targets = find_targets(TARGETS, current.settings, current.facts)
    for name, problem in targets.in_trouble.items():
        fix = problem.hint or "`devcopilot settings` lists the variables"
        yield Finding(Result.FAIL, problem.message, fix, part=name)
    for target in targets.ready:
        yield try_target(target, current.facts)


def try_target(target: Target, facts: Facts) -> Finding:
    """Write, read and remove one object, and tell how far that went."""
    name = PREFIX + secrets.token_hex(8)
    try:
        found = find_object(target, facts, name)
    except UnmeasuredError as error:
        summary = f"cannot try to write to {target.name}: {error}"
        return Finding(Result.UNKNOWN, summary, "devcopilot backup create", part=target.name)
    content = f"{name}: written by `devcopilot doctor`, safe to delete\n".encode()
    facts_of = {"object": found.place}
    try:
        trouble = _write_and_read(found, content, target)
    except BaseException:  # doctor is broken off
        with suppress(StoreError, OSError):
            found.remove()
        raise
    left = _remove(found, target) if trouble is None or trouble.to_remove else None
    if worst := trouble or left:
        return Finding(Result.FAIL, worst.summary, worst.fix, facts_of, target.name)
    summary = f"{target.name} works: wrote, read and removed {found.place}"
    return Finding(Result.OK, summary, facts=facts_of, part=target.name)


def _write_and_read(found: Object, content: bytes, target: Target) -> Trouble | None:
    """Return what went wrong."""
    doing = "write to"
    try:
        found.put(content)
        doing = "read from"
        if found.get() == content:
            return None
    except (StoreError, OSError) as error:
        summary, fix = f"cannot {doing} {target.name}: {_explain(error)}", _find_fix(error, target)
        if doing == "write to" and is_unreached(error):
            return Trouble(summary, fix, to_remove=False)
        if is_silent(error):
            stays = f"{summary}; {found.place} may have stayed there"
            return Trouble(stays, fix, to_remove=False)
        return Trouble(summary, fix)
    cause = "what was written is not what is read back"
    return Trouble(f"cannot use {target.name}: {cause}", "look for a cache or a proxy in between")


def _remove(found: Object, target: Target) -> Trouble | None:
    """Remove the object, which may not be there. Return what went wrong."""
    try:
        found.remove()
    except (StoreError, OSError) as error:
        if is_missing(error):
            return None
        why = _explain(error)
        return Trouble(
            f"cannot delete on {target.name}: {why}; {found.place} may have stayed there",
            f"allow to delete there, which freeing space needs, and delete {found.place}",
        )
    return None


def is_missing(error: Exception) -> bool:
    """Tell whether there was nothing to remove."""
    text = str(error).lower()
    return isinstance(error, StoreError) and any(
        word in text for word in ("nosuchkey", "not found", "notfound", "404", "no such")
    )


def _explain(error: Exception) -> str:
    if isinstance(error, OSError):
        return error.strerror or str(error) or type(error).__name__
    return str(error)


def _find_fix(error: Exception, target: Target) -> str:
    text = str(error).lower()
    known = next((hint for words, hint in REFUSALS.items() if words.lower() in text), "")
    if target.folder and isinstance(error, OSError):
        place = find_hint(error, target.folder)
        return place or known or f"check the file system of {target.folder}"
    if known:
        return known
    return REACH if isinstance(error, OSError) else CHECK_KEYS


CHECK = Check(
    "backup-write",
    "Backups",
    "whether each destination takes a backup; one small object is written, read and removed there",
    look,
    network=True,
    documents="docs/backups.md",
    timeout=60.0,
)
