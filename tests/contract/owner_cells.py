"""Tries homes of any owner and mode: what several starts of the container make of each.

    unshare --mount python -m tests.contract.owner_cells FOLDER OWNER...

It runs as root, becomes the workspace's user in a child for each start, and prints a line of JSON
for each home. In the mount namespace that user's home is the one that is tried.
"""

import contextlib
import itertools
import json
import os
import shutil
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from agent.commands.configure import begin_life
from agent.settings import context
from agent.workspace import configure

UID, ANOTHER, FS_GROUP = 1000, 2001, 2000
"""The workspace's user, who is in a group of their own and in FS_GROUP; and somebody else."""
OWNERS = (UID, 0, ANOTHER)
GROUPS = (UID, 0, FS_GROUP)
MODES = (0o755, 0o775, 0o2775, 0o777, 0o700)
OPENED = 0o070
"""What `chmod -R g+rwX` adds to a home, before the last start."""
STARTS = 3

PASSWD = """\
root:x:0:0::/root:/bin/sh
sshd:x:99:65534::/run/sshd:/bin/false
dev8:x:1000:1000::{home}:/bin/sh
other:x:2001:2001::/:/bin/sh
"""
GROUP = """\
root:x:0:
dev8:x:1000:
other:x:2001:
"""


@dataclass(frozen=True)
class Home:
    """A home as a platform gives it."""

    owner: int
    group: int
    mode: int

    def __str__(self) -> str:
        return f"{self.owner}:{self.group}-{self.mode:04o}"


HOMES = tuple(Home(*row) for row in itertools.product(OWNERS, GROUPS, MODES))


@dataclass(frozen=True)
class Seen:
    """What one start came to. A text is what went wrong; an empty one: it works."""

    said: list[tuple[str, str]]
    """Level and message of each problem."""
    login: str
    """With the key of SSH_PUBLIC_KEY."""
    own_login: str
    """With the key in ~/.ssh/authorized_keys."""
    commit: str
    """A signed one."""
    modes: list[int]
    """Of gh's hosts.yml, the editor's password, and the state folder."""
    host_key: str


def try_homes(folder: Path, owners: set[int]) -> None:
    """Try the homes of these owners."""
    prepare(folder)
    for tried in HOMES:
        if tried.owner in owners:
            print(json.dumps([str(tried), list(try_home(folder, tried))]), flush=True)


def prepare(folder: Path) -> None:
    """Make what an image and its engine bring."""
    (folder / "passwd").write_text(PASSWD.format(home=folder / "home"))
    (folder / "group").write_text(GROUP)
    for name in ("passwd", "group"):
        subprocess.run(["mount", "--bind", folder / name, f"/etc/{name}"], check=True)
    (folder / "run").mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", folder / "run"], check=True)
    include = "[include]\n\tpath = ~/.local/state/devcopilot/gitconfig\n"
    (folder / "gitconfig").write_text(include)
    for name in ("given", "own"):
        argv = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)]
        subprocess.run(argv, check=True)
        os.chown(folder / name, UID, UID)
    (folder / "bin").mkdir()
    editor = folder / "bin/code-server"  # only whether it is there is looked at
    editor.write_text("#!/bin/sh\n")
    editor.chmod(0o755)


def try_home(folder: Path, tried: Home) -> Iterator[dict[str, object]]:
    """Make the home, and start with it again and again."""
    home = folder / "home"
    for path in (home, folder / "work"):
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir()
    os.chown(folder / "work", UID, UID)
    os.chown(home, tried.owner, tried.group)
    home.chmod(tried.mode)
    for start in range(STARTS):
        shutil.rmtree(folder / "run/devcopilot", ignore_errors=True)
        (folder / "run/devcopilot").mkdir(mode=0o700)
        os.chown(folder / "run/devcopilot", UID, UID)
        if start == STARTS - 1:
            subprocess.run(["chmod", "-R", "g+rwX", home], check=True)
        yield as_user(lambda: asdict(start_once(folder)))


