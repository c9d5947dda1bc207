"""Whether git knows in whose name to commit."""

from collections.abc import Iterator

from agent.machine.errors import Problem
from agent.settings.check import Check, Finding, Result
from agent.settings.context import Context
from agent.workspace.checks.signing import read_config

NEEDED = {
    "user.name": ("GIT_USER_NAME", "GIT_AUTHOR_NAME"),
    "user.email": ("GIT_USER_EMAIL", "GIT_AUTHOR_EMAIL"),
}
"""Name of the setting -> our variable for it, and git's."""


def look(context: Context) -> Iterator[Finding]:
    """Look at git's configuration and the environment."""
    facts = context.facts
    if facts.which("git") is None:
        return
    config = read_config(facts)
    if isinstance(config, Problem):
        yield Finding(Result.FAIL, config.message, config.hint)
        return
    missing = [name for name, (_, variable) in NEEDED.items()
               if not config.get(name) and not facts.user_environ.get(variable)]  # fmt: skip
    if missing:
        ours = " and ".join(NEEDED[name][0] for name in missing)
        yield Finding(Result.WARN, f"git has no {' and no '.join(missing)}: commits fail",
                      f"set {ours}, or run: git config --global {missing[0]} …")  # fmt: skip
    else:
        yield Finding(Result.OK, f"git commits as {config.get('user.name', '')} "
                      f"<{config.get('user.email', '')}>")  # fmt: skip


CHECK = Check(
    "identity",
    "Repositories",
    "whether git knows the name and the email address for commits",
    look,
    documents="docs/settings.md#git",
)
