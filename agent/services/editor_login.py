"""The password of the editor: who chose it, its hash, and where both are kept.

code-server is given a hash alone. With the password itself it would check each session cookie by
the hash that stands in the cookie, at the cost that stands there, too; with a hash it compares the
cookie with that. See docs/decisions/editor-login.md.
"""

import hashlib
import hmac
import json
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

from agent.machine.errors import Problem
from agent.machine.formats.parsing import parse_json
from agent.machine.hints import find_hint
from agent.machine.light.expressions import regex
from agent.machine.planning.resources import File, Private, Resource, Seed
from agent.machine.secret import Secret
from agent.machine.system import Facts
from agent.machine.values import frozen
from agent.settings import argon2, stored
from agent.settings.everything import Settings

PASSWORD = "code-server/password"  # noqa: S105 - a file's name, in the state folder
RECORD = "code-server/hash.json"
"""File beside it: the hash of a password that is not random, and by what to know whether it is of
the same one still."""
PASSWORD_BYTES = 18
ROOM = 16 * 1024
"""Bytes that must be free where a password is to be kept."""

GIVEN_COST, MADE_COST = 1 << 11, 2
"""N of scrypt for a password that a person chose, and for a random one, of which an earlier version
kept a hash as well.

Milliseconds at each start; yet a guess at a stolen record costs nearly what one at the hash does.
"""
_CONTROL = regex(r"[\x00-\x08\x0e-\x1b\x7f]")
JAVASCRIPT_SPACE = (
    "\t\n\v\f\r \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000\ufeff"
)
"""What code-server takes off both ends of what is typed (String.prototype.trim)."""


@frozen
class Password:
    """A password of the editor."""

    text: str
    made: bool

    @property
    def is_random(self) -> bool:
        """Whether it was made, and nobody has written a shorter one in its place."""
        return self.made and 6 * len(self.text) >= 8 * PASSWORD_BYTES  # a letter is 6 bits


@frozen
class Hash:
    """What code-server is given. It is as secret as a session cookie, whose content it is."""

    text: str


# --- what was given ----------------------------------------------------------------------------


def find_given(settings: Settings, facts: Facts) -> Iterator[Hash | Password | Problem]:
    """Yield what is wrong with what was given, and last the hash or password, if there is one."""
    given = facts.secret(settings.editor.hashed_password)
    if isinstance(given, Secret):
        yield Hash(given.reveal())
        return
    if given:
        yield given
    given = facts.secret(settings.editor.password)
    if isinstance(given, Secret):
        text = given.reveal().strip(JAVASCRIPT_SPACE)
        fault = _find_fault(text)
        yield _refuse("CODE_SERVER_PASSWORD", fault) if fault else Password(text, made=False)
    elif given:
        yield given


def _find_fault(text: str) -> str | None:
    if not text:
        return "it consists of spaces only"
    if set(text) & set("\r\n"):
        return "it has more than one line, which a browser cannot send"
    return "it has control characters, which nobody can type" if _CONTROL.search(text) else None


def _refuse(name: str, fault: str | None) -> Problem:
    return Problem(
        f"cannot use {name}: {fault}", "a generated one is used instead: devcopilot password"
    )


# --- the one that is made ----------------------------------------------------------------------


def find_made(facts: Facts) -> tuple[Password | None, list[Problem]]:
    """Return the password that an earlier start made, and what is wrong with its files."""
    problems = []
    for path in (facts.state / PASSWORD, facts.runtime / PASSWORD):
        try:
            content = facts.read(path)
        except OSError as error:
            problems.append(
                Problem(f"cannot read {path}: {error.strerror}", find_hint(error, path))
            )
            continue
        text = (content or b"").decode(errors="replace").strip()
        if text and text.isprintable() and "\ufffd" not in text:
            return Password(text, made=True), problems
        if content is not None:
            fault = "it is damaged" if text else "it is empty"
            problems.append(Problem(f"cannot use {path}: {fault}", f"remove {path}"))
    return None, problems


