"""`remoteEnv` for the shells of people: bash reads it in terminals of the editor and over ssh."""

import os
import re
import shlex

from agent.life.hooks.environment import Changes
from agent.machine import runtime
from agent.machine.system import Facts

MARK = "DEVCOPILOT_REMOTE_ENV"
SCRIPT = "remote-env.sh"
"""In the runtime folder; /etc/profile.d/session.sh of the images reads it."""
ONCE = f'[ -z "${{{MARK}-}}" ] || return 0\nexport {MARK}=1\n'
"""A shell in a shell keeps what the outer one was given since."""
_NAME = re.compile(r"[A-Za-z_]\w*", re.ASCII)


def share(facts: Facts, changes: Changes) -> None:
    """Let shells that start from now on have these changes. Raises OSError."""
    path = facts.runtime / SCRIPT
    if changes:
        runtime.write_atomic(str(path), render(changes))
    else:
        path.unlink(missing_ok=True)


def render(changes: Changes) -> bytes:
    """Return the script that brings the changes about; bash knows no other names than these."""
    lines = (
        f"unset {name}\n" if value is None else f"export {name}={shlex.quote(value)}\n"
        for name, value in changes.items()
        if _NAME.fullmatch(name)
    )
    return os.fsencode(ONCE + "".join(lines))
