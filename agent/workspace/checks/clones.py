"""The repositories of the workspace and their remotes, and git as the user's programs run it."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from agent.machine.light.expressions import regex
from agent.machine.light.token_prefixes import GIT_HOSTS
from agent.machine.programs import external_commands
from agent.machine.system import Facts
from agent.machine.values import frozen
from agent.settings.context import Context
from agent.settings.repository import EntryError, Repository, parse_address
from agent.workspace.safe_directories import list_mounts, list_repositories

_TOKEN = regex(GIT_HOSTS)
PATIENCE = 15.0
"""Seconds for a host to answer git."""


@frozen
class Remote:
    """One remote of one repository."""

    folder: Path
    place: str
    """The folder, as seen from the workspace."""
    name: str
    url: str

    @property
    def part(self) -> str:
        """Return what to call it."""
        return f"{self.place} {self.name}"

    @property
    def has_password(self) -> bool:
        """Tell whether a password or a token is in its address."""
        user = urlsplit(self.url).netloc.rpartition("@")[0] if "://" in self.url else ""
        return ":" in user or bool(_TOKEN.match(user))

    @property
    def clean_url(self) -> str:
        """Return the address without a login."""
        parts = urlsplit(self.url)
        return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))

    @property
    def repository(self) -> Repository | None:
        """Return the host and the path; None: git alone knows what the address means."""
        try:
            found = parse_address(self.clean_url if self.has_password else self.url)
        except EntryError:
            return None
        return Repository(str(found["path"]).removesuffix(".git"), str(found.get("host", "")))


def find_repositories(context: Context) -> Iterator[Path]:
    """Yield the repositories in the workspace: itself, and those a few folders below."""
    top = Path(os.path.realpath(context.settings.workspace.folder))
    mounts = list_mounts(top)
    for root in (top, *mounts):
        for folder, _ in list_repositories(root, mounts):
            if (folder / ".git").exists():
                yield folder


def find_remotes(context: Context) -> Iterator[Remote]:
    """Yield the remotes of all of them, an address once."""
    top = Path(os.path.realpath(context.settings.workspace.folder))
    seen = set()
    for folder in find_repositories(context):
        done = run(context.facts, folder, "config", "--null", "--get-regexp", r"^remote\..*\.url$")
        for entry in done.stdout.decode(errors="replace").split("\0"):
            key, _, url = entry.partition("\n")
            if url and url not in seen:
                seen.add(url)
                place = os.path.relpath(folder, top) if folder != top else folder.name
                yield Remote(folder, place, key.split(".", 1)[1].removesuffix(".url"), url)


def run(
    facts: Facts, folder: Path, *words: str, **environ: str
) -> "subprocess.CompletedProcess[bytes]":
    """Run git in a repository with the user's own settings; nothing is asked at a terminal."""
    given = {**make_environment(facts), "GIT_CEILING_DIRECTORIES": str(folder.parent), **environ}
    argv = ("git", "-c", "core.askPass=", *words)
    return external_commands.run(argv, given, timeout=PATIENCE, cwd=folder)


def make_environment(facts: Facts) -> dict[str, str]:
    """Return the environment of a program that signs in as the user does, but asks nobody."""
    agent = os.environ.get("SSH_AUTH_SOCK")
    return {
        **facts.user_environ,
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ASKPASS": "",
        "SSH_ASKPASS_REQUIRE": "never",
        "LC_ALL": "C",
        **({"SSH_AUTH_SOCK": agent} if agent else {}),
    }
