"""One round of the refresh job: certificates, the tokens of all hosts, git's defaults."""

from agent.github import refresh as tokens
from agent.github.renewal import Outcome
from agent.settings.context import Context
from agent.workspace import certificates, git


def refresh(context: Context, *, offline: bool = False) -> list[Outcome]:
    """Refresh the tokens; follow DEV8_CA_FILE and the rules in the user's ~/.gitconfig.

    Raises OSError when the runtime folder cannot be written.
    """
    certificates.settle(context)
    outcomes = tokens.refresh(context, offline=offline)
    git.settle(context)
    return outcomes
