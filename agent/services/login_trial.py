"""Whether a login works: the command that tries it, and the key that it has."""

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from agent.machine.light import runtime

KEYGEN_TIMEOUT = 10.0
SURROUNDINGS = {"PATH": os.defpath, "SHELL": "/bin/sh"}
"""The whole environment of the commands: ssh starts its ProxyCommand with the user's shell."""


def check(command: Sequence[str], key: Path, timeout: float) -> str | None:
    """Return None when the command ends with 0 within `timeout` seconds, else why it does not.

    The key is made if need be. Raises OSError when that or the command cannot be started.
    """
    if not key.exists():
        make_key(key)
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            env=SURROUNDINGS, timeout=timeout, check=False)  # fmt: skip
    except subprocess.TimeoutExpired:
        return f"a login takes longer than {timeout:.1f} s"
    if done.returncode == 0:
        return None
    said = done.stderr.decode(errors="replace").strip().split("\n")  # sshd's words come first
    return f"logins fail: {said[0] or f'ssh ends with {done.returncode}'}"


def make_key(path: Path) -> None:
    """Make a pair of keys where there is none. Raises OSError."""
    made = path.with_name(f"{path.name}.new")
    with runtime.hold_lock(f"{path}.lock"):
        if path.exists():
            return  # another probe was faster
        made.unlink(missing_ok=True)  # of one that was killed
        words = ("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "devcopilot", "-f", str(made))
        done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True,
                              env=SURROUNDINGS, timeout=KEYGEN_TIMEOUT, check=False)  # fmt: skip
        if done.returncode:
            raise OSError(None, f"ssh-keygen: {done.stderr.decode(errors='replace').strip()}")
        Path(f"{made}.pub").rename(f"{path}.pub")
        made.rename(path)
