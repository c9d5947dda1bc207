"""A repository's key that is cheap to try, for tests that open a repository very often.

restic chooses the parameters of scrypt so that trying a password takes half a second, on purpose.
This encrypts the master key anew with the least of them, so that restic itself opens the repository
as before, in no time. https://restic.readthedocs.io/en/stable/100_references.html#keys-encryption-and-mac

Inside a container: python quick_key.py REPOSITORY PASSWORD_FILE.
"""

import atexit
import functools
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from base64 import b64decode, b64encode
from collections.abc import Mapping
from pathlib import Path

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR, ECB
from cryptography.hazmat.primitives.poly1305 import Poly1305

CHEAP = {"N": 128, "r": 1, "p": 1}
"""What restic's own tests take."""
BLOCK = 16
"""Bytes of the initialization vector, which comes first, and of the MAC, which comes last."""
R_MASK = bytes.fromhex("ffffff0ffcffff0ffcffff0ffcffff0f")


def make_quick(repository: Path, password: Path) -> None:
    """Replace the only key of a local repository by a cheap one of the same password.

    `password`: the file with it. Does nothing where there is no repository, or it has more keys.
    """
    keys = list((repository / "keys").glob("*"))
    if len(keys) != 1:
        return
    (path,) = keys
    if json.loads(path.read_bytes())["N"] != CHEAP["N"]:
        word = password.read_text().rstrip("\n")
        _rewrite(path, word, word)


def _rewrite(path: Path, old: str, new: str) -> None:
    """Replace a key by a cheap one that a new password opens."""
    key = json.loads(path.read_bytes())
    master = _decrypt(_derive(key, old), b64decode(key["data"]))
    key |= CHEAP
    key["data"] = b64encode(_encrypt(_derive(key, new), master)).decode()
    content = json.dumps(key).encode()
    status = path.stat()
    made = path.with_name(hashlib.sha256(content).hexdigest())
    made.write_bytes(content)
    made.chmod(status.st_mode)
    os.chown(made, status.st_uid, status.st_gid)
    path.unlink()


def place_repository(
    repository: Path, password: Path, owner: int | None = None, number: int = 0
) -> None:
    """Put an empty repository there, with a cheap key for this password, as `restic init` made it.

    That is run once by each process: it takes two seconds of processor. All copies have one id;
    another `number` gives another repository.
    """
    made, word = _make_once(number)
    shutil.copytree(made, repository, dirs_exist_ok=True)
    (path,) = (repository / "keys").iterdir()
    _rewrite(path, word, password.read_text().rstrip("\n"))
    if owner is not None:
        for part in (repository, *repository.rglob("*")):
            os.chown(part, owner, owner)


@functools.cache
def _make_once(number: int) -> tuple[Path, str]:
    """Return a repository, and its password; each number stands for one."""
    folder = Path(tempfile.mkdtemp(prefix=f"repository-{number}-"))
    atexit.register(shutil.rmtree, folder)
    password = folder / "password"
    password.write_text("the first password")
    made = folder / "repository"
    place = ("--repo", str(made), "--password-file", str(password))
    subprocess.run(["restic", "init", "--quiet", "--no-cache", *place], check=True, timeout=120)
    make_quick(made, password)
    return made, password.read_text()


def plant_lock(repository: Path, password: Path, lock: dict[str, object]) -> Path:
    """Write a lock that says this, as somebody's restic elsewhere would; return its path."""
    return plant(repository / "locks", password, lock)


def plant(folder: Path, password: Path, document: Mapping[str, object]) -> Path:
    """Write a file of the repository's, such as a lock or a snapshot; return its path.

    `folder` is that of its kind. Its name is the id that restic would give it.
    """
    repository = folder.parent
    (key,) = (json.loads(path.read_bytes()) for path in (repository / "keys").glob("*"))
    word = password.read_text().rstrip("\n")
    master = json.loads(_decrypt(_derive(key, word), b64decode(key["data"])))
    parts = (master["encrypt"], master["mac"]["k"], master["mac"]["r"])
    content = _encrypt(b"".join(map(b64decode, parts)), json.dumps(document).encode())
    path = folder / hashlib.sha256(content).hexdigest()
    path.write_bytes(content)
    return path


def find_password(home: Path) -> Path:
    """Return the file of the password that the agent made for a local repository."""
    return home / ".local/state/devcopilot/backup/password"


def _derive(key: dict[str, str], password: str) -> bytes:
    """Return 64 bytes: the key of AES-256, and both halves of that of Poly1305-AES."""
    n, r, p = (int(key[name]) for name in CHEAP)
    salt, most = b64decode(key["salt"]), 256 * 2**20
    return hashlib.scrypt(password.encode(), salt=salt, n=n, r=r, p=p, maxmem=most, dklen=64)


def _decrypt(key: bytes, data: bytes) -> bytes:
    vector, secret = data[:BLOCK], data[BLOCK:-BLOCK]
    Poly1305.verify_tag(_find_once_key(key, vector), secret, data[-BLOCK:])
    return Cipher(AES(key[:32]), CTR(vector)).decryptor().update(secret)


def _encrypt(key: bytes, text: bytes) -> bytes:
    vector = os.urandom(BLOCK)
    secret = Cipher(AES(key[:32]), CTR(vector)).encryptor().update(text)
    return vector + secret + Poly1305.generate_tag(_find_once_key(key, vector), secret)


def _find_once_key(key: bytes, vector: bytes) -> bytes:
    """Return r and AES_k(nonce), which is the key of one MAC: https://cr.yp.to/mac.html"""
    k, r = key[32:48], key[48:64]
    masked = bytes(one & other for one, other in zip(r, R_MASK, strict=True))
    return masked + Cipher(AES(k), ECB()).encryptor().update(vector)


if __name__ == "__main__":
    make_quick(*map(Path, sys.argv[1:]))
