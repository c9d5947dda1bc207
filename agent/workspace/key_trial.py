"""A trial of login keys: what sshd would refuse, although the format of the line is correct."""

import re
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from hashlib import sha256
from subprocess import CompletedProcess

from agent.machine.light.expressions import regex
from agent.machine.programs.external_commands import NOT_FOUND, TOO_LONG, TOO_MUCH
from agent.machine.system import Facts

_FINGERPRINT = regex(rb"^\d+ SHA256:(\S+)", re.MULTILINE)
"""Of a key that was loaded; a comment behind it may name any other."""
_NOTHING_LEARNT = (TOO_LONG, TOO_MUCH, NOT_FOUND)


def begin(keys: Mapping[str, str], facts: Facts) -> Callable[[], list[str]]:
    """Start a trial; what is returned waits for it, and returns the lines that are refused.

    Refused is a key that OpenSSH cannot load, such as a point that is not on its curve. `keys`:
    each line with the Base64 of its key. One call for all lines, however many there are: ssh-keygen
    shows the fingerprints of those that it loads. Nothing is refused when it does not run to its
    end.
    """
    if not keys:
        return list
    text = "".join(f"{line}\n" for line in keys).encode()
    finish = facts.start(("ssh-keygen", "-l", "-E", "sha256", "-f", "/dev/stdin"), stdin=text)
    return lambda: _find_refused(keys, finish())


def _find_refused(keys: Mapping[str, str], done: CompletedProcess[bytes]) -> list[str]:
    if done.returncode in _NOTHING_LEARNT or done.returncode < 0:
        return []
    loaded = set(_FINGERPRINT.findall(done.stdout))
    return [line for line, key in keys.items() if _make_fingerprint(key) not in loaded]


def _make_fingerprint(key: str) -> bytes:
    return b64encode(sha256(b64decode(key)).digest()).rstrip(b"=")
