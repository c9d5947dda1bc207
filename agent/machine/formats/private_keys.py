"""Private keys as texts: repaired, judged, and their usual file names."""

import binascii
from base64 import b64encode
from pathlib import Path

from agent.machine.light import runtime, texts
from agent.machine.light.expressions import regex
from agent.machine.light.texts import UnusableError
from agent.machine.system import Facts

KEY_NAMES = {
    "ssh-ed25519": "id_ed25519",
    "ssh-rsa": "id_rsa",
    "ecdsa-sha2-nistp256": "id_ecdsa",
    "ecdsa-sha2-nistp384": "id_ecdsa",
    "ecdsa-sha2-nistp521": "id_ecdsa",
    "sk-ssh-ed25519@openssh.com": "id_ed25519_sk",
    "sk-ecdsa-sha2-nistp256@openssh.com": "id_ecdsa_sk",
}
"""Types of keys -> the file names under which ssh finds a private key automatically."""

_MAGIC = b"openssh-key-v1\0"
"""PROTOCOL.key of OpenSSH: the names of a cipher and of what makes its key follow."""
_NONE = len(b"none").to_bytes(4) + b"none"
_BEGIN, _END = b"-----BEGIN OPENSSH PRIVATE KEY-----", b"-----END OPENSSH PRIVATE KEY-----"
WHOLE_FILE = "use the whole file, from -----BEGIN to -----END"
_NEW_LINE = regex(r"\r\n|\r|\n")
LOGIN_FIELD = regex(r'(?:\\"|"(?:\\"|[^"])*(?:"|$)|[^ \t"])+')
"""One field of a line of authorized_keys; blanks inside quotes belong to it, and what follows a
quote that is never closed: so sshkey_advance_past_options of OpenSSH reads it."""
_ONE_LINE = regex(r"(-----BEGIN [A-Z0-9 ]+-----)([A-Za-z0-9+/=\s]+)(-----END [A-Z0-9 ]+-----)")
"""A key whose line breaks have become blanks, or nothing."""
PEM_WIDTH = 64
"""https://datatracker.ietf.org/doc/html/rfc7468#section-2"""
_SSH2_BEGIN, _SSH2_END = "---- BEGIN SSH2 PUBLIC KEY ----", "---- END SSH2 PUBLIC KEY ----"
_PKCS8 = "-----BEGIN PRIVATE KEY-----"
"""https://datatracker.ietf.org/doc/html/rfc8410#section-7"""


def find_folder(facts: Facts) -> Path:
    """Return where the user's private key lies: ssh takes none that others may read."""
    return facts.home / ".ssh" if facts.mounts.home.is_private else facts.runtime / runtime.SSH


def read_pem(text: str) -> str:
    r"""Read a private key: real line breaks, one at the end.

    Env files cannot contain line breaks, so keys come with a literal \n, with blanks, or as the
    Base64 of the whole file.
    """
    text = texts.unwrap(texts.decode(texts.unwrap(text, begins_bare=True), "-----BEGIN "))
    text = text.replace("\\r", "").replace("\\n", "\n").strip()
    if not text:
        raise UnusableError("it is nothing but blanks", WHOLE_FILE)
    lines = [line.strip() for line in _NEW_LINE.split(text)]
    if len(lines) == 1 and (found := _ONE_LINE.fullmatch(lines[0])):
        lines = [found[1], *_fold("".join(found[2].split()), PEM_WIDTH), found[3]]
    return "".join(f"{line}\n" for line in lines)


def read_ssh_key(text: str) -> str:
    """Read a private key for SSH, and convert it if ssh cannot read its format."""
    pem = read_pem(text)
    return (_convert_ed25519(pem) or pem) if pem.startswith(_PKCS8) else pem


def _convert_ed25519(pem: str) -> str | None:
    """Return an Ed25519 key in OpenSSH's own format; None for any other kind.

    OpenSSH before 9.6 cannot read these keys in PKCS #8, the format of openssl and of libraries.
    """
    from cryptography.hazmat.primitives.asymmetric import ed25519  # noqa: PLC0415 - few need it
    from cryptography.hazmat.primitives.serialization import (  # noqa: PLC0415
        load_pem_private_key,
    )

    try:
        key = load_pem_private_key(pem.encode(), None)
    except (ValueError, TypeError, NotImplementedError):
        return None
    if not isinstance(key, ed25519.Ed25519PrivateKey):
        return None
    public = key.public_key().public_bytes_raw()
    return _encode_ed25519(public, key.private_bytes_raw())


