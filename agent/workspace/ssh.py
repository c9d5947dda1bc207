"""SSH keys: who may log in, the user's own key, and the keys of github.com.

The lists lie where sshd and the image's ssh_config look in addition to the user's own files:
~/.ssh/authorized_keys and ~/.ssh/known_hosts stay the user's alone.
"""

import binascii
import contextlib
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from agent.machine import texts
from agent.machine.errors import Problem
from agent.machine.files import SETTINGS
from agent.machine.keys import (
    KEY_NAMES,
    WHOLE_FILE,
    convert_ssh2,
    find_folder,
    find_foreign_form,
    is_locked,
    read_ssh_key,
    split_strings,
)
from agent.machine.lines import BLANKS, split_lines
from agent.machine.resources import Directory, File, Keep, Resource
from agent.machine.secret import Secret
from agent.machine.system import Facts
from agent.services.logins import AUTHORIZED_KEYS
from agent.settings.context import Context
from agent.settings.everything import Settings
from agent.settings.step import Step
from agent.workspace.key_trial import find_refused, has_expired

FOLDER = "ssh"
"""In the state folder, and in that of the defaults."""
KNOWN_HOSTS = "known_hosts"

_GITHUB = "github.com,gist.github.com,[ssh.github.com]:443"
GITHUB_KNOWN_HOSTS = f"""\
{_GITHUB} ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl
{_GITHUB} ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBEmKSENjQEezOm\
xkZMy7opKgwFB9nkt5YRrYMjNuG5N87uRgg6CLrbo5wAdT/y6v0mKV0U2w0WZ2YB/++Tpockg=
{_GITHUB} ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABgQCj7ndNxQowgcQnjshcLrqPEiiphnt+VTTvDP6mHBL9j1aNUkY4\
Ue1gvwnGLVlOhGeYrnZaMgRK6+PKCUXaDbC7qtbW8gIkhL7aGCsOr/C56SJMy/BCZfxd1nWzAOxSDPgVsmerOBYfNqltV9/hW\
CqBywINIR+5dIg6JTJ72pcEpEjcYgXkE2YEFXV1JHnsKgbLWNlhScqb2UmyRkQyytRLtL+38TGxkxCflmO+5Z8CSSNY7GidjM\
IZ7Q4zMjA2n1nGrlTDkzwDCsw+wqFPGQA179cnfGWOWRVruj16z6XyvxvjJwbz0wQZ75XK5tKSb7FNyeIEs4TT4jk+S4dhPeA\
UC5y+bDYirYgM4GC7uEnztnZyaVWQ7B381AK4Qdrwt51ZqExKbQpTUNn+EjqoTwvqNj4kqx5QUCI0ThS/YkOxJCXmPUWZbhjp\
Cg56i+2aB6CmK2JGhn57K5mj0MNdBXA4/WnwH6XoPWJzK5Nyu2zB3nAZp+S5hpQs+p1vN1/wsjk=
"""
"""As published on docs.github.com, "GitHub's SSH key fingerprints"."""

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

_FIELD = re.compile(r'(?:"(?:\\"|[^"])*"|[^ \t"])+')
"""One field of a line; blanks inside quotes belong to it (sshd(8), AUTHORIZED_KEYS)."""
_KEY = re.compile(rf"(?:^|[ \t]|\\n)(?:{'|'.join(map(re.escape, _PARTS))})[ \t]+AAAA")
"""The begin of a key: each one's first four bytes are the length of its type."""
_LITERAL_BREAK = re.compile(r"(?:\\r)?\\n")
_FOREIGN = {
    "PuTTY-User-Key-File-": (
        "it contains a private key of PuTTY",
        "set the public key: puttygen KEY.ppk -L",
    ),
    "-----BEGIN ": (
        "it contains a key in PEM, which sshd does not read",
        "convert it: ssh-keygen -i -m PKCS8 -f KEY.pem",
    ),
}
"""What other kinds of files contain -> their description, and how to get the public key."""
_OPTION = re.compile(r'([A-Za-z0-9-]+)(?:="(?:\\"|[^"])*")?(?:,|$)')
_OPTIONS = frozenset(
    """agent-forwarding cert-authority command environment expiry-time from
    no-agent-forwarding no-port-forwarding no-pty no-touch-required no-user-rc no-x11-forwarding
    permitlisten permitopen port-forwarding principals pty restrict touch-required tunnel user-rc
    verify-required x11-forwarding""".split()  # noqa: SIM905 - 24 lines less
)


def resources(context: Context) -> Iterator[Resource | Problem]:
    """Yield the lists of keys, the private key and its public half."""
    settings, facts = context.settings, context.facts
    folder = facts.defaults / FOLDER
    for place in dict.fromkeys((folder, facts.logins)):
        yield Directory(place, 0o700)
    yield File(folder / KNOWN_HOSTS, GITHUB_KNOWN_HOSTS.encode(), 0o644, adopt=True)
    yield from _authorized_keys(settings, facts)
    yield from _private_key(settings, facts)


# --- who may log in -----------------------------------------------------------------------------


