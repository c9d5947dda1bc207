"""Whether git asks the agent for a token, and nobody else; and which addresses git rewrites."""

import re
import shlex
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from urllib.parse import urlsplit

from agent.github.hosts import find_accounts
from agent.machine.formats.gitconfig import find_unreadable
from agent.machine.formats.lines import find_last_line
from agent.machine.light.expressions import regex
from agent.machine.system import Facts
from agent.machine.values import frozen
from agent.settings.check import Check, Finding, Result
from agent.settings.context import Context

OURS = "git-credential-devcopilot"
KEEPS_COPIES = "store"
"""The helper that writes each password into ~/.git-credentials, in clear text."""
_KEY = regex(r"(credential|url)\.(?:(.*)\.)?([a-z]+)", re.DOTALL)


@frozen
class Entry:
    """One line of git's configuration."""

    file: str
    """Where it is, as git names it; empty: not in a file."""
    section: str
    url: str
    """Its subsection, or empty."""
    name: str
    value: str

    @property
    def key(self) -> str:
        """Return how git names it."""
        return ".".join(filter(None, (self.section, self.url, self.name)))

    @property
    def removal(self) -> str:
        """Return the command that removes it."""
        place = f"--file {shlex.quote(self.file)}" if self.file else "--global"
        return f"git config {place} --unset-all {shlex.quote(self.key)}"


def look(context: Context) -> Iterator[Finding]:
    """Look at git's configuration, as it is outside of any repository."""
    hosts = [account.host for account in context.once(find_accounts).known]
    facts = context.facts
    if not hosts or facts.which("git") is None:
        return
    if problem := find_unreadable(facts):
        yield Finding(Result.FAIL, problem.message, problem.hint)
        return
    entries = read_entries(facts)
    if isinstance(entries, str):
        yield Finding(Result.FAIL, f"git cannot read its configuration: {entries}",
                      "git config --list shows the file and line")  # fmt: skip
        return
    found = [
        *(finding for host in hosts for finding in judge_helpers(host, entries)),
        *judge_rules(hosts, entries, has_key=context.settings.ssh.private_key is not None),
    ]
    yield from found
    if not found:
        yield Finding(Result.OK, "git asks the agent, and nobody else, for tokens")


def read_entries(facts: Facts) -> list[Entry] | str:
    """Return what git's configuration says of credentials and addresses, or why git cannot."""
    # From / so that no repository's own configuration takes part.
    words = ("config", "--null", "--show-origin", "--get-regexp", r"^(credential|url)\.")
    done = facts.run(("git", "-C", "/", *words))
    if done.returncode > 1:  # 1: there is nothing of the kind
        return find_last_line(done.stderr, f"git ended with {done.returncode}")
    parts = done.stdout.decode(errors="replace").split("\0")
    entries = []
    for origin, text in zip(parts[::2], parts[1::2], strict=False):
        key, _, value = text.partition("\n")
        if match := _KEY.fullmatch(key):
            file = origin.removeprefix("file:") if origin.startswith("file:") else ""
            entries.append(Entry(file, match[1], match[2] or "", match[3], value))
    return entries


def judge_helpers(host: str, entries: Sequence[Entry]) -> Iterator[Finding]:
    """Yield what is wrong with the helpers that git asks about a host."""
    helpers = find_helpers(host, entries)
    ours = any(OURS in entry.value for entry in helpers)
    if not ours:
        last = helpers[-1] if helpers else None
        who = f"{last.file or 'a variable'} names another helper" if last else "no helper is set"
        yield Finding(
            Result.FAIL if last is None else Result.WARN,
            f"git does not ask the agent for tokens of {host}: {who}",
            last.removal if last else "devcopilot configure",
            part=host,
        )
    for entry in helpers:
        if entry.value.split()[:1] == [KEEPS_COPIES]:
            yield Finding(
                Result.WARN,
                f"git writes each token of {host} into ~/.git-credentials: {entry.file} sets the "
                f"helper {KEEPS_COPIES}",
                f"{entry.removal}; rm -f ~/.git-credentials",
                part=host,
            )


def find_helpers(host: str, entries: Sequence[Entry]) -> list[Entry]:
    """Return the helpers that git asks about a host, in this order: an empty one forgets all.

    https://git-scm.com/docs/gitcredentials#_configuration_options
    """
    found: list[Entry] = []
    for entry in entries:
        if (entry.section, entry.name) == ("credential", "helper") and is_for(entry.url, host):
            found = [*found, entry] if entry.value else []
    return found


def is_for(pattern: str, host: str) -> bool:
    """Tell whether a section of credentials is about a host over https."""
    if not pattern:
        return True
    parts = urlsplit(pattern)
    return (
        parts.scheme == "https" and fnmatchcase(host, parts.hostname or "") and len(parts.path) <= 1
    )


def judge_rules(
    hosts: Sequence[str], entries: Sequence[Entry], *, has_key: bool
) -> Iterator[Finding]:
    """Yield the rules of addresses that keep git from the token, or hold a password."""
    for entry in entries:
        if entry.section != "url" or entry.name not in ("insteadof", "pushinsteadof"):
            continue
        parts = urlsplit(entry.url) if "://" in entry.url else None
        if parts and parts.password:
            shown = f"{parts.scheme}://***@{parts.hostname}"
            yield Finding(
                Result.WARN,
                f"{entry.file or 'git'} rewrites {entry.value} to {shown}, with a password that "
                "the agent does not renew",
                f"remove the rule from {entry.file}" if entry.file else "git config --list",
            )
        elif not has_key and is_by_ssh(entry.url) and leads_to(entry.value, hosts):
            yield Finding(
                Result.WARN,
                f"{entry.file or 'git'} sends {entry.value} by ssh, where the token is no use, "
                "and no ssh key is configured",
                f"{entry.removal}, or set SSH_PRIVATE_KEY_FILE",
            )


def is_by_ssh(url: str) -> bool:
    """Tell whether an address is one of ssh."""
    return url.startswith(("ssh://", "git+ssh://")) or ("://" not in url and "@" in url)


def leads_to(url: str, hosts: Sequence[str]) -> bool:
    """Tell whether an address over https leads to one of these hosts."""
    return urlsplit(url).scheme == "https" and urlsplit(url).hostname in hosts


CHECK = Check(
    "git-settings",
    "GitHub",
    "whether git asks the agent for tokens, and no other helper, and rewrites no address",
    look,
    documents="docs/github.md#what-programs-use",
)