def _encode_ed25519(public: bytes, seed: bytes) -> str:
    """Return the key as `ssh-keygen` writes it.

    Except for the number that detects a wrong passphrase: it is random there, and here derived
    from the key, so that the same key always gives the same file.
    """
    kind = _join_strings(b"ssh-ed25519", public)
    body = public[:4] * 2 + kind + _join_strings(seed + public, b"devcopilot")
    body += bytes(range(1, 1 + -len(body) % 8))
    blob = _MAGIC + _NONE * 2 + bytes(4) + (1).to_bytes(4) + _join_strings(kind, body)
    lines = [_BEGIN.decode(), *_fold(b64encode(blob).decode(), 70), _END.decode()]
    return "".join(f"{line}\n" for line in lines)


def _fold(text: str, width: int) -> list[str]:
    """Return a text without blanks in lines of this width."""
    return [text[at : at + width] for at in range(0, len(text), width)]


def _join_strings(*parts: bytes) -> bytes:
    """Return parts of a key as `split_strings` splits them."""
    return b"".join(len(part).to_bytes(4) + part for part in parts)


def find_foreign_form(private: bytes) -> tuple[str, str] | None:
    """Return what a key is that ssh cannot read, and what makes one that it can; None: unknown."""
    if private.startswith(b"PuTTY-User-Key-File-"):
        return "a PuTTY key", (
            "convert a copy: puttygen KEY.ppk -O private-openssh -o KEY; "
            "in PuTTYgen for Windows: Conversions, Export OpenSSH key"
        )
    if private.startswith(b"---- BEGIN SSH2 "):
        return "a key in SSH.com format", "create one with: ssh-keygen -t ed25519"
    return None


def convert_ssh2(text: str) -> str:
    """Return a list of public keys with each one that PuTTYgen saved as a line of OpenSSH's.

    https://datatracker.ietf.org/doc/html/rfc4716#section-3; a damaged one stays as it is.
    """
    before, *blocks = text.split(_SSH2_BEGIN)
    return before + "".join(map(_convert_block, blocks))


def _convert_block(block: str) -> str:
    """Return what follows the begin of a key as a line of OpenSSH's and the rest, if it is one."""
    inside, end, behind = block.partition(_SSH2_END)
    line = _convert_ssh2(inside) if end else None
    return f"{line}{behind}" if line else f"{_SSH2_BEGIN}{block}"


def _convert_ssh2(inside: str) -> str | None:
    parts, is_header = [], False
    for line in _NEW_LINE.split(inside.replace("\\r", "").replace("\\n", "\n")):
        is_header = is_header or ":" in line
        if not is_header:
            parts.append(line.strip())
        is_header = is_header and line.endswith("\\")  # it goes on in the next line
    body = "".join(parts)
    try:
        strings = split_strings(binascii.a2b_base64(body, strict_mode=True))
    except ValueError:
        return None
    kind = strings[0].decode(errors="replace") if strings else ""
    return f"{kind} {body}" if kind in KEY_NAMES else None  # any other text could hold a line feed


def is_locked(private: bytes) -> bool:
    """Tell whether the key needs a passphrase.

    ssh-keygen cannot be asked: it reads its input twice to find out, and a pipe has it only once.
    """
    if b"ENCRYPTED" in private:  # PEM and PKCS #8 say so in clear
        return True
    body = b"".join(line for line in private.split(b"\n") if not line.startswith(b"-----"))
    try:
        blob = binascii.a2b_base64(body)
    except binascii.Error:
        return False
    if not blob.startswith(_MAGIC):
        return False
    return blob[len(_MAGIC) :][:8] != _NONE


def find_public_key(private: bytes) -> bytes | None:
    """Return the public half, as one line, of an unlocked key that ssh-keygen wrote; else None.

    The private half must be there to its end; that its number is the right one is not computed.
    """
    lines = private.split(b"\n")
    if lines[:1] != [_BEGIN] or lines[-2:] != [_END, b""]:
        return None
    try:
        blob = binascii.a2b_base64(b"".join(lines[1:-2]), strict_mode=True)
    except binascii.Error:
        return None
    head = _MAGIC + _NONE * 2 + bytes(4) + (1).to_bytes(4)
    parts = split_strings(blob[len(head) :]) if blob.startswith(head) else None
    if parts is None or len(parts) != 2:
        return None
    public, secret = parts
    if secret[:4] != secret[4:8] or not secret[8:].startswith(public) or len(secret) % 8:
        return None
    kind = (split_strings(public) or [b""])[0]
    if kind.decode(errors="replace") not in KEY_NAMES:
        return None
    return kind + b" " + b64encode(public) + b" devcopilot\n"


def split_strings(blob: bytes) -> list[bytes] | None:
    """Return the length-prefixed strings of which a key is made, or None if they do not fit."""
    parts, at = [], 0
    while at < len(blob):
        end = at + 4 + int.from_bytes(blob[at : at + 4])
        if at + 4 > len(blob) or end > len(blob):
            return None
        parts.append(blob[at + 4 : end])
        at = end
    return parts
