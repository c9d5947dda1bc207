"""What a test needs of this machine: where it is missing the test is skipped, and fails in CI."""

import functools
import os
import shutil
import subprocess
from pathlib import Path

import pytest

REACH = Path(__file__).resolve().parents[2] / "scripts/reach.sh"


def need(condition: object, reason: str) -> None:
    """Go on only if the condition holds."""
    if not condition:
        pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)


def need_sshd() -> str:
    """Return sshd's path if it is there and can run: as root it needs a folder of its package's."""
    sshd = shutil.which("sshd", path="/usr/sbin:/usr/bin")
    need(sshd, "needs sshd")
    if os.getuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    return str(sshd)


def need_other_users() -> None:
    """Go on if others can read this clone; who is not root runs everything as themselves."""
    if os.getuid() == 0:
        need(shutil.which("setpriv"), "needs setpriv")
        hindrance = find_hindrance()
        need(not hindrance, hindrance)


@functools.cache
def find_hindrance() -> str:
    """Return why others cannot read this clone, or nothing."""
    done = subprocess.run([REACH], check=False, capture_output=True, text=True, timeout=120)
    return done.stderr.strip().removeprefix("error: ") if done.returncode else ""
