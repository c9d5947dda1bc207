"""The file in which Java keeps the certificates that it trusts: it reads no PEM.

The format is JKS, that of Debian's /etc/ssl/certs/java/cacerts, which a JDK takes for what it is
whatever its default type:
https://github.com/openjdk/jdk/blob/master/src/java.base/share/classes/sun/security/provider/JavaKeyStore.java
"""

import hashlib
import struct
from collections.abc import Sequence

MAGIC, VERSION, TRUSTED = 0xFEEDFEED, 2, 2
PASSWORD = "changeit"  # noqa: S105 - that of every store that comes with a JDK: nothing in it is secret
_WHITENER = b"Mighty Aphrodite"


def make_store(certificates: Sequence[bytes]) -> bytes:
    """Return a store of these certificates, given as DER; the same ones make the same store."""
    rows = (
        struct.pack(">I", TRUSTED)
        + _write_text(f"ca-{number}")
        + struct.pack(">Q", 0)  # when it was added, in milliseconds
        + _write_text("X.509")
        + struct.pack(">I", len(each))
        + each
        for number, each in enumerate(certificates, 1)
    )
    content = struct.pack(">III", MAGIC, VERSION, len(certificates)) + b"".join(rows)
    salt = PASSWORD.encode("utf-16-be") + _WHITENER
    return content + hashlib.sha1(salt + content, usedforsecurity=False).digest()


def _write_text(text: str) -> bytes:
    return struct.pack(">H", len(text)) + text.encode("ascii")
