"""Who starts code-server and sshd in the same image: the agent, and what people use instead.

Each gets the same ports, the same user and the same key. The others find a host key and a password
that were made before; the agent makes both, with everything else that it does at a start.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.bench import processes
from tests.bench.connections import Key
from tests.worlds.containers import MVP, Recipe

OURS, TINI, S6, SUPERVISORD = "DevCopilot Agent", "tini", "s6-svscan", "supervisord"
ORIGINAL = "bash entrypoint"
CHECKOUT = "DEV8_ORIGINAL"
"""The variable that names a checkout of the bash entrypoint's repository."""
BEFORE = "DEV8_BEFORE"
"""The variable that names an image with an earlier agent, so that both are measured in one run."""
USER = 1000
_HERE = "/versus"
"""Where the files of the others are in the container."""
_IDE = (
    "code-server --bind-addr 0.0.0.0:8080 --auth none --disable-telemetry --disable-update-check"
    " /workspace"
)
_SSHD = (
    f"/usr/sbin/sshd -D -e -f {_HERE}/sshd_config"
    f" -o 'AuthorizedKeysFile={_HERE}/authorized_keys /versus-keys/authorized_keys'"
)
_SSHD_CONFIG = f"""\
Port 2222
HostKey {_HERE}/host_key
PidFile none
StrictModes no
UsePAM no
"""
_SUPERVISORD = f"""\
[include]
files=/etc/supervisor/*.conf

[supervisord]
nodaemon=true
logfile=/dev/null
logfile_maxbytes=0
pidfile=/tmp/supervisord.pid

[program:code-server]
command={_IDE}
stdout_logfile=/dev/stdout
stdout_logfile_maxbytes=0
redirect_stderr=true

[program:sshd]
command={_SSHD}
stdout_logfile=/dev/stdout
stdout_logfile_maxbytes=0
redirect_stderr=true
"""


@dataclass(frozen=True)
class Rival:
    """One way to start the services."""

    name: str
    recipe: Recipe


@contextmanager
def rivals(key: Key, image: str = MVP) -> Iterator[tuple[Rival, ...]]:
    """Yield all that can be had here, the agent first; `key` logs in to each.

    docker checks the health of none of them: the check works with the agent alone.
    """
    with TemporaryDirectory(prefix="dev8-versus-") as name:
        folder = Path(name)
        _write_files(folder, key)
        mount = ("-v", f"{folder}:{_HERE}")
        both = f"{_SSHD} & exec {_IDE}"
        variables = ("-e", f"SSH_PUBLIC_KEY={key.public}", "-e", "CODE_SERVER_AUTH=none")
        found = [
            Rival(OURS, Recipe(image, variables)),
            Rival(TINI, Recipe(image, ("--init", "--entrypoint", "/bin/sh", *mount), ("-c", both))),
            Rival(SUPERVISORD, Recipe(
                image, ("--entrypoint", "/opt/devcopilot/bin/supervisord", *mount),
                ("-c", f"{_HERE}/supervisord.conf"),
            )),
        ]  # fmt: skip
        if copy_s6(folder):
            options = ("--entrypoint", f"{_HERE}/s6/s6-svscan", *mount,
                       "-v", f"{folder}/s6/s6-supervise:/usr/bin/s6-supervise:ro",
                       "-e", f"LD_LIBRARY_PATH={_HERE}/s6")  # fmt: skip
            found.append(Rival(S6, Recipe(image, options, (f"{_HERE}/scan",))))
        if earlier := os.environ.get(BEFORE):
            found.append(Rival(f"agent of {earlier}", Recipe(earlier, variables)))
        if checkout := os.environ.get(CHECKOUT):
            found.append(Rival(ORIGINAL, _make_original(Path(checkout), key, image, folder)))
        yield tuple(map(_leave_unchecked, found))


def _leave_unchecked(rival: Rival) -> Rival:
    recipe = rival.recipe
    options = (*processes.NO_HEALTH_CHECK, *recipe.options)
    return replace(rival, recipe=replace(recipe, options=options))


def _write_files(folder: Path, key: Key) -> None:
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / "host_key"], check=True
    )
    (folder / "authorized_keys").write_text(f"{key.public}\n")
    (folder / "supervisord.conf").write_text(_SUPERVISORD)
    (folder / "sshd_config").write_text(_SSHD_CONFIG)
    for name, line in (
        ("scan/code-server/run", _IDE), ("scan/sshd/run", _SSHD),
        ("first-in-path/sudo", '"$@"'), ("first-in-path/gh", '/opt/gh/bin/gh "$@"'),
    ):  # fmt: skip
        script = folder / name
        script.parent.mkdir(parents=True, exist_ok=True)
        script.write_text(f"#!/bin/sh\nexec {line}\n")
        script.chmod(0o755)
    folder.chmod(0o755)
    if os.getuid() == 0:
        subprocess.run(["chown", "-R", f"{USER}:{USER}", folder], check=True)


def copy_s6(folder: Path) -> bool:
    """Copy this machine's s6 with its libraries; tell whether there is one."""
    programs = [shutil.which(name) for name in ("s6-svscan", "s6-supervise")]
    target = folder / "s6"
    target.mkdir()
    for program in programs:
        if not program:
            return False
        shutil.copy(program, target)
        listing = subprocess.run(["ldd", program], check=True, capture_output=True, text=True)
        for line in listing.stdout.splitlines():
            words = line.split()
            if words[0].startswith(("libs6", "libskarnet", "libexecline")):
                shutil.copy(words[2], target)
    return True


def _make_original(checkout: Path, key: Key, image: str, folder: Path) -> Recipe:
    """Return how the bash entrypoint is started: as its README says, with the image's programs.

    What its own image has besides are a port for sshd, and a sudo and a gh without an agent.
    """
    options = (
        "-v", f"{checkout.resolve()}/docker/base/entrypoint.sh:/usr/local/bin/entrypoint.sh:ro",
        "-v", f"{folder}:{_HERE}", "-v", f"{folder}/sshd_config:/etc/ssh/sshd_config:ro",
        "-v", f"{folder}/first-in-path:/usr/local/sbin:ro",
        "--entrypoint", "/usr/local/bin/entrypoint.sh", "-e", f"SSH_PUBLIC_KEY={key.public}",
        "-e", "CODE_SERVER_AUTH=none",
    )  # fmt: skip
    return Recipe(image, options, ("sleep", "infinity"))
