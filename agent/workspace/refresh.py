"""One round of the refresh job: the tokens of all hosts, then git's defaults."""

from agent.github import refresh as tokens
from agent.github.renewal import Outcome
from agent.settings.context import Context
from agent.workspace import git


def refresh(context: Context, *, offline: bool = False) -> list[Outcome]:
    """Refresh the tokens, and follow the rules that the user has in ~/.gitconfig by now.

    Raises OSError when the runtime folder cannot be written.
    """
    outcomes = tokens.refresh(context, offline=offline)
    git.settle(context)
    return outcomes