def _authorized_keys(settings: Settings, facts: Facts) -> Iterator[Resource | Problem]:
    path = facts.logins / AUTHORIZED_KEYS
    lines: list[str] = []
    kept: list[str] = []
    for name, text in _key_lists(settings, facts):
        usable = []
        for item in [text] if isinstance(text, Problem) else try_keys(name, text, facts):
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


def try_keys(name: str, text: str, facts: Facts) -> Iterator[str | Problem]:
    """Yield the lines of a list whose key OpenSSH loads, and the problems of all others.

    An expired key is kept: with it away, a list without any other would count as a mistake.
    """
    found = list(read_keys(name, text))
    refused = find_refused([item for item in found if isinstance(item, str)], facts)
    for item in found:
        if isinstance(item, str) and item in refused:
            yield Problem(
                f"cannot use the key of {name} that ends in {_find_end(item)}: "
                "OpenSSH cannot load it",
                "copy the .pub file again, as ssh-keygen wrote it",
            )
            continue
        yield item
        if isinstance(item, str) and has_expired(_FIELD.findall(item)[0], facts.clock.now()):
            yield Problem(
                f"a key of {name} has expired: its expiry-time is over, and it lets nobody in",
                "remove the line, or set another expiry-time",
            )


def _find_end(entry: str) -> str:
    """Return the last characters of the key in a line."""
    return str(_FIELD.findall(entry[entry.find("AAAA") :])[0])[-12:]


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
    is_plain = all(_FIELD.findall(part)[0] in _PARTS for part in meant)
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
    fields = _FIELD.findall(line)
    if not fields or fields[0].startswith("#"):
        return None
    if fields[0] not in _PARTS and len(fields) > 1 and fields[1] in _PARTS:
        fault = _find_option_fault(fields[0])
        if fault:
            return fault
        fields = fields[1:]
    if fields[0] not in _PARTS:
        if fields[0] == "ssh-dss":
            return "sshd no longer accepts keys of type ssh-dss"
        return "it is not a public key"
    return _find_key_fault(fields[0], fields[1] if len(fields) > 1 else "")


def _find_option_fault(options: str) -> str | None:
    at = 0
    while at < len(options):
        match = _OPTION.match(options, at)
        if not match:
            return 'its options must have the form name or name="value"'
        if match[1].lower() not in _OPTIONS:
            return f"sshd has no option {match[1]}"
        at = match.end()
    return None


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


# --- the user's own key ---------------------------------------------------------------------------


def _private_key(settings: Settings, facts: Facts) -> Iterator[Resource | Problem]:
    folder = find_folder(facts)
    key = _read_private_key(settings, facts)
    if isinstance(key, Problem):
        yield key
        for name in sorted(set(KEY_NAMES.values())):
            yield Keep(folder / name)
            yield Keep(folder / f"{name}.pub")
    if key is None or isinstance(key, Problem):
        return
    content, public = key
    name = KEY_NAMES[public.split()[0].decode()]
    yield Directory(folder, 0o700)
    present, half = facts.read(folder / name), folder / f"{name}.pub"
    # The bash entrypoint wrote the key as it came, and beside it an empty public half.
    same = present is not None and _reads_as(present, content)
    yield File(folder / name, content, 0o600, adopt=same)
    if present is None or same or facts.mode(half) is not None:
        ours = facts.runtime in half.parents  # nobody else writes there
        yield File(half, public, 0o644, adopt=ours or facts.read(half) == b"")
    # else: a key of the user's, left alone, that a public half of another key would only confuse


def _reads_as(present: bytes, content: bytes) -> bool:
    try:
        return read_ssh_key(present.decode(errors="replace")).encode() == content
    except ValueError:  # nothing is in it
        return False


def _read_private_key(settings: Settings, facts: Facts) -> tuple[bytes, bytes] | Problem | None:
    """Return the key and its public half, what is wrong with it, or None when none was given."""
    secret = facts.secret(settings.ssh.private_key)
    if not isinstance(secret, Secret):
        return secret
    content = secret.reveal().encode()
    public = _derive_public_key(content, facts)
    return public if isinstance(public, Problem) else (content, public)


def _derive_public_key(private: bytes, facts: Facts) -> bytes | Problem:
    """Return the public half as one line. The key goes to ssh-keygen through its input only."""
    form = find_foreign_form(private)
    if is_locked(private) and not form:
        return Problem(
            "cannot use SSH_PRIVATE_KEY: it is locked with a passphrase",
            "remove the passphrase from a copy with: ssh-keygen -p -N '' -f COPY",
        )
    done = facts.run(("ssh-keygen", "-y", "-P", "", "-f", "/dev/stdin"), stdin=private)
    kind = done.stdout.split(b" ", 1)[0].decode(errors="replace")
    if done.returncode == 0 and kind in KEY_NAMES:
        return done.stdout.strip() + b"\n"
    if done.returncode in (124, 127):
        said = done.stderr.decode(errors="replace")
        return Problem(f"cannot use SSH_PRIVATE_KEY: ssh-keygen does not run: {said}")
    if form:
        return Problem(
            f"cannot use SSH_PRIVATE_KEY: it is {form[0]}, which ssh cannot read", form[1]
        )
    return Problem(
        "cannot use SSH_PRIVATE_KEY: it is not a private key that ssh can read",
        WHOLE_FILE,
    )


STEP = Step("ssh", resources)