def as_user(function: Callable[[], dict[str, object]]) -> dict[str, object]:
    """Return what the function returns in a process of the workspace's user."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([FS_GROUP])
            os.setresgid(UID, UID, UID)
            os.setresuid(UID, UID, UID)
            os.write(writer, json.dumps(function()).encode())
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as answer:
        said = answer.read()
    if os.waitpid(child, 0)[1]:
        raise SystemExit("a start failed")
    return dict(json.loads(said))


def start_once(folder: Path) -> Seen:
    """Configure as `init` has it done, and try what a person does then."""
    environ = {
        "HOME": str(folder / "home"),
        "PATH": f"{folder / 'bin'}:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
        "WORKSPACE_DIR": str(folder / "work"),
        "DEV8_GIT_SIGNING": "ssh",
        "DEV8_RUNTIME_DIR": str(folder / "run/devcopilot"),
        "GIT_CONFIG_SYSTEM": str(folder / "gitconfig"),
        "GIT_USER_EMAIL": "ada@example.com",
        "GITHUB_TOKEN": "ghp_owners0123456789abcdefghijklmnopqrst",
        "SSH_PRIVATE_KEY": (folder / "given").read_text(),
        "SSH_PUBLIC_KEY": (folder / "given.pub").read_text(),
    }
    current = context.from_environ(environ)
    begin_life(current)
    outcome = configure.carry_out_alone(current)
    home, state = current.facts.home, current.facts.state
    own = home / ".ssh/authorized_keys"
    if not own.exists():
        own.write_text((folder / "own.pub").read_text())
        own.chmod(0o600)
    secrets = (home / ".config/gh/hosts.yml", state / "code-server/password", state)
    host_key = current.facts.runtime / "ssh/ssh_host_ed25519_key"
    return Seen(
        said=[(problem.level, problem.message) for _, problem in outcome.problems],
        login=log_in(folder, "given"),
        own_login=log_in(folder, "own"),
        commit=commit(current.facts.environ, folder / "work"),
        modes=[path.stat().st_mode & 0o7777 for path in secrets],
        host_key=host_key.read_text(),
    )


def log_in(folder: Path, key: str) -> str:
    """Log in to an sshd on standard input that has the configuration of the real one."""
    serve = f"/usr/sbin/sshd -i -f {folder}/run/devcopilot/sshd_config -o LogVerbose=none"
    options = (
        "BatchMode=yes", "IdentitiesOnly=yes", "IdentityAgent=none", "StrictHostKeyChecking=no",
        "UserKnownHostsFile=/dev/null", "LogLevel=ERROR", "KexAlgorithms=^curve25519-sha256",
        f"ProxyCommand={serve} 2>/dev/null",
    )  # fmt: skip
    words = [word for option in options for word in ("-o", option)]
    environ = {"PATH": os.defpath, "SHELL": "/bin/sh"}
    argv = ["ssh", "-F", "none", "-i", str(folder / key), *words, "workspace", "true"]
    return run(argv, environ, folder)


def commit(environ: Mapping[str, str], folder: Path) -> str:
    """Make a commit and look at its signature."""
    identity = ("git", "-c", "user.name=Ada", "-C", str(folder))
    steps = (("init", "-q"), ("commit", "-qm", "x", "--allow-empty"), ("verify-commit", "HEAD"))
    said = (run([*identity, *words], environ, folder) for words in steps)
    return next((text for text in said if text), "")


def run(argv: Sequence[str], environ: Mapping[str, str], folder: Path) -> str:
    """Run a command; return why it failed, or nothing."""
    done = subprocess.run(
        argv, cwd=folder, env=dict(environ), check=False, capture_output=True, text=True,
        stdin=subprocess.DEVNULL, timeout=120)  # fmt: skip
    return "" if done.returncode == 0 else done.stderr.strip() or f"it ends with {done.returncode}"


if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError):
        try_homes(Path(sys.argv[1]), {int(word) for word in sys.argv[2:]})
