"""Login keys: the list of public keys that may log in, read and judged as sshd will.

sshd passes over a line that it does not like without a word, so each is judged here first.
"""

import binascii
import contextlib
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from agent.machine.errors import Problem
from agent.machine.formats.lines import BLANKS, split_lines
from agent.machine.formats.private_keys import LOGIN_FIELD, convert_ssh2, split_strings
from agent.machine.light import texts
from agent.machine.light.expressions import regex
from agent.machine.light.files import SETTINGS
from agent.machine.planning.resources import File, Resource
from agent.machine.system import Facts
from agent.services.logins import AUTHORIZED_KEYS
from agent.settings.context import Context
from agent.settings.everything import Settings
from agent.workspace import key_trial
from agent.workspace.key_options import find_option_doubt, find_option_fault

FOLDER = "ssh"
"""In the state folder, and in that of the defaults."""
_PARTS = {
    "ssh-ed25519": 2,
    "ssh-rsa": 3,
    "ecdsa-sha2-nistp256": 3,
    "ecdsa-sha2-nistp384": 3,
    "ecdsa-sha2-nistp521": 3,
    "sk-ssh-ed25519@openssh.com": 3,
    "sk-ecdsa-sha2-nistp256@openssh.com": 4,
}
"""Types of public keys that sshd accepts -> length-prefixed strings in the key (RFC 4253, 6.6)."""


RSA_BITS = 2048
"""No RSA key may have less: NIST SP 800-131A."""

_KEY = regex(rf"(?:^|[ \t]|\\n)(?:{'|'.join(map(re.escape, _PARTS))})[ \t]+AAAA")
"""The begin of a key: each one's first four bytes are the length of its type."""
_LITERAL_BREAK = regex(r"(?:\\r)?\\n")
_FOREIGN = {
    "PuTTY-User-Key-File-": (
        "it contains a private key of PuTTY",
        "set the public key: puttygen KEY.ppk -L, or the text in the box at the top of PuTTYgen",
    ),
    "-----BEGIN ": (
        "it contains a key in PEM, which sshd does not read",
        "convert it: ssh-keygen -i -m PKCS8 -f KEY.pem",
    ),
}
"""What other kinds of files contain -> their description, and how to get the public key."""


class Trial(NamedTuple):
    """A list of keys that OpenSSH tries."""

    name: str
    """The variable that it comes from."""
    found: list[str | Problem]
    """Its lines, and what is wrong with those that are left out."""
    find_refused: Callable[[], list[str]] = list
    """Waits for the lines whose key OpenSSH cannot load."""


def begin(context: Context) -> list[Trial]:
    """Have OpenSSH try the keys that the settings give, which no step changes."""
    return [
        Trial(name, [text]) if isinstance(text, Problem) else _begin_trial(name, text, context)
        for name, text in _key_lists(context.settings, context.facts)
    ]


def _begin_trial(name: str, text: str, context: Context) -> Trial:
    found = list(read_keys(name, text))
    lines = [item for item in found if isinstance(item, str) and not item.startswith("#")]
    keys = {line: _find_key(line) for line in lines}
    return Trial(name, found, key_trial.begin(keys, context.facts))


def resources(context: Context) -> Iterator[Resource | Problem]:
    """Yield the list of keys that the settings give."""
    facts = context.facts
    path = facts.logins / AUTHORIZED_KEYS
    lines: list[str] = []
    kept: list[str] = []
    for trial in context.once(begin):
        usable = []
        for item in judge(trial, facts):
            if isinstance(item, Problem):
                yield item
            else:
                usable.append(item)
        lines += usable
        if all(line.startswith("#") for line in usable):
            # A mistake must not lock everybody out: who could log in still can.
            kept = _read_kept(path, facts)
    if lines or kept:
        content = "".join(f"{line}\n" for line in dict.fromkeys([*lines, *kept]))
        yield File(path, content.encode(), 0o600, adopt=True)


def _read_kept(path: Path, facts: Facts) -> list[str]:
    """Return the lines of the list as it is, or as the state folder has it from before."""
    for place in (path, facts.state / FOLDER / AUTHORIZED_KEYS):
        with contextlib.suppress(OSError):
            content = facts.read(place)
            if content is not None:
                return split_lines(content.decode(errors="replace"))
    return []


def judge(trial: Trial, facts: Facts) -> Iterator[str | Problem]:
    """Yield the lines of a list whose key OpenSSH loads, and the problems of all others.

    A key that lets nobody in is kept: without it, a list of one would count as a mistake.
    """
    name, refused = trial.name, trial.find_refused()
    for item in trial.found:
        if isinstance(item, str) and item in refused:
            yield Problem(
                f"cannot use the key of {name} that ends in {_find_key(item)[-12:]}: "
                "OpenSSH cannot load it",
                "copy the .pub file again, as ssh-keygen wrote it",
            )
            continue
        yield item
        if isinstance(item, str) and (doubt := _find_doubt(item, facts)):
            yield Problem(f"a key of {name} {doubt}", "fix the options in front of the key")


