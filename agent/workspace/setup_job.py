"""What units may wait for. It is light: `configure` loads it."""

from collections.abc import Iterator
from pathlib import Path

from agent.github import gh
from agent.github.hosts import find_accounts
from agent.github.published import token_path
from agent.settings.context import Context


def find_awaited(context: Context) -> Iterator[Path]:
    """Yield the files whose change may let a unit go on that waits: tokens, the logins of gh."""
    if logins := gh.find_file(context.facts):
        yield logins
    for account in context.once(find_accounts).known:
        yield token_path(context.facts, account.host)
