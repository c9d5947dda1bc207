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
from collections.abc import Iterable, Mapping
from pathlib import Path

from agent.machine.errors import Problem
from agent.machine.formats.gitconfig import ask_git
from agent.machine.formats.lines import split_lines
from agent.machine.light.masking import mask_known
from agent.machine.programs import external_commands, steering
from agent.machine.programs.git_failures import Failure, find_failure
from agent.machine.system import Facts
from agent.machine.values import frozen
from agent.units.clone.progress import read_progress
from agent.units.unit import StoppedError, Unit

CONFIG = {
    "core.hooksPath": "/dev/null",
    "core.fsmonitor": "false",
    "core.protectHFS": "true",  # the workspace may be a folder of a Mac
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


@frozen
class Answer:
    """What git said on its two outputs."""

    stdout: str
    stderr: str


class GitError(Exception):
    """git has failed."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.said)
        self.failure = failure


class Git:
    """Runs git for one unit, whose log gets what it says."""

    def __init__(
        self, unit: Unit, facts: Facts, url: str, *, lfs: bool = False, own: "Own | None" = None
    ) -> None:
        """`lfs`: the filter of git LFS runs, and no other one. `own` is asked for if not given."""
        self._unit = unit
        self._facts = facts
        self.runtime = facts.runtime
        self._url = url
        self._own = own or read_own(facts)
        self._changes = make_changes(facts, url, self._own, LFS if lfs else {})
        steered = {name: value for name, value in facts.environ.items()
                   if name not in self._changes}  # fmt: skip
        given = {name: value for name, value in self._changes.items() if value is not None}
        self._environ = {**steered, **given}

    def pass_on(self, unit: Unit, *, lfs: bool = False) -> "Git":
        """Return one for another unit of the same repository."""
        return Git(unit, self._facts, self._url, lfs=lfs, own=self._own)

    def run(self, *words: str, cwd: Path | None = None, **environ: str) -> list[str]:
        """Run git; return its last lines. Raises GitError and StoppedError."""
        last: deque[str] = deque(maxlen=KEPT)

        def hear(line: str) -> None:
            if told := read_progress(line):
                self._unit.progress(*told)
            else:
                last.append(line)

        def show(line: str) -> None:
            if told := read_progress(line):
                self._unit.progress(*told)

        changes = {**self._changes, **environ}
        ended = self._unit.run(
            ("git", *words), cwd=cwd, environ=changes, on_line=hear, on_passing=show
        )
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
        done = external_commands.run(
            ("git", *words), {**self._environ, "GIT_CEILING_DIRECTORIES": str(cwd.parent),
                              "PWD": str(cwd), **environ}, timeout=QUICK, limit=MOST, cwd=cwd,
        )  # fmt: skip
        said = mask_known(done.stderr.decode(errors="replace"), self._facts.runtime)
        if done.returncode != 0:
            raise GitError(find_failure(split_lines(said), done.returncode))
        return Answer(done.stdout.decode(errors="surrogateescape"), said)


@frozen
class Own:
    """What the user's configuration of git has that matters to a clone."""

    filters: frozenset[str] = frozenset()
    """Names of filters, which the attributes of a repository can name."""
    ssh_command: str = ""


def read_own(facts: Facts) -> Own:
    """Return it, without that of any repository."""
    found = ask_git(facts, r"^(filter\..*|core\.sshcommand)$")
    rows = [] if isinstance(found, Problem) else found
    filters = (key.removeprefix("filter.").rpartition(".")[0] for key, _ in rows
               if key.startswith("filter."))  # fmt: skip
    commands = [value for key, value in rows if key == "core.sshcommand"]
    return Own(frozenset(filter(None, filters)), commands[-1] if commands else "")


def make_changes(
    facts: Facts, url: str, own: Own, filters: Mapping[str, str]
) -> dict[str, str | None]:
    """Return what is to be changed in the environment for git, which inherits it to all it runs.

    Only `filters` run.
    """
    environ = facts.environ
    taken: Mapping[str, str | None] = dict.fromkeys(steering.GIT.choose(environ))
    settings = [*CONFIG.items(), *turn_off(own.filters).items(), *filters.items()]
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
        "GIT_SSH_COMMAND": make_ssh_command(own),
        "LC_ALL": "C",
        "LANGUAGE": None,
        **({"SSH_AUTH_SOCK": agent} if (agent := os.environ.get("SSH_AUTH_SOCK")) else {}),
    }


def make_ssh_command(own: Own) -> str:
    """Return the user's own command for ssh, or ssh; unknown hosts are refused, not asked about."""
    options = (f"-o {shlex.quote(option)}" for option in _SSH)
    return " ".join((own.ssh_command or "ssh", *options))


def turn_off(filters: Iterable[str]) -> dict[str, str]:
    """Return the settings with which git runs none of these filters."""
    rows: dict[str, str] = {}
    for name in sorted(filters):
        rows |= {f"filter.{name}.{key}": "" for key in ("clean", "smudge", "process")}
        rows[f"filter.{name}.required"] = "false"
    return rows