def _find_doubt(entry: str, facts: Facts) -> str | None:
    """Return why a line that sshd takes may let nobody in."""
    first = LOGIN_FIELD.findall(entry)[0]
    is_key = first.startswith("#") or first in _PARTS
    return None if is_key else find_option_doubt(first, facts.clock.now())


def _find_key(entry: str) -> str:
    """Return the Base64 of the key in a line that sshd takes."""
    first, second, *others = LOGIN_FIELD.findall(entry)
    return str(second if first in _PARTS else others[0])


def read_keys(name: str, text: str) -> Iterator[str | Problem]:
    """Yield the lines of a list that sshd takes, and what is wrong with the others."""
    if "PRIVATE KEY-----" in text:
        yield Problem(f"cannot use {name}: it holds a private key", "set the public key")
        return
    if form := next((form for form in _FOREIGN if form in text), None):
        yield Problem(f"cannot use {name}: {_FOREIGN[form][0]}", _FOREIGN[form][1])
        return
    if not text.strip():
        yield Problem(f"cannot use {name}: it is empty", f"put a public key into {name}")
    for number, line in enumerate(split_keys(text), start=1):
        entry = line.strip(BLANKS)
        fault = find_fault(entry)
        if fault:
            yield Problem(f"cannot use line {number} of {name}: {fault}")
        elif entry:
            yield entry
            if not entry.startswith("#") and len(_KEY.findall(entry)) > 1:
                # It is a comment to sshd: taken for a key, a comment could let somebody in.
                yield Problem(
                    f"line {number} of {name} has a second key after the first, so nobody can log "
                    "in with it",
                    "put each key on a separate line",
                )


def split_keys(text: str) -> list[str]:
    r"""Return the lines of a list as it was meant.

    Env files cannot hold line breaks, so plain keys come in one line with a literal \n between
    them. Where options limit a key nothing is split: its comment must not become a key without
    limits.
    """
    text = texts.unwrap(text, begins_bare=True)
    lines = split_lines(convert_ssh2(texts.decode(text, *_PARTS, "---- BEGIN SSH2 PUBLIC KEY")))
    parts = (
        [part.strip(BLANKS) for part in _LITERAL_BREAK.split(lines[0])] if len(lines) == 1 else []
    )
    meant = [part for part in parts if part]
    is_plain = all(LOGIN_FIELD.findall(part)[0] in _PARTS for part in meant)
    return meant if len(parts) > 1 and is_plain else lines


def _key_lists(settings: Settings, facts: Facts) -> Iterable[tuple[str, str | Problem]]:
    if settings.ssh.public_key:
        yield "SSH_PUBLIC_KEY", settings.ssh.public_key
    path = settings.ssh.authorized_keys_file
    if path is None:
        return
    name = f"SSH_AUTHORIZED_KEYS_FILE={path}"
    try:
        content = facts.read(path, SETTINGS)
        if content is None:
            hint = "mount the file there or unset SSH_AUTHORIZED_KEYS_FILE"
            yield name, Problem(f"cannot read {name}: no such file", hint)
        else:
            yield name, content.decode(errors="replace")
    except OSError as error:
        yield name, Problem(f"cannot read {name}: {error.strerror}")


def find_fault(line: str) -> str | None:
    """Return why sshd would not take this line of an authorized_keys file, or None.

    Empty lines and comments are fine. The answer holds nothing of the line but a type or option.
    """
    fields = LOGIN_FIELD.findall(line)
    if not fields or fields[0].startswith("#"):
        return None
    if fields[0] not in _PARTS and len(fields) > 1 and fields[1] in _PARTS:
        fault = find_option_fault(fields[0])
        if fault:
            return fault
        fields = fields[1:]
    if fields[0] not in _PARTS:
        if fields[0] == "ssh-dss":
            return "sshd no longer accepts keys of type ssh-dss"
        return "it is not a public key"
    return _find_key_fault(fields[0], fields[1] if len(fields) > 1 else "")


def _find_key_fault(kind: str, key: str) -> str | None:
    try:
        blob = binascii.a2b_base64(key, strict_mode=True)
    except ValueError:
        return f"the {kind} key is damaged: it is not base64"
    parts = split_strings(blob)
    if parts is None or len(parts) != _PARTS[kind]:
        return f"the {kind} key is damaged: it is truncated or too long"
    if parts[0] != kind.encode():
        return f"the line says {kind}, but the key has another type"
    bits = int.from_bytes(parts[2]).bit_length() if kind == "ssh-rsa" else RSA_BITS
    if bits < RSA_BITS:
        return f"an RSA key of {bits} bits is too short; create one with: ssh-keygen -t ed25519"
    return None
