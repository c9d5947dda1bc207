"""Private keys as texts: mended, judged, and the names under which they lie."""

import binascii
import re

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

_NEW_LINE = re.compile(r"\r\n|\r|\n")


def mend_private_key(text: str) -> bytes:
    r"""Return the key as programs want it: real line breaks, one at the end, no quotes around it.

    Env files cannot hold line breaks, so keys come with a literal \n, and with docker's
    --env-file with their quotes; Windows adds carriage returns.
    """
    text = text.replace("\\r", "").replace("\\n", "\n")
    lines = _NEW_LINE.split(text.strip().strip("\"'").strip())
    return "".join(f"{line.strip()}\n" for line in lines).encode()


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
    magic = b"openssh-key-v1\0"  # PROTOCOL.key of OpenSSH: the name of the cipher follows
    if not blob.startswith(magic):
        return False
    return blob[len(magic) :][:8] != len(b"none").to_bytes(4) + b"none"
