"""Private keys as texts: mended, judged, and the names under which they lie."""

import binascii
import re
from base64 import b64encode
from pathlib import Path
from textwrap import wrap

from agent.machine import runtime
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
"""Types of keys -> the file names under which ssh finds a private key by itself."""

_MAGIC = b"openssh-key-v1\0"
"""PROTOCOL.key of OpenSSH: the names of a cipher and of what makes its key follow."""
_NONE = len(b"none").to_bytes(4) + b"none"
_BEGIN, _END = b"-----BEGIN OPENSSH PRIVATE KEY-----", b"-----END OPENSSH PRIVATE KEY-----"
_NEW_LINE = re.compile(r"\r\n|\r|\n")
_ONE_LINE = re.compile(r"(-----BEGIN [A-Z0-9 ]+-----)([A-Za-z0-9+/=\s]+)(-----END [A-Z0-9 ]+-----)")
"""A key whose line breaks have become blanks, or nothing."""
PEM_WIDTH = 64
"""https://datatracker.ietf.org/doc/html/rfc7468#section-2"""
_ENCODED_BEGIN = b64encode(b"-----BEGIN ").decode()[:14]
_ED25519 = bytes.fromhex("06032b6570")
"""The object identifier 1.3.101.112: https://datatracker.ietf.org/doc/html/rfc8410#section-3"""


def find_folder(facts: Facts) -> Path:
    """Return where the user's private key lies: ssh takes none that others may read."""
    return facts.home / ".ssh" if facts.mounts.home.is_private else facts.runtime / runtime.SSH


def mend_private_key(text: str) -> bytes:
    r"""Return the key as programs want it: real line breaks, one at the end, no quotes around it.

    Env files cannot hold line breaks, so keys come with a literal \n, with blanks, or as Base64 of
    the whole file, and with docker's --env-file with their quotes; Windows adds carriage returns
    and a byte order mark.
    """
    text = _decode_whole(text.strip().strip("\ufeff\"'").strip())
    text = text.replace("\\r", "").replace("\\n", "\n").strip()
    lines = [line.strip() for line in _NEW_LINE.split(text)]
    if len(lines) == 1 and (found := _ONE_LINE.fullmatch(lines[0])):
        lines = [found[1], *wrap("".join(found[2].split()), PEM_WIDTH), found[3]]
    return "".join(f"{line}\n" for line in lines).encode()


def _decode_whole(text: str) -> str:
    """Return what was encoded, if that is a whole file with a key; else the text as it is."""
    if not _NEW_LINE.sub("", text).startswith(_ENCODED_BEGIN):
        return text
    try:
        return binascii.a2b_base64(text).decode().strip()
    except ValueError:
        return text


def find_foreign_form(private: bytes) -> tuple[str, str] | None:
    """Return what a key is that ssh cannot read, and what makes one that it can; None: unknown."""
    if private.startswith(b"PuTTY-User-Key-File-"):
        return "a key of PuTTY's", "convert a copy: puttygen KEY.ppk -O private-openssh -o KEY"
    if private.startswith(b"---- BEGIN SSH2 "):
        return "a key of SSH.com's form", "make one with: ssh-keygen -t ed25519"
    body = b"".join(line for line in private.split(b"\n") if not line.startswith(b"-----"))
    try:
        has_ed25519 = _ED25519 in binascii.a2b_base64(body)
    except binascii.Error:
        return None
    if private.startswith(b"-----BEGIN PRIVATE KEY-----") and has_ed25519:
        return "an Ed25519 key in PKCS #8", "make one with: ssh-keygen -t ed25519"
    return None


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