def make_password(settings: Settings, facts: Facts) -> Iterator[Password | Resource | Problem]:
    """Yield the password that was made, or is made now, and its file.

    Where it cannot be kept it lasts as long as the container.
    """
    password, problems = find_made(facts)
    yield from problems
    if password is None:
        password = Password(secrets.token_urlsafe(PASSWORD_BYTES), made=True)
        path = choose_place(facts, PASSWORD)
        told = f"kept in {path}"
        if path != facts.state / PASSWORD:
            told = (
                f"in {path} until the container ends, because {facts.state / PASSWORD} is unusable"
            )
        words = f"generated a password for code-server: `devcopilot password` prints it ({told})"
        if settings.editor.log_password:
            words = f"generated a password for code-server: {password.text} ({told})"
        yield Seed(path, f"{password.text}\n".encode, 0o600, words)
    else:
        yield Private(facts.state / PASSWORD)
    yield stored.hide("code-server-password", Secret(password.text), facts)
    yield password


def choose_place(facts: Facts, name: str) -> Path:
    """Return where to keep a file of this name: in the runtime folder, if the other is no use."""
    kept = facts.state / name
    usable = facts.mode(kept) is None and facts.has_room(kept.parent, ROOM)
    return kept if usable else facts.runtime / name


# --- its hash ----------------------------------------------------------------------------------


def keep_hash(password: Password, facts: Facts) -> Iterator[Hash | Resource]:
    """Yield the hash of a password, and its file: the one that is kept, if it is of this one.

    Nobody guesses a random one, so its hash need be neither slow nor kept: the start would wait for
    that. code-server takes SHA-256 as well as Argon2, and compares it in the same way:
    https://github.com/coder/code-server/blob/main/src/node/util.ts
    """
    kept, spare = facts.state / RECORD, facts.runtime / RECORD
    for path in (kept, spare):
        content = _read(path, facts)
        if content and (found := _match(content, password)):
            yield File(path, content, 0o600, adopt=True)
            yield Hash(found)
            return
    if password.is_random:
        yield Hash(hashlib.sha256(password.text.encode()).hexdigest())
        return
    made, salt = argon2.hash_password(password.text), os.urandom(argon2.SALT_BYTES)
    record = {"hash": made, "salt": salt.hex(), "mark": _mark(password, salt).hex()}
    # A record of an earlier password is replaced where it lies.
    usable = facts.mounts.state.is_private and facts.has_room(kept.parent, ROOM)
    path = kept if usable else spare
    yield File(path, json.dumps(record).encode() + b"\n", 0o600, adopt=True)
    yield Hash(made)


def _read(path: Path, facts: Facts) -> bytes | None:
    try:
        return facts.read(path)
    except OSError:
        return None


def _match(content: bytes, password: Password) -> str | None:
    """Return the hash of a record if it is of this password; None for a damaged one as well."""
    try:
        record = parse_json(content)
        text, salt, mark = (str(record[name]) for name in ("hash", "salt", "mark"))
        same = hmac.compare_digest(_mark(password, bytes.fromhex(salt)), bytes.fromhex(mark))
    except (ValueError, KeyError, TypeError):
        return None
    return text if same and argon2.find_fault(text) is None else None


def _mark(password: Password, salt: bytes) -> bytes:
    """Return by what a password is known again."""
    cost = MADE_COST if password.is_random else GIVEN_COST
    return hashlib.scrypt(password.text.encode(), salt=salt, n=cost, r=8, p=1, dklen=32)


# --- together ----------------------------------------------------------------------------------


def resources(settings: Settings, facts: Facts) -> Iterator[Hash | Resource | Problem]:
    """Yield the hash for code-server, what is kept of it, and what there is to tell."""
    password: Password | None = None
    for item in find_given(settings, facts):
        if isinstance(item, Hash):
            yield item
            return
        if isinstance(item, Password):
            password = item
        else:
            yield item
    if password is None:
        for made in make_password(settings, facts):
            if isinstance(made, Password):
                password = made
            else:
                yield made
    assert password is not None  # noqa: S101 - the last that `make_password` yields
    for kept in keep_hash(password, facts):
        if isinstance(kept, Hash):
            yield stored.hide("code-server-hash", Secret(kept.text), facts)
        yield kept


def find_password(settings: Settings, facts: Facts) -> Password | Hash | None:
    """Return the password that opens the editor, its hash if only that was given, or nothing."""
    for item in find_given(settings, facts):
        if isinstance(item, Hash | Password):
            return item
    return find_made(facts)[0]
