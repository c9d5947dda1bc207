"""DEV8_CA_FILE: certificates that every tool trusts beside the public ones.

Bundles in the runtime folder, which variables of the environment name. The system's own bundle
is never changed: it is root's, and the root file system may be read-only.
"""

import os
import re
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from agent.machine.errors import Problem
from agent.machine.hints import find_hint
from agent.machine.light.expressions import regex
from agent.machine.light.files import SETTINGS
from agent.machine.network.system_certificates import PUBLIC
from agent.machine.planning.ledger import Ledger
from agent.machine.planning.plan import apply, plan
from agent.machine.planning.resources import File, Keep, Resource
from agent.machine.system import Facts, System
from agent.settings.certificates import (
    ALL,
    FOLDER,
    MORE,
    STORE,
    find_overridden,
    make_environment,
    write_fish_profile,
    write_profile,
)
from agent.settings.context import Context
from agent.settings.step import Step
from agent.workspace.java_store import make_store

PROFILE, FISH_PROFILE = "profile.sh", "profile.fish"
"""Read by the image's /etc/profile.d/session.sh and /etc/fish/conf.d/devcopilot.fish; the runtime
folder's path needs no quotes."""
MOST = 1000
"""Files of a folder."""
VARIABLE = "DEV8_CA_FILE"
_BLOCK = regex(
    rb"-----BEGIN CERTIFICATE-----\s+[A-Za-z0-9+/=\s]+?-----END CERTIFICATE-----", re.ASCII
)
"""https://datatracker.ietf.org/doc/html/rfc7468"""
_OTHERS = regex(rb"-----BEGIN ([A-Z0-9 ]+)-----")
_DER = b"\x30\x82"
"""How a certificate that is not PEM begins: a SEQUENCE longer than 255 bytes."""


def resources(context: Context) -> Iterator[Resource | Problem]:
    """Yield the bundles; report what cannot be used."""
    settings, facts = context.settings.certificates, context.facts
    if settings.file is None:
        return
    import ssl  # noqa: PLC0415 - 10 ms of each start, and only who has such certificates needs it

    found: dict[bytes, bytes] = {}
    for item in read_source(settings.file, facts):
        if isinstance(item, Problem):
            yield item
        else:
            found.setdefault(ssl.PEM_cert_to_DER_cert(item.decode()).strip(), item)
    more = b"".join(block + b"\n" for block in found.values())
    folder = facts.runtime / FOLDER
    if not found and facts.mode(folder / ALL) is not None:
        # A mount that is gone for a moment must not cost what was trusted before.
        yield from (Keep(folder / name) for name in (ALL, MORE, STORE, PROFILE, FISH_PROFILE))
        return
    public = read_public(facts)
    if public is None:
        yield Problem("this image has no public certificates", "install ca-certificates in it")
    everything = (public or b"") + more
    yield File(folder / ALL, everything, 0o600, adopt=True)
    yield File(folder / MORE, more, 0o600, adopt=True)
    yield File(folder / STORE, make_store(list(decode(everything))), 0o600, adopt=True)
    led = make_environment(settings, facts.runtime)
    yield File(folder / PROFILE, write_profile(led).encode(), 0o600, adopt=True)
    yield File(folder / FISH_PROFILE, write_fish_profile(led).encode(), 0o600, adopt=True)
    own = find_overridden(facts.environ, led)
    if own:
        yield Problem(
            f"{', '.join(own)} set as well: what reads it does not see {VARIABLE}",
            f"unset it, or add the certificates of {VARIABLE} to its file",
            level="info",
        )


def decode(content: bytes) -> Iterator[bytes]:
    """Yield certificates as DER, without those that are damaged: Java would refuse all."""
    import ssl  # noqa: PLC0415 - slow to load

    for block in _BLOCK.findall(content):
        with suppress(ValueError):
            yield ssl.PEM_cert_to_DER_cert(block.decode())


def read_public(facts: Facts) -> bytes | None:
    """Return the system's own bundle. Raises OSError."""
    for path in PUBLIC:
        content = facts.read(path)
        if content is not None:
            return content if content.endswith(b"\n") else content + b"\n"
    return None


