"""Run the command of DEV8_BACKUP_PASSWORD_COMMAND for restic, with a limit of what it may say.

    python -I -m agent.backup.password_command COMMAND…

restic keeps all that the command prints in memory, and one that never ends fills it. restic's own
environment is narrow, and holds the key to the destination: the command gets the user's instead.
"""

import os
import sys
from pathlib import Path

from agent.machine.errors import AgentError
from agent.machine.light import runtime
from agent.machine.light.exits import Exit
from agent.machine.programs import external_commands
from agent.settings import stored

LIMIT = 64 * 1024
"""Bytes."""
TIMEOUT = 3600.0
"""Seconds: whoever waits for restic ends it, and what it has started, far earlier."""


def main() -> int:
    """Print what the command says; exit with its code, or 125 when it says too much."""
    try:
        environ = stored.load_user_environ(Path(runtime.locate(os.environ, os.getuid())))
    except AgentError as error:
        sys.stderr.write(f"{error}\n")
        return Exit.FAILED
    done = external_commands.run(sys.argv[1:], environ, timeout=TIMEOUT, limit=LIMIT)
    sys.stdout.buffer.write(done.stdout)
    sys.stderr.buffer.write(done.stderr)
    if done.returncode in (external_commands.NOT_FOUND, external_commands.TOO_MUCH):
        sys.stderr.write("\n")
    return done.returncode if done.returncode >= 0 else 128 - done.returncode


if __name__ == "__main__":
    sys.exit(main())
