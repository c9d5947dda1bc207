"""git: defaults that the user's own ~/.gitconfig and every repository override.

They are in a file of the agent that the image's /etc/gitconfig includes, at the system level.
"""

import re
import shlex
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from agent.github import spellings
from agent.github.hosts import find_accounts
from agent.github.spellings import Rules
from agent.machine.errors import Problem
from agent.machine.formats.gitconfig import (
    DEFAULTS,
    SIGNING,
    SYSTEM,
    find_fault,
    find_unreadable,
    start_asking_git,
)
from agent.machine.light.escaping import quote
from agent.machine.light.expressions import regex
from agent.machine.planning.ledger import Ledger
from agent.machine.planning.plan import apply, plan
from agent.machine.planning.resources import File, Resource
from agent.machine.system import Facts, System
from agent.settings.context import Context
from agent.settings.everything import Settings
from agent.settings.step import Step
from agent.workspace.safe_directories import find_trusted

HELPER = Path(__file__).parent.parent / "github" / "helpers" / "git-credential-devcopilot"

_FALSE = ("", "0", "no", "off", "false")
"""What git takes for no in a variable; git-config(1)."""
Answer = list[tuple[str, str]] | Problem | None
"""What git says: keys and values, or why it says nothing."""
_RULE = regex(r"url\.(.*)\.insteadof", re.DOTALL)


def resources(context: Context) -> Iterator[Resource | Problem]:
    """Yield the file of defaults; a problem when git does not read it."""
    settings, facts = context.settings, context.facts
    path = facts.defaults / DEFAULTS
    hosts = [account.host for account in context.once(find_accounts).known]
    trusted, refused = find_trusted(settings.workspace.folder, facts)
    yield from refused
    entries = context.once(_start_asking)()
    rules = find_rules(entries) if isinstance(entries, list) else {}
    text = render_config(settings, hosts, facts.runtime, trusted=trusted, rules=rules)
    yield File(path, text.encode(errors="surrogateescape"), 0o644, adopt=True)
    if facts.defaults != facts.usual_defaults:
        files = (facts.mounts.system_gitconfig, str(path))
        lines = "".join(f"[include]\n\tpath = {quote(file)}\n" for file in files)
        yield File(facts.defaults / SYSTEM, lines.encode(), 0o644, adopt=True)
    elif isinstance(entries, Problem):
        yield entries
    elif entries is not None and (problem := _find_missing_include(path, entries, facts)):
        yield problem


def render_config(
    settings: Settings,
    hosts: Sequence[str],
    runtime_folder: Path,
    *,
    trusted: Iterable[Path] = (),
    rules: Rules | None = None,
) -> str:
    """Return the defaults in git's own format; the agent signs in to `hosts`.

    `rules` are the user's own ones: of two rules that fit equally well git takes the system's.
    """
    lines = ["# Written by devcopilot; your own settings in ~/.gitconfig override it."]
    lines += ["[include]", f"\tpath = {SIGNING}"]
    identity = {"name": settings.git.user_name, "email": settings.git.user_email}
    if any(identity.values()):
        lines.append("[user]")
        lines += [f"\t{key} = {quote(value)}" for key, value in identity.items() if value]
    for folder in trusted:
        lines += ["[safe]", f"\tdirectory = {quote(str(folder))}"]
    for host in dict.fromkeys((settings.github.host, *hosts)):
        for site in spellings.list_sites(host):
            lines += _render_helper(site, runtime_folder)
    for host in hosts if settings.ssh.private_key is None else ():
        for base, forms in spellings.choose_forms(host, rules or {}).items():
            lines.append(f"[url {quote(base)}]")
            lines += [f"\tinsteadOf = {quote(form)}" for form in forms]
    return "\n".join(lines) + "\n"


def find_rules(entries: Iterable[tuple[str, str]]) -> Rules:
    """Return the rules by which git rewrites addresses."""
    found: dict[str, list[str]] = {}
    for key, begin in entries:
        if rule := _RULE.fullmatch(key):
            found.setdefault(begin, []).append(rule[1])
    return found


def _render_helper(host: str, runtime_folder: Path) -> list[str]:
    """Return the section of a host: also without a token of ours, for a login of the user in gh."""
    words = (str(HELPER), str(runtime_folder), sys.executable)
    return [
        f"[credential {quote(f'https://{host}')}]",
        "\thelper =",  # forgets helpers of other files: they would ask, or remember a dead token
        f"\thelper = {quote(f'!sh {shlex.join(words)}')}",
    ]


def begin(context: Context) -> None:
    """Start to ask git."""
    context.once(_start_asking)


def _start_asking(context: Context) -> Callable[[], Answer]:
    """Start to ask git for its includes and rules as they are now; return what waits for them.

    None without git, and when git cannot read our own files: writing them reports that.
    """
    facts = context.facts
    ours = (facts.defaults / DEFAULTS, facts.defaults / SIGNING)
    if facts.which("git") is None or any(find_fault(path, facts) for path in ours):
        return lambda: None
    if fault := find_unreadable(facts):
        return lambda: fault
    return start_asking_git(facts, r"^(include\.path|url\..*)$")


def _find_missing_include(
    path: Path, entries: Iterable[tuple[str, str]], facts: Facts
) -> Problem | None:
    included = {value.replace("~", str(facts.home), 1) if value.startswith("~/") else value
                for key, value in entries if key == "include.path"}  # fmt: skip
    if str(path) in included:
        return None
    if facts.environ.get("GIT_CONFIG_NOSYSTEM", "").lower() not in _FALSE:
        return Problem(
            f"git does not read {path}: GIT_CONFIG_NOSYSTEM disables the system settings",
            "unset GIT_CONFIG_NOSYSTEM: without them git has no token",
        )
    return Problem(
        f"git does not read {path}: no configuration of this image includes it",
        f"as root: git config --system --add include.path {shlex.quote(str(path))}",
    )


def settle(context: Context) -> None:
    """Bring git's defaults up to date with the rules that the user has in ~/.gitconfig by now.

    What is in the way was reported at the start.
    """
    facts = context.facts
    planned = plan("git", resources(context), facts, Ledger())
    apply(planned, System(facts.environ), Ledger())


STEP = Step("git", resources, begin)
