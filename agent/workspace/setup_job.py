"""What the setup job waits for beside its units. It is light: `configure` loads it."""

from collections.abc import Iterator
from pathlib import Path

from agent.github import gh
from agent.github.hosts import find_accounts
from agent.github.published import token_path
from agent.machine import setup_trigger
from agent.settings.context import Context


def find_watched(context: Context) -> Iterator[Path]:
    """Yield the files whose change may let a unit go on: the trigger, tokens, the logins of gh."""
    yield setup_trigger.find_file(context.facts)
    if logins := gh.find_file(context.facts):
        yield logins
    for account in context.once(find_accounts).known:
        yield token_path(context.facts, account.host)
