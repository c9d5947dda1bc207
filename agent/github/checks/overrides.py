"""Which other credential wins over the agent's token: variables, ~/.netrc, a login in gh.

A token in a shell's start-up file beats everything that the agent renews, and fails when it ends:
https://github.com/cli/cli/issues/3799
"""

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from agent.github import gh
from agent.github.hosts import find_accounts, find_token_variables
from agent.machine.errors import Problem
from agent.machine.formats.lines import split_lines
from agent.machine.light.expressions import regex
from agent.machine.light.files import SETTINGS
from agent.machine.system import Facts
from agent.settings.check import Check, Finding, Result
from agent.settings.context import Context

START_FILES = (
    ".bashrc", ".bash_profile", ".bash_login", ".profile", ".zshrc", ".zshenv", ".zprofile",
    ".zlogin", ".config/fish/config.fish", ".config/environment.d/*.conf", ".pam_environment",
    ".ssh/environment",
)  # fmt: skip
"""Below the home: what sets variables in shells and logins."""
NETRC = (".netrc", "_netrc")
_ENTRY = regex(r"\bmachine\s+(\S+)")


def look(context: Context) -> Iterator[Finding]:
    """Yield what wins over the token of each host."""
    hosts = [account.host for account in context.once(find_accounts).known]
    found = [
        *find_in_files(hosts, context.facts),
        *find_in_shell(hosts, context),
        *find_in_netrc(hosts, context.facts),
        *find_in_gh(context),
    ]
    yield from found
    if hosts and not found:
        yield Finding(Result.OK, "no other credential wins over the agent's token")


def find_names(hosts: Sequence[str]) -> list[str]:
    """Return the variables that gh and others read in place of their login."""
    return list(dict.fromkeys(name for host in hosts for name in find_token_variables(host)))


def find_in_files(hosts: Sequence[str], facts: Facts) -> Iterator[Finding]:
    """Yield each variable that a start-up file of the home sets."""
    names = "|".join(find_names(hosts))
    if not names:
        return
    sets = re.compile(
        rf"^\s*(?:export\s+|declare\s+-x\s+|set\s+-\S*x\S*\s+)?({names})(?:\s*=|\s+\S)"
    )
    for path in (path for name in START_FILES for path in sorted(facts.home.glob(name))):
        for number, line in enumerate(read_lines(path, facts), start=1):
            if match := sets.match(line):
                where = f"{path}, line {number}"
                yield Finding(
                    Result.WARN,
                    f"{where}, sets {match[1]}: gh and other tools use it in place of the agent's "
                    "token, which is always fresh",
                    f"remove line {number} of {path}",
                    {"variable": match[1], "file": str(path), "line": number},
                )


def find_in_shell(hosts: Sequence[str], context: Context) -> Iterator[Finding]:
    """Yield each variable of the shell that called us; the container's own is no login's."""
    given = {value for name in find_names(hosts) if (value := context.variables.get(name))}
    for name in find_names(hosts):
        value = os.environ.get(name)
        if value and value not in given:
            yield Finding(
                Result.WARN,
                f"{name} is set in this shell: gh and other tools use it in place of the agent's "
                "token",
                f"unset {name}",
                {"variable": name},
            )


def find_in_netrc(hosts: Sequence[str], facts: Facts) -> Iterator[Finding]:
    """Yield each entry of a host: curl, and so git, sends it before a helper is asked."""
    for path in (facts.home / name for name in NETRC):
        text = "\n".join(read_lines(path, facts))
        for host in dict.fromkeys(_ENTRY.findall(text)):
            if host in hosts or host in [f"api.{each}" for each in hosts]:
                yield Finding(
                    Result.WARN,
                    f"{path} has a login for {host}, which git and curl use before the agent's "
                    "token",
                    f"remove the entry of {host} from {path}",
                    {"file": str(path)},
                    host,
                )


def find_in_gh(context: Context) -> Iterator[Finding]:
    """Yield what keeps gh from the agent's token, such as a login by hand."""
    for item in gh.resources(context):
        if isinstance(item, Problem):
            yield Finding(Result.WARN, item.message, item.hint or "gh auth logout")


def read_lines(path: Path, facts: Facts) -> list[str]:
    """Return the lines of a file; none of one that cannot be read."""
    try:
        return split_lines((facts.read(path, SETTINGS) or b"").decode(errors="replace"))
    except OSError:
        return []


CHECK = Check(
    "overrides",
    "GitHub",
    "whether a variable, ~/.netrc or a login in gh wins over the agent's token",
    look,
    documents="docs/github.md#what-programs-use",
)
