"""git, as a repository of a stranger is cloned with it: nothing that comes with it runs.

A clone brings no configuration, and hooks only from the user's own templates. What a repository can
do is name things: filters that the user's configuration knows, addresses of submodules, hosts to
which a server sends us on. So no hook and no filter runs here, and git talks https and ssh alone.
What the user sets for git is for his own commands; proxies, certificates and rewritten addresses
hold here as well.
"""

import os
import shlex
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from agent.life.clone.causes import Failure, find_failure
from agent.life.clone.progress import read_progress
from agent.life.unit import Unit
from agent.machine import commands, steering
from agent.machine.lines import split_lines
from agent.machine.system import Facts

CONFIG = {
    "core.hooksPath": "/dev/null",
    "core.fsmonitor": "false",
    "submodule.recurse": "false",
    "fetch.recurseSubmodules": "false",
    "gc.auto": "0",
    "maintenance.auto": "false",
    "advice.detachedHead": "false",
    "http.lowSpeedLimit": "1000",
    "http.lowSpeedTime": "60",
}
"""What holds whatever the user's configuration says."""
LFS = {
    "filter.lfs.clean": "git-lfs clean -- %f",
    "filter.lfs.smudge": "git-lfs smudge -- %f",
    "filter.lfs.process": "git-lfs filter-process",
    "filter.lfs.required": "true",
}
"""As `git lfs install` sets it: without it `git lfs pull` leaves the files away, and says 0."""
_SSH = (
    "BatchMode=yes", "StrictHostKeyChecking=yes", "ConnectTimeout=30", "ServerAliveInterval=15",
    "ServerAliveCountMax=4",
)  # fmt: skip
KEPT = 40
"""Last lines of a command, in which the reason of its failure is looked for."""
QUICK = 60.0
"""Seconds for a command that is only asked for its answer."""
MOST = 64 << 20
"""Bytes of such an answer: the names of a hundred thousand branches fit."""


@dataclass(frozen=True)
class Answer:
    """What git said on its two outputs."""

    stdout: str
    stderr: str


class StoppedError(Exception):
    """The container stops: nothing is known of the work, and the next start does it again."""


class GitError(Exception):
    """git has failed."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.said)
        self.failure = failure


class Git:
    """Runs git for one unit, whose log gets what it says."""

    def __init__(
        self, unit: Unit, facts: Facts, url: str, on_progress: "Progress", *, lfs: bool = False
    ) -> None:
        """`lfs`: the filter of git LFS runs, and no other one."""
        self._unit = unit
        self._on_progress = on_progress
        self._changes = make_changes(facts, url, {**_no_filters(facts), **(LFS if lfs else {})})
        steered = {name: value for name, value in facts.environ.items()
                   if name not in self._changes}  # fmt: skip
        given = {name: value for name, value in self._changes.items() if value is not None}
        self._environ = {**steered, **given}

    def run(self, *words: str, cwd: Path | None = None, **environ: str) -> list[str]:
        """Run git; return its last lines. Raises GitError and StoppedError."""
        last: deque[str] = deque(maxlen=KEPT)

        def hear(line: str) -> None:
            if told := read_progress(line):
                self._on_progress(*told)
            else:
                last.append(line)

        changes = {**self._changes, **environ}
        ended = self._unit.run(("git", *words), cwd=cwd, environ=changes, on_line=hear)
        if ended.stopped:
            raise StoppedError
        if not ended.good:
            raise GitError(find_failure(last, ended.code))
        return list(last)

    def ask(self, *words: str, cwd: Path) -> str | None:
        """Return what git knows without the network; None when it ends with a failure."""
        try:
            return self.query(*words, cwd=cwd).stdout
        except GitError:
            return None

    def query(self, *words: str, cwd: Path, **environ: str) -> Answer:
        """Return what git says, which goes to no log. Raises GitError."""
        done = commands.run(
            ("git", *words), {**self._environ, "GIT_CEILING_DIRECTORIES": str(cwd.parent),
                              "PWD": str(cwd), **environ}, timeout=QUICK, limit=MOST, cwd=cwd,
        )  # fmt: skip
        said = done.stderr.decode(errors="replace")
        if done.returncode != 0:
            raise GitError(find_failure(split_lines(said), done.returncode))
        return Answer(done.stdout.decode(errors="surrogateescape"), said)


Progress = Callable[[int, str], None]
"""Gets how far the work is, in per cent, and what goes on."""


def make_changes(facts: Facts, url: str, filters: Mapping[str, str]) -> dict[str, str | None]:
    """Return what is to be changed in the environment for git, which inherits it to all it runs."""
    environ = facts.environ
    taken: Mapping[str, str | None] = dict.fromkeys(steering.GIT.choose(environ))
    settings = [*CONFIG.items(), *filters.items()]
    count = environ.get("GIT_CONFIG_COUNT", "")
    first = int(count) if count.isdecimal() else 0
    numbered = {
        name: value
        for number, (key, setting) in enumerate(settings, start=first)
        for name, value in (
            (f"GIT_CONFIG_KEY_{number}", key),
            (f"GIT_CONFIG_VALUE_{number}", setting),
        )
    }
    return {
        **taken,
        **numbered,
        "GIT_CONFIG_COUNT": str(first + len(settings)),
        "GIT_ALLOW_PROTOCOL": "http:https:ssh" if url.startswith("http://") else "https:ssh",
        "GIT_ASKPASS": "",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_LFS_SKIP_SMUDGE": "1",
        "GIT_SSH_COMMAND": make_ssh_command(facts),
        "LC_ALL": "C",
        "LANGUAGE": None,
        **({"SSH_AUTH_SOCK": agent} if (agent := os.environ.get("SSH_AUTH_SOCK")) else {}),
    }


def make_ssh_command(facts: Facts) -> str:
    """Return the user's own command for ssh, or ssh; unknown hosts are refused, not asked about."""
    own = _ask_config(facts, "--get", "core.sshCommand").strip("\n\0")
    return " ".join((own or "ssh", *(f"-o {shlex.quote(option)}" for option in _SSH)))


def _no_filters(facts: Facts) -> dict[str, str]:
    """Return what keeps git from running any filter."""
    names = find_filters(facts)
    nothing = {
        f"filter.{name}.{key}": "" for name in names for key in ("clean", "smudge", "process")
    }
    return {**nothing, **{f"filter.{name}.required": "false" for name in names}}


def find_filters(facts: Facts) -> list[str]:
    """Return the filters that git knows, which attributes of a repository can name."""
    said = _ask_config(facts, "--null", "--name-only", "--get-regexp", r"^filter\.")
    names = (key.removeprefix("filter.").rpartition(".")[0] for key in said.split("\0") if key)
    return sorted({name for name in names if name})


def _ask_config(facts: Facts, *words: str) -> str:
    # From / so that no repository's own configuration takes part.
    done = facts.run(("git", "-C", "/", "config", *words))
    return done.stdout.decode(errors="surrogateescape") if done.returncode == 0 else ""