def read_source(path: Path, facts: Facts) -> Iterator[bytes | Problem]:
    """Yield what DEV8_CA_FILE has, and what is wrong with it.

    Nothing is raised: without the bundles, programs would not trust the public ones either.
    """
    try:
        yield from read_all(path, facts)
    except OSError as error:
        place = Path(os.fsdecode(error.filename or path))
        cause = error.strerror or str(error)
        yield Problem(f"{VARIABLE}={path}: cannot read {place}: {cause}", find_hint(error, place))


def read_all(path: Path, facts: Facts) -> Iterator[bytes | Problem]:
    """Yield each certificate of a file or a folder, as PEM, and what is wrong. Raises OSError."""
    if not path.exists():
        yield Problem(f"{VARIABLE}={path}: there is no such file", "mount it, or unset it")
        return
    if not path.is_dir():
        yield from read_one(path, facts)
        return
    # What Kubernetes mounts of a ConfigMap has folders beside the files, whose names begin with ..
    names = sorted(each for each in path.iterdir() if not each.name.startswith("."))
    files = [each for each in names if each.is_file()]
    if len(files) > MOST:
        yield Problem(f"{VARIABLE}={path}: only the first {MOST} files are read")
    if not files:
        yield Problem(f"{VARIABLE}={path}: there is no file in it", "put PEM files there")
    for each in files[:MOST]:
        yield from read_one(each, facts)


def read_one(path: Path, facts: Facts) -> Iterator[bytes | Problem]:
    """Yield the certificates of a file, and what is wrong with it."""
    try:
        content = facts.read(path, SETTINGS) or b""
    except OSError as error:
        yield Problem(f"{VARIABLE}: cannot read {path}: {error.strerror or error}")
        return
    blocks = [block.replace(b"\r\n", b"\n") for block in _BLOCK.findall(content)]
    kinds = {kind.decode() for kind in _OTHERS.findall(content)} - {"CERTIFICATE"}
    if any("PRIVATE KEY" in kind for kind in kinds):
        yield Problem(
            f"{VARIABLE}: {path} holds a private key, which nobody needs to trust a certificate",
            "take it out: every program of the workspace can read this file",
        )
    if not blocks:
        yield Problem(f"{VARIABLE}: {path} holds no certificate in PEM", _explain(path, content))
    for number, block in enumerate(blocks, 1):
        yield from check(block, f"certificate {number} of {path}" if len(blocks) > 1 else str(path))


def _explain(path: Path, content: bytes) -> str:
    if content.startswith(_DER):
        return f"convert it: openssl x509 -inform der -in {path.name} -out {path.stem}.pem"
    if b"BEGIN TRUSTED CERTIFICATE" in content:
        return f"convert it: openssl x509 -in {path.name} -out {path.stem}.pem"
    return "it begins with -----BEGIN CERTIFICATE-----"


def check(block: bytes, name: str) -> Iterator[bytes | Problem]:
    """Yield a certificate if OpenSSL takes it, and a problem if nobody will trust what it signs."""
    import ssl  # noqa: PLC0415 - as above

    trust = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        trust.load_verify_locations(cadata=block.decode())
    except (ssl.SSLError, ValueError) as error:
        cause = getattr(error, "reason", None) or str(error)
        yield Problem(f"{VARIABLE}: {name} is damaged: {cause}", "export it again")
        return
    yield block
    authorities = trust.get_ca_certs()
    if not authorities:
        yield Problem(
            f"{VARIABLE}: {name} is not of a certificate authority: it vouches for itself alone",
            "use the certificate of the authority that signed it",
            level="info",
        )
    elif ssl.cert_time_to_seconds(str(authorities[0]["notAfter"])) < time.time():
        yield Problem(f"{VARIABLE}: {name} ended on {authorities[0]['notAfter']}", "get a new one")


def settle(context: Context) -> None:
    """Bring the bundles up to date with DEV8_CA_FILE. What is wrong there, `configure` reports."""
    facts = context.facts
    planned = plan("certificates", resources(context), facts, Ledger())
    apply(planned, System(facts.environ), Ledger())


STEP = Step("certificates", resources)
