"""Argon2 hashes of passwords as code-server reads them: create and check them.

The text is a PHC string: https://github.com/P-H-C/phc-string-format/blob/master/phc-sf-spec.md
"""

import os
import re

from agent.machine.light import texts
from agent.machine.light.expressions import regex
from agent.machine.light.texts import UnusableError

MEMORY, PASSES, LANES = 19 * 1024, 2, 1
"""KiB, and counts: the minimum that OWASP recommends. Each login pays for it; code-server
slows logins down anyway."""
SALT_BYTES, DIGEST_BYTES = 16, 32

MOST_MEMORY = 1 << 20
"""KiB that checking a password against a given hash may take."""
MOST_WORK = 1 << 22
"""KiB times passes: a few seconds. Above this, one login blocks the editor."""
MOST_LANES = 64
_FORMAT = regex(
    r"\$argon2(?:id|i|d)\$v=(?:16|19)\$m=([1-9][0-9]{0,9}),t=([1-9][0-9]{0,9}),p=([1-9][0-9]{0,9})"
    r"\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)"
)


def hash_password(word: str) -> str:
    """Return a new hash of this password."""
    from cryptography.hazmat.primitives.kdf.argon2 import Argon2id  # noqa: PLC0415 - rarely made

    made = Argon2id(
        salt=os.urandom(SALT_BYTES),
        length=DIGEST_BYTES,
        iterations=PASSES,
        lanes=LANES,
        memory_cost=MEMORY,
    )
    return made.derive_phc_encoded(word.encode())


def read(text: str) -> str:
    """Read a hash. Raises UnusableError if code-server must not get it.

    A `$` may be doubled, as in compose files, or escaped, as in shells; and some programs pad the
    Base64 of salt and digest.
    """
    value = texts.decode(texts.unwrap(text, begins_bare=True), "$argon2")
    value = re.sub(r"[$\\]\$", "$", value)
    value = re.sub(r"=+(?=\$|\Z)", "", value)
    if fault := find_fault(value):
        hint = "a compose file needs $$ for each $, and a shell single quotes"
        raise UnusableError(fault, hint)
    return value


def find_fault(text: str) -> str | None:
    """Return why code-server cannot use this text as a password hash; None if it can.

    The cause completes the sentence "cannot use NAME: ".
    """
    found = _FORMAT.fullmatch(text)
    if not found:
        return "it is not an Argon2 hash such as $argon2id$v=19$m=19456,t=2,p=1$SALT$DIGEST"
    memory, passes, lanes = map(int, found.group(1, 2, 3))
    if memory < 8 * lanes:
        return f"m={memory} is too little for p={lanes}"
    if memory > MOST_MEMORY or memory * passes > MOST_WORK or lanes > MOST_LANES:
        return f"m={memory},t={passes},p={lanes} would take too long at each login"
    for name, part, least in (("salt", found[4], 8), ("digest", found[5], 16)):
        if len(part) % 4 == 1 or not least <= len(part) * 3 // 4 <= 64:
            return f"its {name} does not have {least} to 64 bytes"
    return None
