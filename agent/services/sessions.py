"""What ssh sessions get of the container's environment: as much as sshd takes.

It takes it by SetEnv alone. ForceCommand would win over the `command=` that restricts a key,
~/.ssh/environment is the user's and has the same limits, and what a shell reads reaches neither
sftp nor another shell. So that is only for values with line breaks, which SetEnv cannot hold.
"""

import os
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from agent.machine.errors import Problem
from agent.machine.light import runtime
from agent.machine.light.escaping import quote, quote_fish
from agent.machine.light.expressions import regex
from agent.machine.light.human import list_some

NOT_SENT = frozenset({
    "USER", "LOGNAME", "SHELL", "MAIL", "TERM", "PWD", "OLDPWD", "SHLVL", "_", "HOSTNAME",
})  # fmt: skip
"""What sshd and the login shell set automatically."""
FIRST = frozenset({"PATH", "HOME", "LANG", "LC_ALL", "TZ", "LD_LIBRARY_PATH", runtime.VARIABLE})
"""Without these hardly anything works."""
MOST = 900
"""Variables. With 1,000, sshd's own and the client's included, each session ends at once:
child_set_env in OpenSSH's session.c."""
MOST_BYTES = 192 * 1024
"""Of the line. With 256 KiB for the whole configuration no login works: msg.c."""
SCRIPT, FISH_SCRIPT = "session.sh", "session.fish"
"""In the runtime folder of ssh: bash and fish read them in ssh sessions."""
READER = Path("/etc/profile.d/session.sh")
"""What has bash read it, in the images of ours; they have such a file for fish as well."""
_SERVICE_LINK = regex(
    r"\w+_(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)"
)
"""What Kubernetes adds for each Service of the namespace, as docker did for links. The bare
NAME_PORT that is among it is too often somebody's own."""


def render_set_env(environ: Mapping[str, str]) -> str:
    """Return the one SetEnv line: sshd heeds no second one. What does not fit is left out."""
    words = choose_variables(environ).values()
    return f"SetEnv {' '.join(words)}\n" if words else ""


def choose_variables(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that a session gets, by name, each as a word of sshd_config."""
    chosen: dict[str, str] = {}
    left = MOST_BYTES
    for name in sorted(find_wanted(environ), key=lambda name: _rank(name, environ[name])):
        word = quote(f"{name}={environ[name]}")
        size = len(word.encode(errors="surrogateescape")) + 1
        if len(chosen) < MOST and size <= left and is_expressible(name, environ[name]):
            chosen[name] = word
            left -= size
    return dict(sorted(chosen.items()))


def find_wanted(environ: Iterable[str]) -> list[str]:
    """Return the names of the variables that a session is to have."""
    return [name for name in environ if name not in NOT_SENT and not name.startswith("SSH_")]


def is_expressible(name: str, value: str) -> bool:
    """Tell whether sshd_config can say it."""
    return bool(re.fullmatch(r"[^\s=\"'\\#]+", name)) and not re.search(r"[\r\n]", value)


def find_for_shells(environ: Mapping[str, str]) -> list[str]:
    """Return the variables that a session can get from its shell alone."""
    wanted = sorted(
        name for name in find_wanted(environ) if re.fullmatch(r"[A-Za-z_]\w*", name, re.A)
    )
    return [name for name in wanted if not is_expressible(name, environ[name])]


def render_script(environ: Mapping[str, str]) -> bytes:
    """Return what has bash set those variables, unless an outer shell has them already."""
    lines = (
        f'[ "${{{name}+set}}" ] || export {name}={shlex.quote(environ[name])}\n'
        for name in find_for_shells(environ)
    )
    return os.fsencode("".join(lines))


def render_fish_script(environ: Mapping[str, str]) -> bytes:
    """Return the same for fish."""
    lines = (
        f"set -q {name}; or set -gx {name} {quote_fish(environ[name])}\n"
        for name in find_for_shells(environ)
    )
    return os.fsencode("".join(lines))


def check_environment(environ: Mapping[str, str], reader: Path = READER) -> Iterator[Problem]:
    """Yield what sessions lack of the environment. `reader` has bash read the script."""
    chosen = choose_variables(environ)
    wanted = find_wanted(environ)
    if surplus := sorted(name for name in wanted if name not in chosen
                         and is_expressible(name, environ[name])):  # fmt: skip
        links = any(map(_SERVICE_LINK.fullmatch, surplus))
        yield Problem(
            f"ssh sessions lack {_count(surplus)} of {len(wanted)}, such as {surplus[0]}: "
            "the environment is too large for sshd",
            "in Kubernetes, set enableServiceLinks: false for the pod" if links
            else "put large values into files",
        )  # fmt: skip
    by_shell = find_for_shells(environ) if reader.exists() else []
    odd = sorted(name for name in wanted
                 if name not in by_shell and not is_expressible(name, environ[name]))  # fmt: skip
    if odd:
        yield Problem(
            f"ssh sessions lack {list_some(odd)}: "
            "sshd does not accept line breaks in a value, or blanks or quotes in a name",
            "put such values into files",
        )
    if by_shell:
        yield Problem(
            f"ssh sessions get {list_some(by_shell)} only in bash and fish: sshd does not accept "
            "line breaks in a value",
            "put such values into files",
            level="info",
        )


def _rank(name: str, value: str) -> tuple[int, int, str]:
    """Order by use: what nobody asked for comes last; of the others, as many as possible."""
    rank = 0 if name in FIRST else 2 if _SERVICE_LINK.fullmatch(name) else 1
    return rank, len(value), name


def _count(names: list[str]) -> str:
    return f"{len(names)} variable{'s' if len(names) > 1 else ''}"
