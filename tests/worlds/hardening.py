"""The hardening matrix: every way to run dev8-mvp that is tried, and whose stop is measured."""

from tests.worlds.containers import ANY_UID, HARDENED, NO_PRIVILEGES, READ_ONLY

ROWS = {
    "default": (),
    "read-only": READ_ONLY,
    "no-privileges": NO_PRIVILEGES,
    "hardened": HARDENED,
    "any-uid": ANY_UID,
    "any-uid-hardened": (*ANY_UID, *HARDENED),
}
"""Name -> options of `docker run`."""

REMAPPED_ROWS = {
    "user-namespace": (),
    "user-namespace-hardened": HARDENED,
}
"""The same, for an engine whose containers have a user namespace: tests/worlds/remapped.py."""
