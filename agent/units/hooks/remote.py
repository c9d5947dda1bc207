"""`remoteEnv` for the shells of people: bash and fish read it in terminals and over ssh."""

import os
import re
import shlex
from collections.abc import Callable, Iterator

from agent.machine.light import runtime
from agent.machine.light.escaping import quote_fish
from agent.machine.light.expressions import regex
from agent.machine.system import Facts
from agent.units.hooks.environment import Changes

MARK = "DEVCOPILOT_REMOTE_ENV"
"""A shell in a shell keeps what the outer one was given since."""
SCRIPT = "remote-env.sh"
"""In the runtime folder; /etc/profile.d/session.sh of the images reads it."""
FISH_SCRIPT = "remote-env.fish"
"""Beside it; /etc/fish/conf.d/devcopilot.fish of the images reads it."""
_NAME = regex(r"[A-Za-z_]\w*", re.ASCII)
"""Shells know no other names than these."""
FIXED = frozenset({"BASHOPTS", "BASH_VERSINFO", "EUID", "PPID", "SHELLOPTS", "UID"})
"""bash sets these itself, and reports whoever else does: bash(1), "Shell Variables"."""
FIXED_IN_FISH = frozenset({
    "FISH_VERSION", "PWD", "SHLVL", "_", "fish_kill_signal", "fish_killring", "fish_pid",
    "fish_read_limit", "history", "hostname", "pipestatus", "status", "status_generation",
    "umask", "version",
})  # fmt: skip
"""The same in fish: https://fishshell.com/docs/current/language.html#special-variables"""


def share(facts: Facts, changes: Changes) -> None:
    """Let shells that start from now on have these changes. Raises OSError."""
    known = {name: value for name, value in changes.items() if _NAME.fullmatch(name)}
    renderers: dict[str, Callable[[Changes], Iterator[str]]] = {
        SCRIPT: render,
        FISH_SCRIPT: render_fish,
    }
    for name, render_lines in renderers.items():
        path = facts.runtime / name
        if changes:
            runtime.write_atomic(str(path), os.fsencode("".join(render_lines(known))))
        else:
            path.unlink(missing_ok=True)


def render(changes: Changes) -> Iterator[str]:
    """Yield the script that brings the changes about, for sh, bash and zsh."""
    yield f'[ -z "${{{MARK}-}}" ] || return 0\nexport {MARK}=1\n'
    for name, value in changes.items():
        if name in FIXED:
            continue
        yield f"unset {name}\n" if value is None else f"export {name}={shlex.quote(value)}\n"


def render_fish(changes: Changes) -> Iterator[str]:
    """Yield the same for fish, whose older releases cannot return from a file."""
    yield f"if not set -q {MARK}\nset -gx {MARK} 1\n"
    for name, value in changes.items():
        if name in FIXED_IN_FISH:
            continue
        yield f"set -e {name}\n" if value is None else f"set -gx {name} {quote_fish(value)}\n"
    yield "end\n"
